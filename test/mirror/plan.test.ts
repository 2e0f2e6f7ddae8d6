import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { MirrorTagRow } from '../../src/db/schema.ts'
import { decideTag, type TagState } from '../../src/mirror/pass/decide-tag.ts'
import type { Inventory, SeenTag } from '../../src/mirror/pass/inventory.ts'
import { type Known, type KnownManifest, NOTHING_KNOWN } from '../../src/mirror/pass/known.ts'
import { planSync } from '../../src/mirror/pass/plan.ts'
import type { Problem } from '../../src/mirror/pass/problem.ts'
import type { Node } from '../../src/mirror/pass/walked.ts'
import type { Descriptor } from '../../src/oci/descriptor.ts'
import { type Digest, digestOf } from '../../src/oci/digest.ts'
import { MediaType } from '../../src/oci/media-types.ts'
import type { Tag } from '../../src/oci/reference.ts'

const NODES = 12
const digests = Array.from({ length: NODES }, (_, i) => digestOf(`manifest ${i}`))
const blobs = Array.from({ length: 6 }, (_, i) => digestOf(`blob ${i}`))
const at = <T>(list: readonly T[], i: number): T => {
  const item = list[i % list.length]
  if (item === undefined) throw new Error('the list is empty')
  return item
}
const descriptorOf = (digest: Digest): Descriptor => ({ mediaType: MediaType.ociManifest, digest, size: 100 })

/** One manifest: children and subject have lower numbers, so that there are no cycles (digests allow none). */
const nodeArbitrary = fc.record({
  children: fc.array(fc.nat(NODES), { maxLength: 3 }),
  subject: fc.option(fc.nat(NODES), { nil: undefined }),
  blobs: fc.array(fc.nat(5), { maxLength: 3 }),
  here: fc.constantFrom('no', 'no', 'staged', 'published' as const),
  hasProblem: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
})
const localArbitrary = fc.option(fc.nat(NODES - 1), { nil: undefined })
const tagArbitrary = fc.record({
  upstream: fc.nat(NODES - 1),
  local: localArbitrary,
  synced: localArbitrary,
  isExcluded: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
  isUnread: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
  signs: fc.option(fc.nat(NODES - 1), { nil: undefined }),
})
const worldArbitrary = fc.record({
  nodes: fc.array(nodeArbitrary, { minLength: NODES, maxLength: NODES }),
  tags: fc.array(tagArbitrary, { maxLength: 8 }),
  excluded: fc.array(fc.nat(NODES - 1), { maxLength: 1 }),
  heldBlobs: fc.array(fc.nat(5), { maxLength: 3 }),
  gone: fc.array(fc.constantFrom('gone-1', 'gone-2'), { maxLength: 2 }),
})
type World = typeof worldArbitrary extends fc.Arbitrary<infer T> ? T : never

