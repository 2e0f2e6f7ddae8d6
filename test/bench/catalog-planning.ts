// What planning passes without news costs, and nothing else: the engine's own planning over the data that passes have left, with
// upstreams that answer from memory. A process of its own: `bun catalog-planning.ts DATABASE SHAPE STATE`. Prints JSON.

import { openDatabase } from '../../src/db/engine/engine.ts'
import { listMirrors } from '../../src/db/mirrors/mirrors.ts'
import { createHeldBudget } from '../../src/lib/held.ts'
import { loadKnown } from '../../src/mirror/pass/known.ts'
import { policyOf } from '../../src/mirror/pass/policy.ts'
import { planPass } from '../../src/mirror/pass/run.ts'
import { openSources } from '../../src/mirror/pass/sources.ts'
import type { Descriptor } from '../../src/oci/descriptor.ts'
import type { Tag } from '../../src/oci/reference.ts'
import type { RepositoryReader } from '../../src/oci/repository.ts'
import { type CatalogShape, type Image, makeCatalog } from './catalog-content.ts'

export interface PlanningCost {
  readonly tags: number
  readonly cpuSeconds: number
  /** Tags that something is to be done for; none, or it was no pass without news. */
  readonly changed: number
}

/** Which images have changed upstream, by number. */
export interface PlanningState {
  readonly moved: readonly number[]
  readonly attested: readonly number[]
}

const NEXT_PASS_MS = 15 * 60 * 1000
const TRANSFERS = 8

function readerOf(images: ReadonlyMap<string, Image>): RepositoryReader {
  const referrers = new Map([...images.values()].flatMap((image) => [...image.referrers]))
  return {
    async *listTags() {
      for (const tag of [...images.keys()].sort()) yield { tag: tag as Tag }
    },
    async resolve(reference) {
      const image = reference.tag === undefined ? undefined : images.get(reference.tag)
      return image?.index as Descriptor | undefined
    },
    async readManifest({ digest }) {
      throw new Error(`a pass without news reads ${digest}`)
    },
    async openBlob({ digest }) {
      throw new Error(`a pass without news reads ${digest}`)
    },
    async listReferrers({ digest }) {
      async function* items() {
        yield* (referrers.get(digest) ?? []) as readonly Descriptor[]
      }
      return { items: items() }
    },
  }
}

async function measure(location: string, shape: CatalogShape, state: PlanningState): Promise<PlanningCost> {
  const catalog = makeCatalog(shape)
  const [moved, attested] = [new Set(state.moved), new Set(state.attested)]
  const db = await openDatabase(location)
  const numbers = new Map(catalog.repositories.map((name, number) => [name, number]))
  let [tags, micros, changed] = [0, 0, 0]
  try {
    for (const mirror of await listMirrors(db.read, { limit: shape.repositories })) {
      const number = numbers.get(mirror.source_repository) ?? -1
      const made = new Map<number, Image>()
      for (const one of catalog.imagesOf(number)) made.set(one, catalog.image(one, moved.has(one), attested.has(one)))
      const images = new Map([...catalog.tagsOf(number)].map(([tag, one]) => [tag, made.get(one) as Image]))
      const source = { reader: readerOf(images), usage: () => ({ requests: 0, readBytes: 0 }) }
      const before = process.cpuUsage()
      const sources = await openSources({ db, openSource: async () => source }, mirror)
      const { plan } = await planPass({
        sources,
        known: await loadKnown(db.read, mirror, sources.keys),
        isFull: false,
        selection: undefined,
        only: undefined,
        now: new Date(),
        policy: policyOf(mirror.settings, { acceptShrink: false }),
        nextPassMs: NEXT_PASS_MS,
        transfers: TRANSFERS,
        held: createHeldBudget().open(),
      })
      const used = process.cpuUsage(before)
      micros += used.user + used.system
      tags += images.size
      changed += plan.tags.filter(({ state: one }) => one !== 'synced').length
    }
  } finally {
    await db.close()
  }
  return { tags, cpuSeconds: micros / 1e6, changed }
}

if (import.meta.main) {
  const [location = '', shape = '{}', state = '{}'] = process.argv.slice(2)
  console.log(JSON.stringify(await measure(location, JSON.parse(shape), JSON.parse(state))))
}
