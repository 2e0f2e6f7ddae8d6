// What is told of an organization at a glance: pulls over time, what moved, how its mirrors are, what is found by name; to whom.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import {
  activityAnswerSchema,
  freshnessListSchema,
  movedAnswerSchema,
  moveListSchema,
  troublesAnswerSchema,
} from '../../../src/api/glance.ts'
import { namesAnswerSchema } from '../../../src/api/names.ts'
import { repositoryAnswerSchema } from '../../../src/api/repositories.ts'
import { tagAtAnswerSchema, tagListSchema } from '../../../src/api/tags.ts'
import { usageAnswerSchema } from '../../../src/api/usage.ts'
import { openDatabase } from '../../../src/db/engine/engine.ts'
import { emptyIndexPushed } from '../../support/empty-index.ts'
import { temporaryDirectory } from '../../support/process.ts'
import {
  authorization,
  describeOnEachDatabase,
  type Login,
  OWNER,
  startWholeServer,
  type WholeServer,
} from '../../support/whole-server.ts'

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
const EMPTY = { mediaType: 'application/vnd.oci.image.config.v1+json', size: 2 }
const DIGEST = 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a'

function inRegistry(kagami: WholeServer, method: string, path: string, o: RequestInit = {}) {
  const headers = { authorization: authorization(OWNER), ...o.headers }
  return fetch(`${kagami.url}/v2/${path}`, { ...o, method, headers })
}

/** An image of one empty layer. @returns its digest */
async function imagePushed(kagami: WholeServer, repository: string, tag: string): Promise<string> {
  const begun = await inRegistry(kagami, 'POST', `${repository}/blobs/uploads/`)
  const place = new URL(begun.headers.get('location') ?? '', kagami.url)
  place.searchParams.set('digest', DIGEST)
  await fetch(place, { method: 'PUT', headers: { authorization: authorization(OWNER) }, body: '{}' })
  const config = { ...EMPTY, digest: DIGEST }
  const body = JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST, config, layers: [config] })
  const put = await inRegistry(kagami, 'PUT', `${repository}/manifests/${tag}`, {
    headers: { 'content-type': MANIFEST },
    body,
  })
  expect(put.status).toBe(201)
  return put.headers.get('docker-content-digest') ?? ''
}

