/** Registries that are read from: added and changed by people, after a look at what is there. */
import type { UpstreamField } from '../api/upstreams.ts'
import type { Database, Queries } from '../db/engine/engine.ts'
import { forgetReading } from '../db/mirrors/catalogs.ts'
import { endPauses, listMirrorIds } from '../db/mirrors/life.ts'
import { readAgain } from '../db/mirrors/subscriptions.ts'
import { createUpstream, findUpstream, type UpstreamSettings, updateUpstream } from '../db/mirrors/upstreams.ts'
import { appendEvents } from '../db/platform/events.ts'
import type { OrganizationRow, UpstreamRow } from '../db/schema.ts'
import { AppError } from '../errors.ts'
import { isoTime, systemClock } from '../lib/clock.ts'
import type { Sealer } from '../lib/seal.ts'
import type { RegistryFindings } from '../remote/check-registry.ts'
import {
  type Connection,
  type ConnectionChange,
  changedConnection,
  isOtherSource,
  newConnection,
} from './connection.ts'
import { defaultNamePrefix } from './name-prefix.ts'

/** What passwords of upstreams are sealed as. */
export const SEALED_AS = 'upstream password'

/** Looks at a registry as it would be read. @throws AppError UPSTREAM_*, ADDRESS_NOT_ALLOWED when nothing could be read from it */
export type CheckUpstream = (
  upstream: Connection & Pick<UpstreamRow, 'organization_id'>,
  signal: AbortSignal,
) => Promise<RegistryFindings>

/** Undefined: nothing is asked. */
type Check = { readonly run: CheckUpstream; readonly signal: AbortSignal } | undefined

export interface NewUpstream extends ConnectionChange {
  readonly name: string
  readonly url: string
  /** Undefined: shared with every organization. */
  readonly organization: OrganizationRow | undefined
  /** Name of the upstream that holds the referrers, as the organization sees it. */
  readonly referrersFrom?: string | undefined
  /** Before the default names of its mirrors; absent: by its address. */
  readonly prefix?: string | undefined
  /** As `api/rates.ts` has them; absent or null: what its registry documents. */
  readonly maxRate?: readonly string[] | null | undefined
}

export interface UpstreamChange extends ConnectionChange {
  /** Null: the upstream itself holds them. */
  readonly referrersFrom?: string | null | undefined
  /** Before the default names of further mirrors. */
  readonly prefix?: string | undefined
  /** As `api/rates.ts` has them; null: what its registry documents. */
  readonly maxRate?: readonly string[] | null | undefined
}

/**
 * Adds an upstream.
 * @throws AppError INVALID_REQUEST (url, ca, plain http), NOT_FOUND (referrersFrom), CONFLICT (name), and what the check throws
 */
export async function addUpstream(
  db: Database,
  sealer: Sealer,
  given: NewUpstream,
  check: Check,
): Promise<{ row: UpstreamRow; findings: RegistryFindings | null }> {
  const connection = newConnection(sealer, SEALED_AS, given)
  const organizationId = given.organization?.id ?? null
  const sourceIn = async (tx: Queries) => {
    if ((await findOwn(tx, organizationId, given.name)) !== undefined) {
      throw new AppError('CONFLICT', `there is an upstream ${given.name} already`, {
        about: { reason: 'taken', what: 'upstream', name: given.name },
      })
    }
    return referrerSource(tx, organizationId, given.referrersFrom ?? null)
  }
  // What is wrong here is told before anybody waits for the registry.
  await sourceIn(db.read)
  const findings = await lookAt(check, { ...connection, organization_id: organizationId })
  const row = await db.write(async (tx) =>
    createUpstream(tx, {
      ...connection,
      organization_id: organizationId,
      name: given.name,
      referrers_from: await sourceIn(tx),
      prefix: given.prefix ?? defaultNamePrefix(connection.url),
      max_rate: JSON.stringify(given.maxRate ?? []),
      has_own_rate: ownRate(given.maxRate),
      created_at: isoTime(systemClock.now()),
    }),
  )
  return { row, findings }
}

function ownRate(maxRate: readonly string[] | null | undefined): UpstreamRow['has_own_rate'] {
  return maxRate === null || maxRate === undefined ? 0 : 1
}

export interface ChangedUpstream {
  readonly row: UpstreamRow
  readonly findings: RegistryFindings | null
  readonly isOtherSource: boolean
  /** Names of what is another than before. */
  readonly changes: UpstreamField[]
}

const FIELD_OF_COLUMN = {
  url: 'url',
  username: 'username',
  sealed_password: 'password',
  ca: 'ca',
  plain_http: 'plainHttp',
  referrers_from: 'referrersFrom',
  prefix: 'prefix',
  max_rate: 'maxRate',
  has_own_rate: 'maxRate',
} as const satisfies Partial<Record<keyof UpstreamRow, UpstreamField>>

function changesBetween(before: UpstreamSettings, after: UpstreamSettings): UpstreamField[] {
  const columns = Object.keys(FIELD_OF_COLUMN) as (keyof typeof FIELD_OF_COLUMN)[]
  const fields = columns.filter((column) => before[column] !== after[column]).map((column) => FIELD_OF_COLUMN[column])
  return [...new Set(fields)]
}

