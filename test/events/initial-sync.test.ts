// The first pass of a mirror: told tag by tag, as one, or not at all; what comes later is told in any case.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { deliveryListSchema } from '../../src/api/webhooks.ts'
import { type Receiver, startReceiver } from '../support/webhook-receiver.ts'
import { OWNER, startWholeServer, type WholeServer } from '../support/whole-server.ts'

let kagami: WholeServer
let receiver: Receiver
beforeAll(async () => {
  receiver = await startReceiver()
  kagami = await startWholeServer({ withSample: true, env: { KAGAMI_ALLOW_NETWORKS: '127.0.0.0/8' } })
})
afterAll(async () => {
  await kagami?.stop()
  receiver?.stop()
})

const must = async (method: string, path: string, body?: unknown) => {
  const answer = await kagami.call(method, path, { login: OWNER, body })
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.text}`)
  return answer
}

test('each, summary and none', async () => {
  for (const mode of ['each', 'summary', 'none']) {
    const url = `${receiver.url}/${mode}`
    const body = { name: mode, url, plainHttp: true, initialSync: mode, repositories: ['nginx-*'] }
    await must('POST', '/organizations/acme/webhooks', body)
  }
  const { run } = JSON.parse(
    (
      await must('POST', '/mirrors', {
        organization: 'acme',
        upstream: 'sample',
        repository: 'nginx',
        as: 'nginx-here',
      })
    ).text,
  )
  await kagami.server.mirrors.wait(run.id)
  const { tags } = JSON.parse((await must('GET', '/repositories/acme/nginx-here/tags')).text) as {
    tags: { name: string }[]
  }
  const digestTags = /^sha256-/
  const names = tags.map(({ name }) => name)
  await receiver.until((received) => {
    const told = new Set(received.filter(({ path }) => path === '/each').map(({ json }) => json.kagami.tag))
    return names.every((name) => told.has(name)) && received.some(({ path }) => path === '/summary')
  })
  expect(names.filter((name) => !digestTags.test(name)).length).toBeGreaterThan(3)
  const summaries = receiver.received.filter(({ path }) => path === '/summary')
  expect(summaries.map(({ json }) => json.kagami.kind)).toEqual(['mirror.synced'])
  expect(names).toContain(summaries[0]?.json.push_data?.tag ?? '')
  const { deliveries } = (await must('GET', '/organizations/acme/webhooks/none/deliveries')).as(deliveryListSchema)
  expect(deliveries).toEqual([])

  // From now on all three are told: a person takes a tag out and back.
  const [tag = ''] = names.filter((name) => !digestTags.test(name))
  const digest = (
    JSON.parse((await must('GET', `/repositories/acme/nginx-here/tags/${tag}`)).text) as { tag: { digest: string } }
  ).tag.digest
  await must('DELETE', `/repositories/acme/nginx-here/tags/${tag}`)
  await must('POST', `/repositories/acme/nginx-here/tags/${tag}/restore`, { digest })
  await receiver.until((received) =>
    ['/each', '/summary', '/none'].every((path) =>
      received.some((one) => one.path === path && one.json.kagami.kind === 'tag.restored'),
    ),
  )
})