describeOnEachDatabase('an organization at a glance', (start) => {
  let kagami: WholeServer
  let member: Login
  let stranger: Login
  const get = (path: string, login: Login = OWNER) => kagami.call('GET', path, { login })
  beforeAll(async () => {
    kagami = await start({ withSample: true })
    // The sample's first mirror moves tags too.
    while (!(await fetch(`${kagami.url}/readyz`)).ok) await Bun.sleep(20)
    stranger = await kagami.addUser('stranger', { elsewhere: 'owner' })
    member = await kagami.addUser('member', { acme: 'member' })
    await kagami.call('PATCH', '/organizations/acme', { login: OWNER, body: { membersPull: 'none' } })
    await kagami.call('POST', '/organizations/acme/teams', { login: OWNER, body: { name: 'readers' } })
    await kagami.call('PUT', '/organizations/acme/teams/readers/members/member', { login: OWNER, body: {} })
    const grant = { repository: 'acme/open', permission: 'read' }
    await kagami.call('PUT', '/organizations/acme/teams/readers/grants', { login: OWNER, body: grant })
  })
  afterAll(() => kagami.stop())

  test('what moved: newest first, page by page, and by repository; a part of it to who sees a part', async () => {
    await emptyIndexPushed(kagami.url, 'acme/open', '1.0', OWNER)
    await emptyIndexPushed(kagami.url, 'acme/closed', '1.0', OWNER)
    await emptyIndexPushed(kagami.url, 'acme/closed', '1.1', OWNER)
    const moves = async (query: string, login?: Login) =>
      (await get(`/organizations/acme/moves?${query}`, login)).as(moveListSchema)
    const shown = ({ moves }: { moves: readonly { repository: string; tag: string }[] }) =>
      moves.filter(({ repository }) => !repository.includes('dhi')).map((one) => `${one.repository}:${one.tag}`)
    const first = await moves('limit=2')
    expect(shown(first)).toEqual(['acme/closed:1.1', 'acme/closed:1.0'])
    expect(shown(await moves(`limit=1&after=${first.next}`))).toEqual(['acme/open:1.0'])
    expect(first.moves[0]).toMatchObject({ by: 'user:owner', reason: 'pushed', from: null })
    expect(shown(await moves('', member))).toEqual(['acme/open:1.0'])
    expect((await moves(`since=${new Date(Date.now() + 60_000).toISOString()}`)).moves).toEqual([])
    const byRepository = (await get('/organizations/acme/moves/repositories')).as(movedAnswerSchema)
    expect(byRepository.repositories.slice(0, 2).map(({ lastAt: _, ...one }) => one)).toEqual([
      { repository: 'acme/closed', moves: 2, tags: ['1.1', '1.0'] },
      { repository: 'acme/open', moves: 1, tags: ['1.0'] },
    ])
    const part = (await get('/organizations/acme/moves/repositories', member)).as(movedAnswerSchema)
    expect(part.repositories.map(({ repository }) => repository)).toEqual(['acme/open'])
    expect((await get('/organizations/acme/moves?since=yesterday')).code).toBe('INVALID_REQUEST')
    expect((await get('/organizations/acme/moves', stranger)).status).toBe(403)
  })

  test('names: a part of a repository, the beginning of a tag, both; nothing that one may not pull', async () => {
    const find = async (q: string, login?: Login) =>
      (await get(`/organizations/acme/names?q=${encodeURIComponent(q)}`, login)).as(namesAnswerSchema)
    expect((await find('LOSE')).repositories).toEqual(['acme/closed'])
    expect((await find('los:1.1')).tags.map(({ repository, tag }) => `${repository}:${tag}`)).toEqual([
      'acme/closed:1.1',
    ])
    const copied = await find(`${new URL(kagami.url).host}/acme/open:1.0`)
    expect(copied.tags.map(({ repository }) => repository)).toEqual(['acme/open'])
    const part = await find('1.', member)
    expect(part.tags.map(({ repository, tag }) => `${repository}:${tag}`)).toEqual(['acme/open:1.0'])
    expect(await find('%')).toMatchObject({ repositories: [], tags: [] })
    expect((await find('clo', member)).repositories).toEqual([])
  })

  test('mirrors: how each is, why and what to do; what runs', async () => {
    const source = { organization: 'acme', upstream: 'sample', repository: 'nginx', as: 'glanced' }
    const begun = JSON.parse((await kagami.call('POST', '/mirrors', { login: OWNER, body: source })).text)
    const { runs, total } = (await get('/organizations/acme/activity')).as(activityAnswerSchema)
    expect(runs.length).toBe(total)
    // The sample's own mirror stands still too once its first run has ended.
    for (const id of [begun.run.id, kagami.server.firstRun?.run.id]) if (id) await kagami.server.mirrors.wait(id)
    await kagami.call('POST', '/mirrors/acme/glanced/pause', { login: OWNER, body: {} })
    const { mirrors } = (await get('/organizations/acme/freshness')).as(freshnessListSchema)
    expect(mirrors.find(({ repository }) => repository === 'acme/glanced')).toMatchObject({
      upstream: 'sample',
      state: 'paused',
      reason: 'paused by hand',
      causes: ['hand'],
      remedy: 'mirror resume acme/glanced',
      behindSeconds: 0,
      missedSince: null,
    })
    // As the long list says it.
    const { mirrors: whole } = JSON.parse((await get('/mirrors?organization=acme')).text)
    for (const { repository, state, since, remedy } of mirrors) {
      const same = whole.find((one: { repository: string }) => one.repository === repository)
      expect([state, since, remedy]).toEqual([same.state, same.since, same.remedy])
    }
    expect((await get('/organizations/acme/freshness', member)).as(freshnessListSchema).mirrors).toEqual([])
    expect((await get('/organizations/acme/activity', stranger)).status).toBe(403)
  })
})

