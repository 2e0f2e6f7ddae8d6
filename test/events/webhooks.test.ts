// Webhooks as people use them: made, told of what happens, signed, looked at, sent again; over both databases and real connections.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { Webhook as Verifier } from 'standardwebhooks'
import {
  deliveryAnswerSchema,
  deliveryListSchema,
  redeliveredSchema,
  type WebhookDelivery,
  webhookAnswerSchema,
  webhookChangedSchema,
  webhookCreatedSchema,
  webhookListSchema,
} from '../../src/api/webhooks.ts'
import { emptyIndexPushed } from '../support/empty-index.ts'
import { atLeast, type Received, type Receiver, startReceiver, status } from '../support/webhook-receiver.ts'
import { describeOnEachDatabase, OWNER, type WholeServer } from '../support/whole-server.ts'

describeOnEachDatabase('webhooks', (startServer) => {
  let kagami: WholeServer
  const receivers: Receiver[] = []
  beforeAll(async () => {
    kagami = await startServer({ env: { KAGAMI_ALLOW_NETWORKS: '127.0.0.0/8' } })
  })
  afterAll(async () => {
    await kagami.stop()
    for (const receiver of receivers) receiver.stop()
  })

  let number = 0
  /** A repository of its own, and a receiver. */
  async function place(answer = status(200)) {
    const receiver = await startReceiver(answer)
    receivers.push(receiver)
    const name = `acme/hooked${++number}`
    await must('POST', '/repositories', { name })
    return { receiver, name, path: `/repositories/${name}/webhooks` }
  }

  async function must(method: string, path: string, body?: unknown) {
    const answer = await kagami.call(method, path, { login: OWNER, body })
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.text}`)
    return answer
  }

  const hook = async (path: string, url: string, more: object = {}) =>
    (await must('POST', path, { name: 'ci', url, plainHttp: true, ...more })).as(webhookCreatedSchema)

  const push = (name: string, tag: string, note?: string) => emptyIndexPushed(kagami.url, name, tag, OWNER, note)

  const listOf = async (path: string, name = 'ci'): Promise<WebhookDelivery[]> =>
    (await must('GET', `${path}/${name}/deliveries`)).as(deliveryListSchema).deliveries

  /** Once they are as wanted: what a receiver has got is written down a moment later. */
  async function deliveriesUntil(path: string, enough: (all: WebhookDelivery[]) => boolean, name = 'ci') {
    for (;;) {
      const all = await listOf(path, name)
      if (enough(all)) return all
      await Bun.sleep(20)
    }
  }

  test('a pushed tag is one signed POST of Docker Hub’s shape', async () => {
    const { receiver, name, path } = await place()
    const { secret, webhook } = await hook(path, `${receiver.url}/in?x=1`, {
      headers: { Authorization: 'Bearer mine' },
    })
    expect(secret).toStartWith('whsec_')
    expect([webhook.headers, JSON.stringify(webhook).includes('mine')]).toEqual([['Authorization'], false])
    await push(name, 'v1')
    const [got] = await receiver.until(atLeast(1))
    expect(got?.path).toBe('/in?x=1')
    expect(got?.json).toMatchObject({
      push_data: { tag: 'v1', pusher: 'owner', images: [] },
      repository: { repo_name: name, namespace: 'acme', is_private: true, status: 'Active' },
      kagami: { kind: 'tag.moved', tag: 'v1', previousDigest: null },
    })
    expect(got?.headers).toMatchObject({ authorization: 'Bearer mine', 'content-type': 'application/json' })
    new Verifier(secret).verify(got?.body ?? '', got?.headers ?? {})
    const [delivery] = await deliveriesUntil(path, ([one]) => one?.status === 'delivered')
    expect(delivery).toMatchObject({ id: got?.headers['webhook-id'] as string, tag: 'v1', error: null, callback: null })
    expect(delivery?.attempts).toMatchObject([{ status: 200, error: null }])
    expect(delivery?.attempts[0]?.requestHeaders).toMatchObject({
      authorization: '[secret]',
      'webhook-id': delivery?.id,
    })
  })

  test('a failure leaves the line and is tried again under the same id; later ones do not wait for it', async () => {
    const { receiver, name, path } = await place((one, response) => {
      response.writeHead(one.json.push_data?.tag === 'bad' && receiver.received.length < 3 ? 500 : 200)
      response.end('not today')
    })
    await hook(path, receiver.url)
    await push(name, 'bad')
    await push(name, 'good')
    await receiver.until(atLeast(2))
    const [, bad] = await deliveriesUntil(
      path,
      (all) => all.length === 2 && all.every((one) => one.attempts.length === 1),
    )
    expect(bad).toMatchObject({ tag: 'bad', status: 'failed', error: 'the receiver answered 500' })
    expect(bad?.attempts[0]).toMatchObject({ status: 500, answer: 'not today' })
    expect(bad?.nextAt).not.toBeNull()
    // Not waited for: somebody asks for it now.
    await must('POST', `${path}/ci/redeliver`, { failedSince: '2020-01-01' })
    const got = await receiver.until(atLeast(3))
    expect(got.map((one) => one.json.push_data?.tag)).toEqual(['bad', 'good', 'bad'])
    expect(got[2]?.headers['webhook-id']).toBe(got[0]?.headers['webhook-id'] as string)
    const all = await deliveriesUntil(path, (list) => list.every((one) => one.status === 'delivered'))
    expect(all.map((one) => one.attempts.map((attempt) => attempt.status))).toEqual([[200], [500, 200]])
  })

  test('events, tags and pushes that change nothing are told as the webhook wants', async () => {
    const { receiver, name, path } = await place()
    const all = ['tag.moved', 'tag.removed', 'tag.restored']
    await hook(path, `${receiver.url}/all`, { name: 'all', events: all })
    await hook(path, `${receiver.url}/some`, { name: 'some', tags: ['v*', '!*-rc'], changedOnly: true })
    for (const tag of ['v1', 'v1', 'v2-rc', 'main']) await push(name, tag)
    await must('DELETE', `/repositories/${name}/tags/v1`)
    const digest = await push(name, 'other')
    await must('POST', `/repositories/${name}/tags/v1/restore`, { digest })
    const got = await receiver.until(atLeast(9))
    const told = (path: string) =>
      got.filter((one) => one.path === path).map(({ json: { kagami: k } }) => `${k.kind} ${k.tag}`)
    expect(told('/all')).toEqual([
      'tag.moved v1',
      'tag.pushed v1',
      'tag.moved v2-rc',
      'tag.moved main',
      'tag.removed v1',
      'tag.moved other',
      'tag.restored v1',
    ])
    expect(told('/some')).toEqual(['tag.moved v1', 'tag.restored v1'])
  })

  test('a webhook of the organization takes the repositories that its patterns name', async () => {
    const { receiver, name } = await place()
    const { name: other } = await place()
    const path = '/organizations/acme/webhooks'
    await hook(path, receiver.url, { name: 'orgwide', repositories: [name.slice('acme/'.length)] })
    await push(other, 'v1')
    await push(name, 'v1')
    await receiver.until(atLeast(1))
    expect((await listOf(path, 'orgwide')).length).toBe(1)
    expect(receiver.received.map((one) => one.json.repository.repo_name)).toEqual([name])
    await must('DELETE', `${path}/orgwide`)
  })

  test('a rotated secret signs beside the old one; the new one is shown once', async () => {
    const { receiver, name, path } = await place()
    const { secret } = await hook(path, receiver.url)
    const changed = (await must('PATCH', `${path}/ci`, { rotateSecret: true })).as(webhookChangedSchema)
    expect(changed.secret).toStartWith('whsec_')
    expect(changed.webhook.oldSecretUntil).not.toBeNull()
    await push(name, 'v1')
    const [got] = await receiver.until(atLeast(1))
    for (const one of [secret, changed.secret ?? '']) new Verifier(one).verify(got?.body ?? '', got?.headers ?? {})
    expect(() =>
      new Verifier(`whsec_${btoa('another secret!!')}`).verify(got?.body ?? '', got?.headers ?? {}),
    ).toThrow()
    const shown = await must('GET', `${path}/ci`)
    expect([shown.text.includes('whsec_'), shown.as(webhookAnswerSchema).webhook.name]).toEqual([false, 'ci'])
  })

  test('what a receiver says at its callback address is kept, and starts the webhook that waits for it', async () => {
    const { receiver, name, path } = await place()
    await hook(path, `${receiver.url}/scan`, { name: 'scan' })
    await hook(path, `${receiver.url}/deploy`, { name: 'deploy', after: 'scan' })
    const say = (to: Received | undefined, body: unknown) =>
      fetch(to?.json.callback_url ?? '', { method: 'POST', body: JSON.stringify(body) })
    await push(name, 'good')
    const [scan] = await receiver.until(atLeast(1))
    const [waiting] = await listOf(path, 'deploy')
    expect([waiting?.status, waiting?.error]).toEqual(['pending', 'it waits until the receiver of scan says success'])
    const words = { description: '387 tests PASSED', context: 'ci', target_url: 'http://ci.acme.com/1' }
    expect((await say(scan, { state: 'maybe' })).status).toBe(400)
    expect((await say(scan, { state: 'success', ...words, description: 'x'.repeat(256) })).status).toBe(400)
    expect((await say(scan, { state: 'success', ...words })).status).toBe(200)
    expect((await say(scan, { state: 'success', ...words })).status).toBe(200)
    expect((await say(scan, { state: 'failure' })).status).toBe(409)
    const [, deploy] = await receiver.until(atLeast(2))
    expect([deploy?.path, deploy?.json.push_data?.tag]).toEqual(['/deploy', 'good'])
    const [kept] = await listOf(path, 'scan')
    expect(kept?.callback).toMatchObject({ state: 'success', targetUrl: words.target_url, context: 'ci' })

    await push(name, 'bad')
    const got = await receiver.until(atLeast(3))
    await say(got[2], { state: 'failure', description: 'CVE-2026-1' })
    const [never] = await deliveriesUntil(path, ([one]) => one?.status === 'dead', 'deploy')
    expect(never?.error).toBe('not started, because scan had no success: its receiver said failure: CVE-2026-1')
    const forged = (scan?.json.callback_url ?? '').replace(/\.[\w-]{43}\/$/, `.${'A'.repeat(43)}/`)
    expect((await fetch(forged, { method: 'POST', body: '{}' })).status).toBe(404)
  })

  test('superseded moves of a tag coalesce where that is asked, and the old digest is that before the first', async () => {
    const { receiver, name, path } = await place()
    await hook(path, receiver.url, { coalesce: true })
    const first = await push(name, 'edge', '1')
    await deliveriesUntil(path, ([one]) => one?.status === 'delivered')
    receiver.answerWith(status(503))
    await push(name, 'edge', '2')
    await deliveriesUntil(path, ([one]) => one?.status === 'failed')
    receiver.answerWith(status(200))
    await push(name, 'edge', '3')
    const got = await receiver.until(atLeast(3))
    expect(got[2]?.json.kagami.previousDigest).toBe(first)
    const [now, before] = await deliveriesUntil(path, ([one]) => one?.status === 'delivered')
    expect(before).toMatchObject({ status: 'dead', error: 'a later move of the tag is delivered instead' })
    expect(now?.id).not.toBe(before?.id ?? '')
    expect((await must('POST', `${path}/ci/redeliver`, { failedSince: '2020-01-01' })).as(redeliveredSchema)).toEqual({
      deliveries: [],
      more: false,
    })
  })

  test('a try-out, and an event that the webhook was never told of', async () => {
    const { receiver, name, path } = await place()
    await push(name, 'early')
    await hook(path, `${receiver.url}/late`)
    const { delivery } = (await must('POST', `${path}/ci/test`)).as(deliveryAnswerSchema)
    const [tried] = await receiver.until(atLeast(1))
    expect([tried?.headers['webhook-id'], tried?.json.kagami.kind, tried?.json.push_data?.tag]).toEqual([
      delivery.id,
      'webhook.test',
      'early',
    ])
    const first = await place()
    await hook(first.path, first.receiver.url, { name: 'other' })
    await push(first.name, 'v1')
    const [elsewhere] = await first.receiver.until(atLeast(1))
    const answer = await kagami.call('POST', `${path}/ci/redeliver`, {
      login: OWNER,
      body: { event: elsewhere?.json.kagami.eventId },
    })
    expect([answer.status, answer.code]).toEqual([404, 'NOT_FOUND'])
    await must('POST', `${path}/ci/redeliver`, { event: tried?.json.kagami.eventId })
    expect((await receiver.until(atLeast(2)))[1]?.headers['webhook-id']).toBe(delivery.id)
  })

  test('a receiver that is gone for good has its webhook disabled, with an event', async () => {
    const { receiver, name, path } = await place(status(410))
    const watch = await startReceiver()
    receivers.push(watch)
    await hook(path, receiver.url)
    await hook(path, watch.url, { name: 'watch', events: ['webhook.disabled'] })
    await push(name, 'v1')
    const [notice] = await watch.until(atLeast(1))
    expect(notice?.json.kagami.kind).toBe('webhook.disabled')
    const { webhook } = (await must('GET', `${path}/ci`)).as(webhookAnswerSchema)
    expect([webhook.enabled, webhook.disabledReason]).toEqual([false, 'the receiver answered 410: it is gone for good'])
    const again = (await must('PATCH', `${path}/ci`, { enabled: true })).as(webhookChangedSchema)
    expect([again.webhook.enabled, again.webhook.disabledReason]).toEqual([true, null])
  })

  test('bad input gets a precise error, and leaves nothing behind', async () => {
    const { receiver, path } = await place()
    const refused = async (body: object) => {
      const answer = await kagami.call('POST', path, { login: OWNER, body: { name: 'x', url: receiver.url, ...body } })
      return [answer.status, answer.message]
    }
    expect(await refused({})).toEqual([400, 'url: got plain http, want https, or --plain-http (plainHttp)'])
    expect(await refused({ url: `https://a.example/${'x'.repeat(250)}` })).toEqual([
      400,
      'url: want at most 255 characters',
    ])
    expect(await refused({ url: 'https://u:p@a.example/' })).toEqual([
      400,
      'url: want no login in the address: give it as a header',
    ])
    expect(await refused({ url: 'https://a.example/', headers: { 'Webhook-Id': '1' } })).toEqual([
      400,
      'headers: "Webhook-Id" is set by Kagami, and cannot be chosen',
    ])
    expect((await refused({ url: 'https://a.example/', tags: ['a b'] }))[1]).toContain('want a glob over tags')
    expect((await refused({ url: 'https://a.example/', events: ['tag.eaten'] }))[0]).toBe(400)
    expect(await refused({ url: 'https://a.example/', after: 'nobody' })).toMatchObject([
      400,
      expect.stringContaining('after:'),
    ])
    expect((await refused({ url: 'https://a.example/', repositories: ['*'] }))[0]).toBe(400)
    expect((await must('GET', path)).as(webhookListSchema).webhooks).toEqual([])
    await hook(path, receiver.url, { name: 'one' })
    await hook(path, receiver.url, { name: 'two', after: 'one' })
    const ring = await kagami.call('PATCH', `${path}/one`, { login: OWNER, body: { after: 'two' } })
    expect(ring.message).toBe('after: two waits for this webhook itself')
    const leader = await kagami.call('DELETE', `${path}/one`, { login: OWNER })
    expect([leader.status, leader.message]).toEqual([409, 'webhook two runs after one: change or delete that first'])
    expect(
      (await kagami.call('POST', path, { login: OWNER, body: { name: 'one', url: 'https://a.example' } })).code,
    ).toBe('CONFLICT')
  })

  test('admins of the repository have its webhooks, owners those of the organization, others none', async () => {
    const { name, path } = await place()
    const editor = await kagami.addUser('hookeditor', { acme: 'editor' })
    const member = await kagami.addUser('hookmember', { acme: 'member' })
    const of = async (login: typeof editor, where: string) => (await kagami.call('GET', where, { login })).status
    expect([await of(editor, path), await of(editor, '/organizations/acme/webhooks')]).toEqual([200, 403])
    expect([await of(member, path), await of(member, '/organizations/acme/webhooks')]).toEqual([403, 403])
    expect(await of(editor, `/repositories/${name}-not/webhooks`)).toBe(404)
  })
})
