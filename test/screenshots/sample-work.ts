// The sample as a team that works with it leaves it: mirrors, one of which wants a look, a release that has just arrived, people, a webhook.
import { mirrorRunAnswerSchema } from '../../src/api/mirrors.ts'
import { type Receiver, startReceiver } from '../support/webhook-receiver.ts'
import { OWNER, startWholeServer, type WholeServer } from '../support/whole-server.ts'
import { addPast } from './past.ts'

export interface SampleWork {
  readonly kagami: WholeServer
  stop(): Promise<void>
}

export async function startSampleWork(): Promise<SampleWork> {
  const kagami = await startWholeServer({ withSample: true, env: { KAGAMI_ALLOW_NETWORKS: '127.0.0.0/8' } })
  const receiver = await startReceiver()
  await work(kagami, receiver)
  return {
    kagami,
    async stop() {
      await kagami.stop()
      receiver.stop()
    },
  }
}

async function work(kagami: WholeServer, receiver: Receiver): Promise<void> {
  const must = async (method: string, path: string, body?: unknown) => {
    const answer = await kagami.call(method, path, { login: OWNER, ...(body === undefined ? {} : { body }) })
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.text}`)
    return answer
  }
  const mirror = async (repository: string, as: string, settings = {}) => {
    const body = { organization: 'acme', upstream: 'sample', repository, as, settings }
    return (await must('POST', '/mirrors', body)).as(mirrorRunAnswerSchema).run.id
  }
  await kagami.addUser('mia', { acme: 'member' })
  await kagami.addUser('emil', { acme: 'editor' })
  await must('POST', '/organizations/acme/teams', { name: 'platform' })
  await must('PUT', '/organizations/acme/teams/platform/members/mia')
  const sync = async (name: string) =>
    (await must('POST', `/mirrors/acme/${name}/sync`, {})).as(mirrorRunAnswerSchema).run.id
  const runs = [
    // The sample has this mirror from its start.
    await sync('dhi-python'),
    await mirror('node', 'dhi-node'),
    await mirror('python', 'dhi-python-slim', { selection: { tags: ['3.13*'] } }),
  ]
  for (const run of runs) await kagami.server.mirrors.wait(run)
  await must('POST', '/repositories/acme/dhi-python/webhooks', {
    name: 'ci',
    url: receiver.url,
    tags: [],
    format: 'hub',
    plainHttp: true,
  })
  await must('POST', '/sample/releases')
  for (const name of ['dhi-python', 'dhi-node']) {
    await kagami.server.mirrors.wait(await sync(name))
  }
  await must('POST', '/mirrors/acme/dhi-python-slim/pause', {})
  await receiver.until((received) => received.length > 3)
  await addPast(kagami.directory)
}