test('pulls are counted by what clients do, written when the server ends, and told with the days in between', async () => {
  const directory = temporaryDirectory('usage')
  try {
    let kagami = await startWholeServer({ directory: directory.path })
    const digest = await imagePushed(kagami, 'acme/app', '1.0')
    await emptyIndexPushed(kagami.url, 'acme/app', 'list', OWNER)
    // A check, two pulls (one of which the client had), bytes of a part and of a whole blob.
    await inRegistry(kagami, 'HEAD', 'acme/app/manifests/1.0')
    const size = (await (await inRegistry(kagami, 'GET', 'acme/app/manifests/1.0')).arrayBuffer()).byteLength
    const known = { headers: { 'if-none-match': `"${digest}"` } }
    expect((await inRegistry(kagami, 'GET', `acme/app/manifests/${digest}`, known)).status).toBe(304)
    await (await inRegistry(kagami, 'GET', `acme/app/blobs/${DIGEST}`)).arrayBuffer()
    const part = await inRegistry(kagami, 'GET', `acme/app/blobs/${DIGEST}`, { headers: { range: 'bytes=1-1' } })
    expect(await part.text()).toBe('}')
    // What was refused or is not there is nobody's pull.
    await inRegistry(kagami, 'GET', 'acme/app/manifests/absent')
    await fetch(`${kagami.url}/v2/acme/app/manifests/1.0`)
    await kagami.stop()
    kagami = await startWholeServer({ directory: directory.path })
    const get = (path: string) => kagami.call('GET', path, { login: OWNER })
    for (const path of ['/repositories/acme/app', '/organizations/acme']) {
      const usage = (await get(`${path}/usage`)).as(usageAnswerSchema)
      expect(usage.periods.length).toBe(30)
      expect(usage.periods.at(-1)).toMatchObject({ pulls: 2, checks: 1, servedBytes: size + 3 })
      expect(usage.periods.at(-1)?.storedBytes).toBeGreaterThan(size)
      expect(usage.periods[0]).toMatchObject({ pulls: 0, storedBytes: null })
      const hours = (await get(`${path}/usage?per=hour`)).as(usageAnswerSchema)
      expect(hours.periods.length).toBe(48)
      expect(hours.periods.reduce((sum, { pulls }) => sum + pulls, 0)).toBe(2)
      expect((await get(`${path}/usage?from=2020-01-01`)).message).toContain('want at most 400')
      expect((await get(`${path}/usage?per=hour&from=2999-01-01`)).message).toContain('want a time before')
    }
    const { repository } = (await get('/repositories/acme/app')).as(repositoryAnswerSchema)
    expect([repository.pulls, repository.lastPulledAt === null]).toEqual([2, false])
    const { tags } = (await get('/repositories/acme/app/tags')).as(tagListSchema)
    expect(tags.map(({ name, pulls, lastPulledAt }) => [name, pulls, lastPulledAt === null])).toEqual([
      ['1.0', 2, false],
      ['list', 0, true],
    ])
    const { tag } = (await get('/repositories/acme/app/tags/1.0')).as(tagAtAnswerSchema)
    expect([tag.pulls, tag.digestPulledAt === null]).toEqual([2, false])
    // A tag that comes back begins anew.
    await kagami.call('DELETE', '/repositories/acme/app/tags/1.0', { login: OWNER })
    await imagePushed(kagami, 'acme/app', '1.0')
    expect((await get('/repositories/acme/app/tags/1.0')).as(tagAtAnswerSchema).tag.pulls).toBe(0)
    await kagami.stop()
  } finally {
    directory.remove()
  }
})

test('troubles: webhooks that were given up or fail, to who may read them all', async () => {
  const kagami = await startWholeServer()
  const get = (path: string, login: Login = OWNER) => kagami.call('GET', path, { login })
  try {
    const member = await kagami.addUser('member', { acme: 'member' })
    await kagami.call('POST', '/repositories', { login: OWNER, body: { name: 'acme/closed' } })
    const hook = { url: 'https://receiver.example.com/in' }
    const ways = ['/repositories/acme/closed', '/organizations/acme']
    for (const base of ways)
      await kagami.call('POST', `${base}/webhooks`, { login: OWNER, body: { ...hook, name: 'ci' } })
    expect((await get('/organizations/acme/troubles')).as(troublesAnswerSchema).troubles).toEqual([])
    const db = await openDatabase(`${kagami.directory}/kagami.sqlite`)
    const long = '2026-01-01T00:00:00.000Z'
    await db.write(async (tx) => {
      const gone = { enabled: 0, disabled_reason: 'it has answered 410', failing_since: long } as const
      await tx.updateTable('webhooks').set(gone).where('repository_id', 'is not', null).execute()
      await tx.updateTable('webhooks').set({ failing_since: long }).where('repository_id', 'is', null).execute()
    })
    await db.close()
    const { troubles } = (await get('/organizations/acme/troubles')).as(troublesAnswerSchema)
    const rest = { kind: 'webhook', id: null, state: null, name: 'ci', since: long, remedy: null } as const
    expect(troubles).toContainEqual({ ...rest, repository: 'acme/closed', reason: 'it has answered 410' })
    expect(troubles).toContainEqual({ ...rest, repository: null, reason: null })
    const editor = await kagami.addUser('editor', { acme: 'editor' })
    const seen = (await get('/organizations/acme/troubles', editor)).as(troublesAnswerSchema).troubles
    expect(seen.map(({ repository }) => repository)).toEqual(['acme/closed'])
    expect((await get('/organizations/acme/troubles', member)).as(troublesAnswerSchema).troubles).toEqual([])
  } finally {
    await kagami.stop()
  }
})