/**
 * Changes an upstream, or with `isDryRun` only says what would be another: nothing is asked or written. Runs under way end with the settings that they began with; the next ones take the new.
 * @param organizationId of the upstream; null: shared
 * @throws AppError NOT_FOUND (the upstream, referrersFrom), INVALID_REQUEST, and what the check throws
 */
export async function changeUpstream(
  db: Database,
  sealer: Sealer,
  at: { readonly organizationId: string | null; readonly name: string; readonly actor: string },
  change: UpstreamChange,
  check: Check,
  o: { readonly isDryRun?: boolean } = {},
): Promise<ChangedUpstream> {
  if (Object.values(change).every((given) => given === undefined)) {
    throw new AppError('INVALID_REQUEST', 'got nothing to change', { about: { reason: 'unchanged' } })
  }
  const changed = async (tx: Queries) => {
    const before = await getOwn(tx, at.organizationId, at.name)
    const referrersFrom =
      change.referrersFrom === undefined
        ? before.referrers_from
        : await referrerSource(tx, at.organizationId, change.referrersFrom)
    if (referrersFrom === before.id) {
      throw new AppError('INVALID_REQUEST', `referrersFrom: ${at.name} itself is always read, want another upstream`, {
        about: { reason: 'invalid', where: 'referrersFrom' },
      })
    }
    const prefix = change.prefix ?? before.prefix
    const rate =
      change.maxRate === undefined
        ? { max_rate: before.max_rate, has_own_rate: before.has_own_rate }
        : { max_rate: JSON.stringify(change.maxRate ?? []), has_own_rate: ownRate(change.maxRate) }
    const after = {
      ...changedConnection(sealer, SEALED_AS, before, change),
      referrers_from: referrersFrom,
      prefix,
      ...rate,
    }
    return { before, after }
  }
  const { before, after } = await changed(db.read)
  if (o.isDryRun === true) {
    const row = { ...before, ...after }
    return { row, findings: null, isOtherSource: isOtherSource(before, after), changes: changesBetween(before, after) }
  }
  // Whoever gives a password wants to know whether it is right, also when it is the one of before.
  const { url, credential, ca, plainHttp } = change
  const isReachedAnew = [url, credential, ca, plainHttp].some((given) => given !== undefined)
  const findings = isReachedAnew ? await lookAt(check, { ...after, organization_id: at.organizationId }) : null
  return db.write(async (tx) => {
    // Somebody else may have changed it meanwhile: the rules hold for what is there now.
    const now = await changed(tx)
    const row = await updateUpstream(tx, now.before.id, now.after)
    // Mirrors that upstream refused, or that it had no repository for, are tried at once.
    await readAgain(tx, row.id, isoTime(systemClock.now()))
    const mirrors = await listMirrorIds(tx, { upstreamId: row.id })
    await appendEvents(
      tx,
      await endPauses(tx, mirrors, {
        causes: ['credentials', 'gone'],
        actor: at.actor,
        at: isoTime(systemClock.now()),
      }),
    )
    // What another registry has, or another login sees, is read anew, however much it is.
    if (isOtherSource(now.before, now.after)) await forgetReading(tx, row.id, isoTime(systemClock.now()))
    const changes = changesBetween(now.before, now.after)
    return { row, findings, isOtherSource: isOtherSource(now.before, now.after), changes }
  })
}

async function lookAt(check: Check, upstream: Parameters<CheckUpstream>[0]): Promise<RegistryFindings | null> {
  return check === undefined ? null : check.run(upstream, check.signal)
}

/** The organization's own upstream, or the shared one for null. */
async function findOwn(db: Queries, organizationId: string | null, name: string) {
  const row = await findUpstream(db, organizationId, name)
  return row?.organization_id === organizationId ? row : undefined
}

/** @throws AppError NOT_FOUND; whoever manages an organization's upstreams sees the shared ones too, and is told of that one */
export async function getOwn(db: Queries, organizationId: string | null, name: string): Promise<UpstreamRow> {
  const row = await findUpstream(db, organizationId, name)
  if (row?.organization_id === organizationId) return row
  if (organizationId === null)
    throw new AppError('NOT_FOUND', `there is no upstream ${name} that is shared`, {
      about: { reason: 'absent', what: 'upstream', name },
    })
  const hint = row === undefined ? '' : '; one of that name is shared: name no organization (--shared)'
  throw new AppError('NOT_FOUND', `there is no upstream ${name} of this organization${hint}`, {
    about: { reason: 'absent', what: 'upstream', name },
  })
}

async function referrerSource(db: Queries, organizationId: string | null, name: string | null) {
  if (name === null) return null
  const source = await findUpstream(db, organizationId, name)
  if (source === undefined)
    throw new AppError('NOT_FOUND', `referrersFrom: there is no upstream ${name}`, {
      about: { reason: 'absent', what: 'upstream', name, where: 'referrersFrom' },
    })
  return source.id
}
