/** What clients fetch, as it is counted; `registry/pulls.ts` gathers it. */
import type { Digest } from '../../oci/digest.ts'
import type { Tag } from '../../oci/reference.ts'
import { inChunks, rowChunks } from '../engine/chunks.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import type { Per } from '../schema.ts'

/** What was fetched of one repository since it was last written. */
export interface Pulled {
  readonly repositoryId: string
  readonly pulls: number
  readonly checks: number
  readonly bytes: number
  /** Null: it was only looked at. */
  readonly lastPulledAt: string | null
  readonly tags: readonly { readonly tag: Tag; readonly times: number; readonly lastAt: string }[]
  readonly digests: readonly { readonly digest: Digest; readonly lastAt: string }[]
}

/** When the hour and the day of a time began. */
export function periodsOf(time: string): Readonly<Record<Per, string>> {
  return { hour: `${time.slice(0, 13)}:00:00.000Z`, day: `${time.slice(0, 10)}T00:00:00.000Z` }
}

/**
 * Adds to what was counted; several processes add to the same rows. What a repository that is gone was asked for is forgotten.
 * @param at whose hour and day they are added to
 */
export async function addPulled(tx: Transaction, all: readonly Pulled[], at: string): Promise<void> {
  const organizationOf = new Map<string, string>()
  for (const chunk of inChunks(all.map(({ repositoryId }) => repositoryId))) {
    const rows = await tx
      .selectFrom('repositories')
      .select(['id', 'organization_id'])
      .where('id', 'in', chunk)
      .execute()
    for (const row of rows) organizationOf.set(row.id, row.organization_id)
  }
  // In one order: writers that meet wait for each other instead of locking each other out.
  const present = all
    .filter(({ repositoryId }) => organizationOf.has(repositoryId))
    .toSorted((a, b) => (a.repositoryId < b.repositoryId ? -1 : 1))
  const sums = new Map<string, { pulls: number; checks: number; bytes: number }>()
  for (const { repositoryId, pulls, checks, bytes } of present) {
    const id = organizationOf.get(repositoryId) ?? ''
    const sum = sums.get(id) ?? { pulls: 0, checks: 0, bytes: 0 }
    sums.set(id, { pulls: sum.pulls + pulls, checks: sum.checks + checks, bytes: sum.bytes + bytes })
  }
  const begins = periodsOf(at)
  for (const per of ['hour', 'day'] as const) {
    const when = { per, at: begins[per], stored_bytes: null }
    await addToRepositories(
      tx,
      present.map(({ repositoryId: repository_id, pulls, checks, bytes }) => ({
        repository_id,
        ...when,
        pulls,
        checks,
        bytes,
      })),
    )
    await addToOrganizations(
      tx,
      [...sums]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([organization_id, sum]) => ({ organization_id, ...when, ...sum })),
    )
  }
  await addTotals(tx, present)
  await addTags(tx, present)
  await noteDigests(tx, present)
}

type Periods<Owner extends 'repository_id' | 'organization_id'> = readonly (Record<Owner, string> & {
  readonly per: Per
  readonly at: string
  readonly pulls: number
  readonly checks: number
  readonly bytes: number
  readonly stored_bytes: null
})[]

async function addToRepositories(tx: Transaction, rows: Periods<'repository_id'>): Promise<void> {
  for (const chunk of rowChunks(rows)) {
    await tx
      .insertInto('repository_periods')
      .values(chunk)
      .onConflict((conflict) =>
        conflict.columns(['repository_id', 'per', 'at']).doUpdateSet((eb) => ({
          pulls: eb('repository_periods.pulls', '+', eb.ref('excluded.pulls')),
          checks: eb('repository_periods.checks', '+', eb.ref('excluded.checks')),
          bytes: eb('repository_periods.bytes', '+', eb.ref('excluded.bytes')),
        })),
      )
      .execute()
  }
}

async function addToOrganizations(tx: Transaction, rows: Periods<'organization_id'>): Promise<void> {
  for (const chunk of rowChunks(rows)) {
    await tx
      .insertInto('organization_periods')
      .values(chunk)
      .onConflict((conflict) =>
        conflict.columns(['organization_id', 'per', 'at']).doUpdateSet((eb) => ({
          pulls: eb('organization_periods.pulls', '+', eb.ref('excluded.pulls')),
          checks: eb('organization_periods.checks', '+', eb.ref('excluded.checks')),
          bytes: eb('organization_periods.bytes', '+', eb.ref('excluded.bytes')),
        })),
      )
      .execute()
  }
}