function build(world: World): { inventory: Inventory; known: Known } {
  const nodes = new Map<Digest, Node>()
  const problems = new Map<Digest, Problem>()
  const manifests = new Map<Digest, KnownManifest>()
  const referrers = new Map<Digest, Digest[]>()
  for (const [i, made] of world.nodes.entries()) {
    if (i === 0 || made.subject === undefined) continue
    const subject = at(digests, made.subject % i)
    referrers.set(subject, [...(referrers.get(subject) ?? []), at(digests, i)])
  }
  // What is published has its parts published, as the publisher sees to.
  const published = new Set<number>()
  const publish = (i: number) => {
    if (published.has(i)) return
    published.add(i)
    for (const child of world.nodes[i]?.children ?? []) if (i > 0) publish(child % i)
  }
  for (const [i, made] of world.nodes.entries()) if (made.here === 'published') publish(i)
  for (const [i, made] of world.nodes.entries()) {
    const digest = at(digests, i)
    const here = published.has(i) ? 'published' : made.here === 'published' ? 'no' : made.here
    const children = i === 0 ? [] : [...new Set(made.children.map((child) => at(digests, child % i)))]
    const parts = [...new Set(made.blobs)].map((n) => ({ ...descriptorOf(at(blobs, n)), size: 10 }))
    if (made.hasProblem) problems.set(digest, { code: 'UPSTREAM_UNAVAILABLE', message: `no ${i}` })
    const descriptor = descriptorOf(digest)
    nodes.set(digest, {
      descriptor,
      origin: 'image',
      here,
      isAttached: made.subject !== undefined,
      blobs: parts,
      children,
      subject: undefined,
      referrers: referrers.get(digest) ?? [],
    })
    if (here === 'no') continue
    manifests.set(digest, {
      descriptor,
      isPublished: here === 'published',
      blobs: parts,
      children: children.map(descriptorOf),
    })
  }
  const states = new Map<Tag, TagState>()
  const excluded = new Set(world.excluded.map((i) => at(digests, i)))
  const tags = world.tags.map((made, i): SeenTag => {
    const tag = (made.signs === undefined ? `tag-${i}` : `signature-${i}`) as Tag
    const state: MirrorTagRow['state'] | undefined = made.synced === undefined ? undefined : 'synced'
    const local = made.local === undefined ? undefined : at(digests, made.local)
    const synced = made.synced === undefined ? undefined : at(digests, made.synced)
    states.set(tag, { local, synced, state, ...(made.isExcluded ? { excluded: 'not wanted' } : {}) })
    const subject = made.signs === undefined ? undefined : at(digests, made.signs)
    if (made.isExcluded) return { tag, origin: 'image', subject, seen: { excluded: 'not wanted' } }
    if (made.isUnread)
      return { tag, origin: 'image', subject, seen: { problem: { code: 'UPSTREAM_UNAVAILABLE', message: '503' } } }
    const descriptor = descriptorOf(at(digests, made.upstream))
    const decision = decideTag(descriptor.digest, states.get(tag), excluded)
    return { tag, origin: 'image', subject, seen: { descriptor, decision } }
  })
  for (const tag of world.gone)
    states.set(tag as Tag, { local: at(digests, 0), synced: at(digests, 0), state: 'synced' })
  const known: Known = {
    ...NOTHING_KNOWN,
    manifests,
    referrers,
    blobs: new Map(world.heldBlobs.map((n) => [at(blobs, n), 10])),
    tags: states,
    excluded,
  }
  const facts = { learned: new Map(), outlived: [] }
  const origins = ['image'] as const
  const listing = { listed: new Set(tags.map(({ tag }) => tag)), listedTags: tags.length, origins, ...facts }
  const nothing = { absent: new Map(), lists: [], unchosen: new Map(), without: new Map(), spared: new Map() }
  return { inventory: { tags, nodes, problems, ...listing, ...nothing }, known }
}

const check = (property: (o: ReturnType<typeof build>) => void) =>
  fc.assert(
    fc.property(worldArbitrary, (world) => property(build(world))),
    { numRuns: 500 },
  )

