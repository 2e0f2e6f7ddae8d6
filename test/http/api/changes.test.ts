// What pages are told to look at anew: soon, once, by whichever server, and nothing of what their reader may not see.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { join } from 'node:path'
import { accountOf } from '../../../src/access/principal.ts'
import { type Change, changeSchema } from '../../../src/api/changes.ts'
import { openDatabase } from '../../../src/db/engine/engine.ts'
import { createChangeFeed, summarize } from '../../../src/events/changes.ts'
import { emptyIndexPushed } from '../../support/empty-index.ts'
import { readEvents } from '../../support/event-stream.ts'
import { temporaryDirectory } from '../../support/process.ts'
import {
  authorization,
  describeOnEachDatabase,
  type Login,
  OWNER,
  startWholeServer,
  type WholeServer,
} from '../../support/whole-server.ts'

const PATH = '/api/v1/organizations/acme/changes'

function open(server: WholeServer, o: { login?: Login; after?: string } = {}) {
  return fetch(`${server.url}${PATH}`, {
    headers: {
      accept: 'text/event-stream',
      authorization: authorization(o.login ?? OWNER),
      ...(o.after === undefined ? {} : { 'last-event-id': o.after }),
    },
  })
}

/** Changes until `isLast`. */
async function take(response: Response, isLast: (change: Change) => boolean): Promise<Change[]> {
  const found: Change[] = []
  for await (const { event, data } of readEvents(response)) {
    expect(event).toBe('change')
    const change = changeSchema.parse(JSON.parse(data))
    found.push(change)
    if (isLast(change)) break
  }
  return found
}

const names = (changes: readonly Change[]) => new Set(changes.flatMap(({ repositories }) => repositories ?? ['…']))
const of = (noun: Change['nouns'][number]) => (change: Change) => change.nouns.includes(noun)

describeOnEachDatabase('changes', (start) => {
  let kagami: WholeServer
  let member: Login
  beforeAll(async () => {
    kagami = await start({ withSample: true })
    await kagami.server.mirrors.wait(kagami.server.firstRun?.run.id ?? '')
    member = await kagami.addUser('member', { acme: 'member' })
    const must = async (method: string, path: string, body: unknown) => {
      const answer = await kagami.call(method, path, { login: OWNER, body })
      if (answer.status >= 300) throw new Error(`${path}: ${answer.text}`)
    }
    for (const name of ['acme/open', 'acme/closed']) await must('POST', '/repositories', { name })
    await must('PATCH', '/organizations/acme', { membersPull: 'none' })
    await must('POST', '/organizations/acme/teams', { name: 'readers' })
    await must('PUT', '/organizations/acme/teams/readers/members/member', {})
    const grant = { repository: 'acme/open', permission: 'read' }
    await must('PUT', '/organizations/acme/teams/readers/grants', grant)
  })
  afterAll(() => kagami.stop())
  const push = (repository: string, tag: string) => emptyIndexPushed(kagami.url, repository, tag, OWNER)

  test('are told of what their reader sees, and who comes back has missed nothing', async () => {
    const [all, part] = [await open(kagami), await open(kagami, { login: member })]
    const seen = [take(all, (change) => names([change]).has('acme/open')), take(part, of('tags'))]
    await push('acme/closed', '1')
    await push('acme/open', '1')
    const [ofOwner = [], ofMember = []] = await Promise.all(seen)
    expect(names(ofOwner).difference(new Set(['acme/dhi-python']))).toEqual(new Set(['acme/closed', 'acme/open']))
    expect(names(ofMember)).toEqual(new Set(['acme/open']))
    expect(ofMember[0]?.nouns).toEqual(['tags', 'repositories'])
    const after = String(ofOwner.at(-1)?.seq)
    await push('acme/closed', '2')
    const missed = await take(await open(kagami, { after }), of('tags'))
    expect(names(missed)).toEqual(new Set(['acme/closed']))
  })

  test('are told of runs that begin and end', async () => {
    const stream = take(await open(kagami), of('runs'))
    const source = { organization: 'acme', upstream: 'sample', repository: 'nginx', as: 'followed' }
    const begun = await kagami.call('POST', '/mirrors', { login: OWNER, body: source })
    expect(begun.status).toBe(202)
    const changes = await stream
    expect(changes.at(-1)?.nouns).toContain('mirrors')
  })
})

