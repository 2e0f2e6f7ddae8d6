// The history of tags: replayed it gives the tags, at every moment; pruned it still does from the retention on.
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { findTagAt, historyCursor, listHistory, pruneHistory } from '../../src/db/content/tag-history.ts'
import { listTags, moveTags } from '../../src/db/content/tags.ts'
import type { Database } from '../../src/db/engine/engine.ts'
import { createRepository } from '../../src/db/repositories/repositories.ts'
import { type Digest, digestOf } from '../../src/oci/digest.ts'
import { parseRepositoryName, type Tag } from '../../src/oci/reference.ts'
import { describeOnEachEngine } from '../support/engines.ts'

const START = Date.parse('2026-01-01T00:00:00.000Z')
const timeOf = (ms: number) => new Date(START + ms).toISOString()
const NAMES = ['a', 'b', 'c'] as Tag[]

/** Moves of several tags at times that stand still and go back, as clocks do. */
const step = fc.record({
  at: fc.integer({ min: 0, max: 40 }),
  moves: fc.uniqueArray(fc.tuple(fc.constantFrom(...NAMES), fc.constantFrom('x', 'y', undefined)), {
    selector: ([tag]) => tag,
    minLength: 1,
  }),
})

describeOnEachEngine('the history of tags', (openFresh) => {
  let made = 0

  async function newRepository(db: Database): Promise<string> {
    const name = parseRepositoryName(`acme/app-${made++}`)
    const at = timeOf(0)
    const { row } = await db.write((tx) => createRepository(tx, { organizationId: 'o', name, actor: 'user:a', at }))
    return row.id
  }

  async function move(db: Database, repositoryId: string, at: string, moves: ReadonlyMap<Tag, Digest | undefined>) {
    const change = {
      organizationId: 'o',
      repositoryId,
      repositoryName: 'acme/app',
      actor: 'user:a',
      reason: 'pushed',
      at,
    }
    await db.write((tx) => moveTags(tx, change, moves))
  }

  async function all(db: Database, repositoryId: string, limit: number) {
    const rows = []
    for (let after: string | undefined; ; ) {
      const page = await listHistory(db.read, repositoryId, { after, limit })
      rows.push(...page)
      const last = page.at(-1)
      if (page.length < limit || last === undefined) return rows
      after = historyCursor(last)
    }
  }

  test('replayed, it gives the present tags, whatever the clock did; each page goes on where the last one ended', async () => {
    const db = await openFresh()
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), fc.integer({ min: 1, max: 5 }), async (steps, limit) => {
        const id = await newRepository(db)
        for (const { at, moves } of steps) {
          await move(db, id, timeOf(at), new Map(moves.map(([tag, to]) => [tag, to && digestOf(to)])))
        }
        const rows = (await all(db, id, limit)).reverse()
        const replayed = new Map<string, string>()
        for (const { tag, from_digest: from, to_digest: to } of rows) {
          expect(replayed.get(tag)).toBe((from ?? undefined) as string)
          if (to === null) replayed.delete(tag)
          else replayed.set(tag, to)
        }
        const present = await listTags(db.read, id, { limit: 10 })
        expect([...replayed].sort()).toEqual(present.map(({ name, digest }) => [name, digest]))
        const times = present.map(({ name, moved_at: at }) => [name, at])
        expect(times).toEqual(present.map(({ name }) => [name, String(rows.findLast(({ tag }) => tag === name)?.at)]))
      }),
      { numRuns: 15 },
    )
  })

  test('pruned, in batches of any size, it says the same of every moment since, and keeps nothing that is not needed', async () => {
    const db = await openFresh()
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 12 }),
        fc.integer({ min: 0, max: 50 }),
        fc.integer({ min: 1, max: 4 }),
        async (steps, cut, batch) => {
          const id = await newRepository(db)
          for (const { at, moves } of steps) {
            await move(db, id, timeOf(at), new Map(moves.map(([tag, to]) => [tag, to && digestOf(to)])))
          }
          const look = async () => {
            const seen = []
            for (const tag of NAMES) {
              for (let at = cut; at <= 60; at += 5) {
                const found = await findTagAt(db.read, id, tag, timeOf(at))
                seen.push(found === undefined || 'begins' in found ? undefined : found.digest)
              }
            }
            return seen
          }
          const before = await look()
          while ((await db.write((tx) => pruneHistory(tx, timeOf(cut), batch))) > 0);
          expect(await look()).toEqual(before)
          const old = (await all(db, id, 100)).filter(({ at }) => at < timeOf(cut))
          expect(new Set(old.map(({ tag }) => tag)).size).toBe(old.length)
          expect(old.every(({ to_digest: to }) => to !== null)).toBe(true)
        },
      ),
      { numRuns: 15 },
    )
  })

  test('before it begins, a tag is not known; after it, it is what it was, from when to when', async () => {
    const db = await openFresh()
    const id = await newRepository(db)
    const tag = 'a' as Tag
    for (const [at, to] of [
      [10, 'x'],
      [20, 'y'],
      [30, undefined],
    ] as const) {
      await move(db, id, timeOf(at), new Map([[tag, to && digestOf(to)]]))
    }
    const at = (ms: number) => findTagAt(db.read, id, tag, timeOf(ms))
    expect(await at(9)).toEqual({ begins: timeOf(10) })
    expect(await at(10)).toEqual({ digest: digestOf('x'), since: timeOf(10), until: timeOf(20) })
    expect(await at(29)).toEqual({ digest: digestOf('y'), since: timeOf(20), until: timeOf(30) })
    expect(await at(31)).toEqual({ digest: undefined, since: timeOf(30), until: null })
    expect(await findTagAt(db.read, id, 'b' as Tag, timeOf(31))).toBeUndefined()
  })
})