async function addTotals(tx: Transaction, all: readonly Pulled[]): Promise<void> {
  const rows = all.flatMap(({ repositoryId: repository_id, pulls, lastPulledAt: last_pulled_at }) =>
    last_pulled_at === null ? [] : [{ repository_id, pulls, last_pulled_at }],
  )
  for (const chunk of rowChunks(rows)) {
    await tx
      .insertInto('repository_pulls')
      .values(chunk)
      .onConflict((conflict) =>
        conflict.column('repository_id').doUpdateSet((eb) => ({
          pulls: eb('repository_pulls.pulls', '+', eb.ref('excluded.pulls')),
          last_pulled_at: eb
            .case()
            .when('repository_pulls.last_pulled_at', '>', eb.ref('excluded.last_pulled_at'))
            .then(eb.ref('repository_pulls.last_pulled_at'))
            .else(eb.ref('excluded.last_pulled_at'))
            .end(),
        })),
      )
      .execute()
  }
}

async function addTags(tx: Transaction, all: readonly Pulled[]): Promise<void> {
  const rows = all.flatMap(({ repositoryId: repository_id, tags }) =>
    tags
      .toSorted((a, b) => (a.tag < b.tag ? -1 : 1))
      .map(({ tag, times: pulls, lastAt: last_pulled_at }) => ({ repository_id, tag, pulls, last_pulled_at })),
  )
  for (const chunk of rowChunks(rows)) {
    await tx
      .insertInto('tag_pulls')
      .values(chunk)
      .onConflict((conflict) =>
        conflict.columns(['repository_id', 'tag']).doUpdateSet((eb) => ({
          pulls: eb('tag_pulls.pulls', '+', eb.ref('excluded.pulls')),
          last_pulled_at: eb
            .case()
            .when('tag_pulls.last_pulled_at', '>', eb.ref('excluded.last_pulled_at'))
            .then(eb.ref('tag_pulls.last_pulled_at'))
            .else(eb.ref('excluded.last_pulled_at'))
            .end(),
        })),
      )
      .execute()
  }
}

async function noteDigests(tx: Transaction, all: readonly Pulled[]): Promise<void> {
  const rows = all.flatMap(({ repositoryId: repository_id, digests }) =>
    digests
      .toSorted((a, b) => (a.digest < b.digest ? -1 : 1))
      .map(({ digest, lastAt: last_pulled_at }) => ({ repository_id, digest, last_pulled_at })),
  )
  for (const chunk of rowChunks(rows)) {
    await tx
      .insertInto('manifest_pulls')
      .values(chunk)
      .onConflict((conflict) =>
        conflict.columns(['repository_id', 'digest']).doUpdateSet((eb) => ({
          last_pulled_at: eb
            .case()
            .when('manifest_pulls.last_pulled_at', '>', eb.ref('excluded.last_pulled_at'))
            .then(eb.ref('manifest_pulls.last_pulled_at'))
            .else(eb.ref('excluded.last_pulled_at'))
            .end(),
        })),
      )
      .execute()
  }
}

/** How often it was pulled, and when last (null: never). */
export interface PullsSoFar {
  readonly pulls: number
  readonly lastPulledAt: string | null
}

export const NEVER_PULLED: PullsSoFar = { pulls: 0, lastPulledAt: null }

/** By tag; those that nobody asked for are left out. */
export async function findTagPulls(
  db: Queries,
  repositoryId: string,
  tags: readonly string[],
): Promise<Map<string, PullsSoFar>> {
  const found = new Map<string, PullsSoFar>()
  for (const chunk of inChunks(tags)) {
    const rows = await db
      .selectFrom('tag_pulls')
      .select(['tag', 'pulls', 'last_pulled_at'])
      .where('repository_id', '=', repositoryId)
      .where('tag', 'in', chunk)
      .execute()
    for (const row of rows) found.set(row.tag, { pulls: Number(row.pulls), lastPulledAt: row.last_pulled_at })
  }
  return found
}

/** When a manifest was last fetched, by whatever reference; null: never. */
export async function findManifestPulledAt(db: Queries, repositoryId: string, digest: string): Promise<string | null> {
  const row = await db
    .selectFrom('manifest_pulls')
    .select('last_pulled_at')
    .where('repository_id', '=', repositoryId)
    .where('digest', '=', digest)
    .executeTakeFirst()
  return row?.last_pulled_at ?? null
}