test('end for who may no longer look; of one account so many are open at once, and there is room again once one ends', async () => {
  const kagami = await startWholeServer()
  try {
    const leaving = await kagami.addUser('leaving', { acme: 'editor' })
    const stranger = await kagami.addUser('stranger', { elsewhere: 'owner' })
    expect((await open(kagami, { login: stranger })).status).toBe(403)
    const response = await open(kagami, { login: leaving })
    const all = Array.fromAsync(readEvents(response)).then(
      () => 'ended',
      () => 'broken off',
    )
    await kagami.call('DELETE', '/organizations/acme/members/leaving', { login: OWNER })
    expect(await all).toBe('broken off')
    const opened = await Promise.all(Array.from({ length: 20 }, () => open(kagami)))
    expect(opened.map(({ status }) => status)).toEqual(opened.map(() => 200))
    expect((await open(kagami)).status).toBe(429)
    await opened[0]?.body?.cancel()
    let status = 429
    while (status === 429) {
      const answer = await open(kagami)
      status = answer.status
      if (status === 200) opened.push(answer)
      else await answer.arrayBuffer()
    }
    expect(status).toBe(200)
    await Promise.all(opened.slice(1).map(({ body }) => body?.cancel()))
  } finally {
    await kagami.stop()
  }
})

test('whoever was away for long looks at all anew, and is not told of each', async () => {
  const directory = temporaryDirectory('changes')
  const db = await openDatabase(join(directory.path, 'kagami.db'))
  try {
    await db.write(async (tx) => {
      const row = { kind: 'tag.moved', organization_id: 'o', repository_id: null, actor: 'system', payload: '{}' }
      await tx
        .insertInto('events')
        .values({ ...row, seq: 9000, id: 'e', at: '2026-01-01T00:00:00.000Z' } as never)
        .execute()
    })
    const closing = new AbortController()
    const feed = createChangeFeed(db)
    const reader = async () => ({ viewer: { kind: 'anybody', isPublicSeen: false } as const, seesAll: false })
    const stream = feed.follow({ organizationId: 'o', account: 'a', after: 1, reader, signal: closing.signal })
    expect((await stream.next()).value).toMatchObject({ seq: 9000, repositories: null })
    closing.abort()
    expect(feed.open).toBe(0)
  } finally {
    await db.close()
    directory.remove()
  }
})

test('an organization leaves room for others, and whose tokens have the same label share nothing', async () => {
  const directory = temporaryDirectory('changes')
  const db = await openDatabase(join(directory.path, 'kagami.db'))
  try {
    const closing = new AbortController()
    const feed = createChangeFeed(db)
    const reader = async () => ({ viewer: { kind: 'anybody', isPublicSeen: false } as const, seesAll: false })
    const follow = (organizationId: string, account: string) =>
      feed.follow({ organizationId, account, after: 0, reader, signal: closing.signal })
    for (let n = 0; n < 250; n++) follow('large', `user:${n}`)
    expect(() => follow('large', 'user:last')).toThrow(/too many/)
    for (const other of ['one', 'two']) for (let n = 0; n < 100; n++) follow(other, `user:${other}${n}`)
    expect(() => follow('one', 'user:last')).toThrow(/too many/)
    follow('three', 'user:last')
    expect(feed.open).toBe(451)
    closing.abort()
    expect(feed.open).toBe(0)
  } finally {
    await db.close()
    directory.remove()
  }
  const accounts = ['one', 'two'].map((id) => {
    const organization = { id, name: id as never }
    return accountOf({ principal: { kind: 'organization-token', tokenId: `t${id}`, label: 'ci', organization } })
  })
  expect(new Set(accounts).size).toBe(2)
})

test('of many repositories none is named, and what one may not see is not counted', () => {
  const event = (n: number, isVisible = true) => ({
    kind: 'tag.moved',
    repository: isVisible ? `acme/r${n}` : null,
    isVisible,
  })
  const many = Array.from({ length: 51 }, (_, n) => event(n))
  expect(summarize(many, [], { seesAll: true })).toEqual({ nouns: ['tags', 'repositories'], repositories: null })
  expect(summarize([event(1, false)], [], { seesAll: false })).toBeUndefined()
  expect(summarize([event(1, false), event(2)], [], { seesAll: false })?.repositories).toEqual(['acme/r2'])
  expect(
    summarize([{ kind: 'subscription.started', repository: null, isVisible: false }], [], { seesAll: true }),
  ).toEqual({
    nouns: ['subscriptions'],
    repositories: null,
  })
})