describe('planSync, for any upstream and any state here', () => {
  test('says of every tag exactly once what becomes of it', () => {
    check(({ inventory, known }) => {
      const { tags: planned, excluded } = planSync(inventory, known)
      const tags = [...planned, ...excluded.map((tag) => ({ tag }))]
      expect(new Set(tags.map(({ tag }) => tag)).size).toBe(tags.length)
      for (const { tag } of inventory.tags) expect(tags.some((one) => one.tag === tag)).toBe(true)
    })
  })

  test('moves a tag only from where the mirror left it, or from nowhere', () => {
    check(({ inventory, known }) => {
      for (const work of planSync(inventory, known).works) {
        for (const move of work.moves) {
          const { local, synced, excluded } = known.tags.get(move.tag) ?? {}
          expect(excluded).toBeUndefined()
          expect(move.expect).toBe(local)
          if (move.to?.digest !== local) expect(local).toBe(synced)
        }
      }
    })
  })

  test('never moves a tag to anything with a problem in its closure', () => {
    check(({ inventory, known }) => {
      const { works, items } = planSync(inventory, known)
      const reach = (digest: Digest, seen = new Set<Digest>()): Set<Digest> => {
        if (seen.has(digest)) return seen
        seen.add(digest)
        const node = inventory.nodes.get(digest)
        for (const next of [...(node?.children ?? []), ...(node?.referrers ?? [])]) reach(next, seen)
        return seen
      }
      for (const work of works.filter(({ problem }) => problem === undefined)) {
        for (const root of work.roots) {
          for (const digest of reach(root.digest)) expect(inventory.problems.has(digest)).toBe(false)
        }
      }
      for (const item of items.filter(({ action }) => action === 'move')) {
        expect(inventory.problems.has(item.digest as Digest)).toBe(false)
      }
    })
  })

  test('copies each digest once, only what is not here, and each after what it refers to', () => {
    check(({ inventory, known }) => {
      const { items, works, totals } = planSync(inventory, known)
      const copied = items.filter(({ action }) => action === 'copy').map(({ digest }) => digest)
      expect(new Set(copied).size).toBe(copied.length)
      for (const digest of copied) expect(known.manifests.has(digest as Digest)).toBe(false)
      expect((totals.manifests ?? 0) + (totals.referrers ?? 0)).toBe(copied.length)
      for (const { stage, problem } of works) {
        if (problem !== undefined) continue
        for (const [i, digest] of stage.entries()) {
          expect(copied).toContain(digest)
          for (const child of inventory.nodes.get(digest)?.children ?? []) {
            if (stage.includes(child)) expect(stage.indexOf(child)).toBeLessThan(i)
          }
        }
      }
    })
  })

  test('counts each blob that is not here once', () => {
    check(({ inventory, known }) => {
      const { items, totals } = planSync(inventory, known)
      const nodes = items
        .filter(({ action }) => action === 'copy')
        .map(({ digest }) => inventory.nodes.get(digest as Digest))
      const wanted = new Set(nodes.flatMap((node) => node?.blobs.map(({ digest }) => digest) ?? []))
      const missing = [...wanted].filter((digest) => !known.blobs.has(digest))
      expect(totals.blobs).toBe(missing.length)
      expect(totals.sizeBytes).toBe(nodes.length * 100 + missing.length * 10)
    })
  })

  test('has nothing left to do once it is carried out', () => {
    check(({ inventory, known }) => {
      const { works } = planSync(inventory, known)
      const nodes = new Map(inventory.nodes)
      const manifests = new Map(known.manifests)
      const tags = new Map(known.tags)
      const reach = (digest: Digest): void => {
        const node = nodes.get(digest)
        if (node === undefined || manifests.get(digest)?.isPublished) {
          for (const next of node?.referrers ?? []) if (!manifests.get(next)?.isPublished) reach(next)
          for (const next of node?.children ?? []) if (!manifests.get(next)?.isPublished) reach(next)
        }
        if (node === undefined) return
        const isNew = node.here !== 'published'
        nodes.set(digest, { ...node, here: 'published' })
        const children = node.children.map(descriptorOf)
        manifests.set(digest, { descriptor: node.descriptor, isPublished: true, blobs: node.blobs, children })
        if (isNew) for (const next of [...node.children, ...node.referrers]) reach(next)
      }
      for (const work of works.filter(({ problem }) => problem === undefined)) {
        for (const digest of work.stage) reach(digest)
        for (const root of work.roots) reach(root.digest)
        for (const { tag, to } of work.moves) tags.set(tag, { local: to?.digest, synced: to?.digest, state: 'synced' })
      }
      const after: Known = { ...known, manifests, tags, blobs: new Map(blobs.map((blob) => [blob, 10])) }
      const seen = inventory.tags.map((one): SeenTag => {
        if (!('decision' in one.seen)) return one
        const { descriptor } = one.seen
        return {
          ...one,
          seen: { descriptor, decision: decideTag(descriptor.digest, tags.get(one.tag), known.excluded) },
        }
      })
      const again = planSync({ ...inventory, nodes, tags: seen }, after)
      expect(again.works.filter(({ problem }) => problem === undefined)).toEqual([])
      expect(again.items.filter(({ action }) => ['copy', 'move', 'publish'].includes(action))).toEqual([])
    })
  })
})

describe('decideTag', () => {
  const [a, b, c] = ['a', 'b', 'c'].map((text) => digestOf(text)) as [Digest, Digest, Digest]
  const none: ReadonlySet<Digest> = new Set()
  const state = (local?: Digest, synced?: Digest, state?: TagState['state']): TagState => ({ local, synced, state })

  test.each([
    ['new at upstream', undefined, none, { action: 'move', expect: undefined }],
    ['moved at upstream', state(a, a, 'synced'), none, { action: 'move', expect: a }],
    ['unchanged', state(b, b, 'synced'), none, { action: 'keep', isAdopted: false }],
    ["already the upstream's, by somebody else", state(b, a, 'synced'), none, { action: 'keep', isAdopted: true }],
    ["already the upstream's, never mirrored", state(b), none, { action: 'keep', isAdopted: true }],
    ['moved by a person', state(c, a, 'synced'), none, { action: 'skip', state: 'diverged' }],
    ['set by a person before the mirror', state(c), none, { action: 'skip', state: 'diverged' }],
    ['deleted by a person', state(undefined, a, 'synced'), none, { action: 'skip', state: 'excluded' }],
    ['excluded', { ...state(b, b, 'synced'), excluded: 'not wanted' }, none, { action: 'skip', state: 'excluded' }],
    ['seen at a deleted digest before', state(undefined, undefined, 'excluded'), none, { action: 'move' }],
    ['to a digest that a person deleted', state(a, a, 'synced'), new Set([b]), { action: 'skip', state: 'excluded' }],
  ] as const)('%s', (_title, tag, excluded, decision) => {
    expect(decideTag(b, tag, excluded)).toMatchObject(decision)
  })
})
