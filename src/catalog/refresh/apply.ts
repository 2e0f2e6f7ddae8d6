/** What was read of a catalog, written in small transactions: a list that is asked for meanwhile shows some of both. */

import { measureTexts } from '../../db/content/definition-texts.ts'
import { isQuotaRefusal, reserveStage, settleStage } from '../../db/content/quota.ts'
import type { Database, Transaction } from '../../db/engine/engine.ts'
import {
  addCatalogEntries,
  countingTexts,
  describeCatalogEntry,
  listKnownEntries,
  removeCatalogEntries,
} from '../../db/mirrors/catalog-entries.ts'
import type { UpstreamRow } from '../../db/schema.ts'
import { isAppError } from '../../errors.ts'
import type { DefinedEntry } from '../definitions/entries.ts'

const NAMES_AT_ONCE = 1000
const DESCRIBED_AT_ONCE = 25
/** Room that is set aside for definitions on their way in; a file there never is. */
const DEFINITIONS_STAGE = 'definitions-'

/** A transaction that ends in an error when another has the work by now. */
export type Step = (work: (tx: Transaction) => Promise<void>) => Promise<void>

function slices<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, at) => items.slice(at * size, (at + 1) * size))
}

export interface Applied {
  /** Why what definitions say is not kept: its organization has no room for it. Undefined: it is kept. */
  readonly refused: string | undefined
}

/**
 * Names come before what is said of them, and what goes before what comes: so what fits into a quota at the end fits all the way.
 * @param defined undefined: what definitions say stays as it is
 * @param at ISO 8601
 */
export async function applyReading(
  db: Database,
  step: Step,
  upstream: Pick<UpstreamRow, 'id' | 'organization_id'>,
  names: readonly string[],
  { defined, at }: { readonly defined: readonly DefinedEntry[] | undefined; readonly at: string },
): Promise<Applied> {
  const { id } = upstream
  const known = new Map((await listKnownEntries(db.read, id)).map((one) => [one.repository, one.summary_digest]))
  const wanted = new Set(names)
  const added = names.filter((name) => !known.has(name))
  for (const part of slices(added, NAMES_AT_ONCE)) await step((tx) => addCatalogEntries(tx, id, part))
  const gone = [...known.keys()].filter((name) => !wanted.has(name))
  for (const part of slices(gone, NAMES_AT_ONCE)) {
    await step(async (tx) => void (await countingTexts(tx, id, part, () => removeCatalogEntries(tx, id, part))))
  }
  if (defined === undefined) return { refused: undefined }
  const told = new Set(defined.map(({ repository }) => repository))
  const untold = [...known].flatMap(([name, digest]) =>
    digest !== null && wanted.has(name) && !told.has(name) ? name : [],
  )
  for (const part of slices(untold, NAMES_AT_ONCE)) {
    await step(async (tx) => {
      await countingTexts(tx, id, part, async () => {
        for (const name of part) await describeCatalogEntry(tx, id, name, null)
      })
    })
  }
  const news = defined.flatMap(({ repository, digest, said }) =>
    said !== undefined && wanted.has(repository) && known.get(repository) !== digest
      ? { repository, digest, said, detail: JSON.stringify(said.detail) }
      : [],
  )
  const room = await makeRoom(db, step, upstream, news, at)
  if (room.refused !== undefined) return room
  for (const part of slices(news, DESCRIBED_AT_ONCE)) {
    await step(async (tx) => {
      const describe = async () => {
        for (const { repository, digest, said, detail } of part) {
          await describeCatalogEntry(tx, id, repository, {
            summary: JSON.stringify(said.summary),
            summary_digest: digest,
            logo: said.logoKey,
            text: { detail, logo: said.logo },
          })
        }
      }
      const repositories = part.map(({ repository }) => repository)
      await room.took(tx, await countingTexts(tx, id, repositories, describe))
    })
  }
  await step((tx) => room.leave(tx))
  return { refused: undefined }
}

interface Told {
  readonly repository: string
  readonly detail: string
  readonly said: NonNullable<DefinedEntry['said']>
}

/** Sets aside what the entries will take beyond what they have, so that all of them fit or none is begun. */
async function makeRoom(
  db: Database,
  step: Step,
  { id, organization_id: owner }: Pick<UpstreamRow, 'id' | 'organization_id'>,
  news: readonly Told[],
  at: string,
) {
  const stage = `${DEFINITIONS_STAGE}${id}`
  const before = await measureTexts(
    db.read,
    id,
    news.map(({ repository }) => repository),
  )
  const after = news.reduce(
    (sum, { detail, said }) => sum + Buffer.byteLength(detail) + (said.logo?.byteLength ?? 0),
    0,
  )
  const room = {
    refused: undefined as string | undefined,
    grown: 0,
    async took(tx: Transaction, bytes: number) {
      room.grown += bytes
      await settleStage(tx, stage, Math.max(0, after - before - Math.max(0, room.grown)))
    },
    leave: (tx: Transaction) => settleStage(tx, stage, 0),
  }
  if (owner === null || after <= before) return room
  try {
    await step(async (tx) => void (await reserveStage(tx, owner, stage, { bytes: after - before, at })))
  } catch (error) {
    if (!isAppError(error) || !isQuotaRefusal(error)) throw error
    // How full it is, is not for everybody who sees the catalog.
    room.refused = `the definitions are not stored: the organization's quota has no room for ${after - before} bytes more`
  }
  return room
}
