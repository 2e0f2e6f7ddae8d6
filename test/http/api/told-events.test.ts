// Events as they happen: in order, none missed by who comes back to whichever server, and nobody's who may not see them.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { type ToldEvent, toldEventSchema } from '../../../src/api/told-events.ts'
import { hubPayloadSchema } from '../../../src/api/webhook-payload.ts'
import { emptyIndexPushed } from '../../support/empty-index.ts'
import { type ReceivedEvent, readEvents } from '../../support/event-stream.ts'
import { havePostgres, postgres } from '../../support/postgres.ts'
import { temporaryDirectory } from '../../support/process.ts'
import {
  authorization,
  describeOnEachDatabase,
  type Login,
  OWNER,
  startWholeServer,
  type WholeServer,
} from '../../support/whole-server.ts'

const REPOSITORY = '/repositories/acme/app/events'

function open(server: WholeServer, path: string, o: { login?: Login; after?: string; accept?: string } = {}) {
  return fetch(`${server.url}/api/v1${path}`, {
    headers: {
      accept: o.accept ?? 'text/event-stream',
      authorization: authorization(o.login ?? OWNER),
      ...(o.after === undefined ? {} : { 'last-event-id': o.after }),
    },
  })
}

async function take(response: Response, count: number): Promise<(ReceivedEvent & { told: ToldEvent })[]> {
  const found: (ReceivedEvent & { told: ToldEvent })[] = []
  for await (const event of readEvents(response)) {
    found.push({ ...event, told: toldEventSchema.parse(JSON.parse(event.data)) })
    if (found.length === count) break
  }
  return found
}

const tagsOf = (events: readonly { told: ToldEvent }[]) => events.map(({ told }) => told.tag)

describeOnEachDatabase('events as webhooks tell them', (startServer) => {
  let kagami: WholeServer
  beforeAll(async () => {
    kagami = await startServer()
    for (const name of ['acme/app', 'acme/other']) {
      await kagami.call('POST', '/repositories', { login: OWNER, body: { name } })
    }
  })
  afterAll(() => kagami.stop())
  const push = (tag: string, repository = 'acme/app') => emptyIndexPushed(kagami.url, repository, tag, OWNER)

  test('come as they happen, of the repository alone, as its webhooks would post them', async () => {
    const response = await open(kagami, REPOSITORY)
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream'])
    const events = take(response, 2)
    await push('elsewhere', 'acme/other')
    await push('1.0')
    await push('1.1')
    const found = await events
    expect(tagsOf(found)).toEqual(['1.0', '1.1'])
    const [first] = found
    expect([first?.event, first?.id]).toEqual(['tag.moved', String(first?.told.seq)])
    const payload = hubPayloadSchema.parse(JSON.parse(first?.told.body ?? ''))
    expect(payload.push_data).toMatchObject({ tag: '1.0', pusher: 'owner' })
    expect(payload.repository?.repo_url).toBe(`${kagami.url}/api/v1/repositories/acme/app`)
    expect(payload.kagami.eventId).toBe(first?.told.eventId ?? '')
  })

  test('of the organization: of all its repositories; by kind and by tag; in the format that is asked for', async () => {
    const all = take(await open(kagami, '/organizations/acme/events'), 2)
    const query = new URLSearchParams({ events: 'tag.moved', tags: '2.*,!*-rc', format: 'cloudevents-binary' })
    const chosen = take(await open(kagami, `${REPOSITORY}?${query}`), 1)
    await push('1.9')
    await push('2.0-rc')
    await push('2.0')
    expect(tagsOf(await all)).toEqual(['1.9', '2.0-rc'])
    const [one] = await chosen
    expect([one?.told.tag, one?.told.headers['ce-type']]).toEqual(['2.0', 'kagami.tag.moved'])
  })

  test('who comes back misses nothing, and sees nothing twice', async () => {
    const first = take(await open(kagami, REPOSITORY), 1)
    await push('3.0')
    const [seen] = await first
    await push('3.1')
    await push('3.2')
    const again = await take(await open(kagami, REPOSITORY, { after: seen?.id ?? '' }), 2)
    expect(tagsOf(again)).toEqual(['3.1', '3.2'])
    // As lines, by `after`.
    const lines = await open(kagami, `${REPOSITORY}?after=${seen?.id}`, { accept: 'application/json' })
    expect(lines.headers.get('content-type')).toBe('application/jsonl')
    const reader = (lines.body as ReadableStream<Uint8Array>).getReader()
    // At once, so that whoever follows what is quiet knows that it does.
    let text = ''
    while (text.split('\n').length < 3) text += new TextDecoder().decode((await reader.read()).value)
    await reader.cancel()
    const [opening, line = ''] = text.split('\n')
    expect(opening).toBe('')
    expect(toldEventSchema.parse(JSON.parse(line)).tag).toBe('3.1')
  })

  test('are for those who may read webhooks, and end when one no longer may', async () => {
    const [member, editor] = [
      await kagami.addUser('member', { acme: 'member' }),
      await kagami.addUser('editor', { acme: 'editor' }),
    ]
    expect((await open(kagami, REPOSITORY, { login: member })).status).toBe(403)
    expect((await open(kagami, '/repositories/acme/absent/events', { login: editor })).status).toBe(404)
    expect((await open(kagami, '/organizations/acme/events', { login: editor })).status).toBe(403)
    const response = await open(kagami, REPOSITORY, { login: editor })
    const all = Array.fromAsync(readEvents(response)).then(
      () => 'ended',
      () => 'broken off',
    )
    await kagami.call('DELETE', '/organizations/acme/members/editor', { login: OWNER })
    await push('4.0')
    expect(await all).toBe('broken off')
  })

  test('what is no query is refused by name', async () => {
    for (const [query, name] of [
      ['format=xml', 'format'],
      ['after=-1', 'after'],
      [`events=${Array(51).fill('a').join(',')}`, 'events'],
      [`tags=${'x'.repeat(201)}`, 'tags'],
      ['since=1', 'since'],
    ] as const) {
      const answer = await kagami.call('GET', `${REPOSITORY}?${query}`, { login: OWNER })
      expect([answer.status, answer.code, answer.message.includes(name)]).toEqual([400, 'INVALID_REQUEST', true])
    }
  })
})

test.skipIf(!havePostgres)('another server on the database goes on where one has ended', async () => {
  const env = { KAGAMI_DATABASE: await (await postgres()).freshDatabase() }
  const directory = temporaryDirectory('told-events')
  const o = { env, directory: directory.path }
  const [one, two] = [await startWholeServer(o), await startWholeServer(o)]
  try {
    await one.call('POST', '/repositories', { login: OWNER, body: { name: 'acme/app' } })
    const first = take(await open(one, REPOSITORY), 1)
    await emptyIndexPushed(one.url, 'acme/app', '1', OWNER)
    const [seen] = await first
    await emptyIndexPushed(one.url, 'acme/app', '2', OWNER)
    const live = open(two, REPOSITORY, { after: seen?.id ?? '' })
    const next = take(await live, 2)
    await emptyIndexPushed(one.url, 'acme/app', '3', OWNER)
    expect(tagsOf(await next)).toEqual(['2', '3'])
  } finally {
    await one.stop()
    await two.stop()
    directory.remove()
  }
})
