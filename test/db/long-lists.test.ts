// Lists longer than what one statement may have of values: 32,766 with SQLite, 65,535 with PostgreSQL.
import { expect, test } from 'bun:test'
import { listRepositoryBlobs, touchBlobs } from '../../src/db/content/blobs.ts'
import { listManifests } from '../../src/db/content/manifests.ts'
import { listRepositories } from '../../src/db/content/repository-lists.ts'
import { findTags, listTags, moveTags } from '../../src/db/content/tags.ts'
import { listKnownUploadSessions } from '../../src/db/content/upload-sessions.ts'
import { inChunks, pageOfChunks, rowChunks } from '../../src/db/engine/chunks.ts'
import { listDestinations } from '../../src/db/mirrors/catalog.ts'
import { listOwnedTags } from '../../src/db/mirrors/mirror-ownership.ts'
import { countMirrorTags } from '../../src/db/mirrors/mirror-tags.ts'
import { listMirrors } from '../../src/db/mirrors/mirrors.ts'
import { createUpstream, listUpstreams } from '../../src/db/mirrors/upstreams.ts'
import { appendEvents, listEvents } from '../../src/db/platform/events.ts'
import { createRepository } from '../../src/db/repositories/repositories.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { parseRepositoryName, parseTag, type Tag } from '../../src/oci/reference.ts'
import { describeOnEachEngine } from '../support/engines.ts'
import { upstreamRow } from '../support/upstream-row.ts'

const at = '2026-11-24T00:00:00.000Z'
const actor = 'user:test'
const MANY = 70_000
/** In rows: the events of as many have twice the values that PostgreSQL takes. */
const MOVED = 20_000
const many = <T>(make: (i: number) => T): T[] => Array.from({ length: MANY }, (_, i) => make(i))

describeOnEachEngine('statements over long lists', (openFresh) => {
  test(`${MOVED} tags move, stay and go in one transaction each, with history and events, while others have their turn`, async () => {
    const db = await openFresh()
    const { row } = await db.write((tx) =>
      createRepository(tx, { organizationId: 'o1', name: parseRepositoryName('acme/app'), actor, at }),
    )
    const names = Array.from({ length: MOVED }, (_, i) => parseTag(`t-${i}`))
    const change = { organizationId: 'o1', repositoryId: row.id, repositoryName: row.name, actor, at, reason: 'pushed' }
    let turns = 0
    const count = setInterval(() => turns++, 1)
    for (const to of [digestOf('a'), digestOf('a'), undefined]) {
      const before = await findTags(db.read, row.id, names)
      await db.write(async (tx) => {
        const events = await moveTags(tx, change, new Map(names.map((tag): [Tag, typeof to] => [tag, to])))
        const isMoved = before.get(parseTag('t-0')) !== to
        expect(events.length).toBe(isMoved ? MOVED : 0)
        await appendEvents(tx, events)
      })
      const found = await findTags(db.read, row.id, names)
      expect([found.size, new Set(found.values())]).toEqual(to === undefined ? [0, new Set()] : [MOVED, new Set([to])])
    }
    clearInterval(count)
    expect(turns).toBeGreaterThan(10)
    expect(await listTags(db.read, row.id, { limit: 1 })).toEqual([])
    const history = await db.read
      .selectFrom('tag_history')
      .select((eb) => eb.fn.countAll<number>().as('rows'))
      .execute()
    expect(Number(history[0]?.rows)).toBe(2 * MOVED)
    // The repository's own, and those of the tags, without a gap.
    expect((await listEvents(db.read, 1 + 2 * MOVED - 1, 10)).map((event) => event.kind)).toEqual(['tag.removed'])
  })

  test(`${MANY} values are looked for, wherever a list of values is`, async () => {
    const db = await openFresh()
    const { row } = await db.write((tx) =>
      createRepository(tx, { organizationId: 'o-69999', name: parseRepositoryName('acme/app'), actor, at }),
    )
    const upstream = await db.write((tx) => createUpstream(tx, upstreamRow()))
    const ids = many((i) => `o-${i}`)
    const digests = many((i) => digestOf(String(i)))
    expect((await listRepositories(db.read, { organizationIds: ids, limit: 5 })).map(({ id }) => id)).toEqual([row.id])
    expect(
      (await listUpstreams(db.read, { seesShared: true, organizationIds: ids, limit: 5 })).map(({ id }) => id),
    ).toEqual([upstream.id])
    expect(
      (await listUpstreams(db.read, { seesShared: true, organizationIds: [], limit: 5 })).map(({ id }) => id),
    ).toEqual([upstream.id])
    expect(await listMirrors(db.read, { organizations: ids, limit: 5 })).toEqual([])
    expect(await listDestinations(db.read, upstream.id, ids, { kind: 'anybody', isPublicSeen: true })).toEqual(
      new Map(),
    )
    expect(await listKnownUploadSessions(db.read, ids)).toEqual(new Map())
    expect(await countMirrorTags(db.read, ids)).toEqual(new Map())
    expect(
      await listOwnedTags(
        db.read,
        row.id,
        many((i) => parseTag(`t-${i}`)),
      ),
    ).toEqual(new Map())
    expect(await listManifests(db.read, row.id, digests)).toEqual(new Map())
    expect(await listRepositoryBlobs(db.read, row.id, digests)).toEqual(new Map())
    await db.write((tx) => touchBlobs(tx, digests, at))
  })

  test('a page over several slices is the page of all of them', async () => {
    const db = await openFresh()
    const names = Array.from({ length: 30 }, (_, i) => `acme/r${String((i * 7) % 30).padStart(2, '0')}`)
    for (const [i, name] of names.entries()) {
      await db.write((tx) =>
        createRepository(tx, { organizationId: `o-${i * 50}`, name: parseRepositoryName(name), actor, at }),
      )
    }
    const organizationIds = Array.from({ length: 1500 }, (_, i) => `o-${i}`)
    const sorted = [...names].sort()
    const first = await listRepositories(db.read, { organizationIds, limit: 20 })
    expect(first.map(({ name }) => name)).toEqual(sorted.slice(0, 20))
    const rest = await listRepositories(db.read, { organizationIds, after: first.at(-1)?.name ?? '', limit: 20 })
    expect(rest.map(({ name }) => name)).toEqual(sorted.slice(20))
  })
})

test('slices are whole, in order, and no longer than a statement bears', async () => {
  expect([...inChunks([])]).toEqual([])
  expect([...rowChunks([])]).toEqual([])
  for (const columns of [1, 3, 8, 5000]) {
    const row = Object.fromEntries(Array.from({ length: columns }, (_, i) => [`c${i}`, i]))
    const chunks = [...rowChunks(Array.from({ length: 3000 }, () => row))]
    expect(chunks.flat()).toHaveLength(3000)
    for (const chunk of chunks) expect(chunk.length === 1 || chunk.length * columns <= 2000).toBe(true)
  }
  const page = await pageOfChunks([3, 1, 2], async (chunk) => chunk.toSorted(), {
    limit: 2,
    keyOf: String,
    compare: (a, b) => a - b,
  })
  expect(page).toEqual([1, 2])
})
