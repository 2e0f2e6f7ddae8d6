/** What was read of a catalog, written in small transactions: a list that is asked for meanwhile shows some of both. */

import type { Database, Transaction } from '../../db/engine/engine.ts'
import {
  addCatalogEntries,
  describeCatalogEntry,
  listKnownEntries,
  removeCatalogEntries,
} from '../../db/mirrors/catalog-entries.ts'
import type { DefinedEntry } from '../definitions/entries.ts'

const NAMES_AT_ONCE = 1000
const DESCRIBED_AT_ONCE = 25

/** A transaction that ends in an error when another has the work by now. */
export type Step = (work: (tx: Transaction) => Promise<void>) => Promise<void>

function slices<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, at) => items.slice(at * size, (at + 1) * size))
}

/** @param defined undefined: what definitions say stays as it is */
export async function applyReading(
  db: Database,
  step: Step,
  upstreamId: string,
  names: readonly string[],
  defined: readonly DefinedEntry[] | undefined,
): Promise<void> {
  const known = new Map(
    (await listKnownEntries(db.read, upstreamId)).map((one) => [one.repository, one.summary_digest]),
  )
  const wanted = new Set(names)
  const added = names.filter((name) => !known.has(name))
  for (const part of slices(added, NAMES_AT_ONCE)) await step((tx) => addCatalogEntries(tx, upstreamId, part))
  const gone = [...known.keys()].filter((name) => !wanted.has(name))
  for (const part of slices(gone, NAMES_AT_ONCE)) await step((tx) => removeCatalogEntries(tx, upstreamId, part))
  if (defined === undefined) return
  const news = defined.filter((one) => wanted.has(one.repository) && known.get(one.repository) !== one.digest)
  for (const part of slices(news, DESCRIBED_AT_ONCE)) {
    await step(async (tx) => {
      for (const { repository, digest, said } of part) {
        if (said === undefined) continue
        await describeCatalogEntry(tx, upstreamId, repository, {
          summary: JSON.stringify(said.summary),
          summary_digest: digest,
          logo: said.logoKey,
          text: { detail: JSON.stringify(said.detail), logo: said.logo },
        })
      }
    })
  }
  const told = new Set(defined.map(({ repository }) => repository))
  const untold = [...known].flatMap(([name, digest]) =>
    digest !== null && wanted.has(name) && !told.has(name) ? name : [],
  )
  for (const part of slices(untold, NAMES_AT_ONCE)) {
    await step(async (tx) => {
      for (const name of part) await describeCatalogEntry(tx, upstreamId, name, null)
    })
  }
}
