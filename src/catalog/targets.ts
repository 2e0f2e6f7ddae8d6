/** Registries that are written to: added and changed by people, after a look at what is there. */
import type { RegistryKind, SignIn, TargetField } from '../api/targets.ts'
import type { Database, Queries } from '../db/engine/engine.ts'
import { appendEvents, type NewEvent } from '../db/platform/events.ts'
import { endReplicationPause, listReplicationIds } from '../db/replication/life.ts'
import {
  createTarget,
  findTarget,
  forgetSomeTargetContent,
  forgetTargetContent,
  signInOf,
  type TargetSettings,
  updateTarget,
} from '../db/replication/targets.ts'
import type { OrganizationRow, TargetRow } from '../db/schema.ts'
import { AppError } from '../errors.ts'
import { isoTime, systemClock } from '../lib/clock.ts'
import type { Sealer } from '../lib/seal.ts'
import type { RegistryFindings } from '../remote/check-registry.ts'
import { checkSignIn, kindOfTarget } from '../remote/sign-in/settings.ts'
import { parseUpstreamUrl } from '../remote/upstream.ts'
import { type ConnectionChange, changedConnection, newConnection } from './connection.ts'

/** What passwords of targets are sealed as. */
export const SEALED_AS = 'target password'

/** What is looked at before it is kept. */
export type TargetToCheck = TargetSettings & Pick<TargetRow, 'organization_id' | 'name'>

/** What a look has shown; `kind`: what registry it is, by its answers. */
export interface TargetFindings extends RegistryFindings {
  readonly kind: RegistryKind
}

/** Looks at a registry as it would be written to. @throws AppError TARGET_*, ADDRESS_NOT_ALLOWED when nothing could be written to it */
export type CheckTarget = (target: TargetToCheck, signal: AbortSignal) => Promise<TargetFindings>

/** Undefined: nothing is asked. */
type Check = { readonly run: CheckTarget; readonly signal: AbortSignal } | undefined

export interface NewTarget extends ConnectionChange {
  readonly name: string
  readonly url: string
  /** Undefined: shared with every organization. */
  readonly organization: OrganizationRow | undefined
  readonly kind?: RegistryKind | undefined
  readonly signIn: SignIn
  /** As `api/rates.ts` has them; absent, null or empty: what its registry documents. */
  readonly maxRate?: readonly string[] | null | undefined
}

export interface TargetChange extends ConnectionChange {
  /** Null: as its address says. */
  readonly kind?: RegistryKind | null | undefined
  readonly signIn?: SignIn | undefined
  readonly maxRate?: readonly string[] | null | undefined
}

/** What registry it is: as people have said, or as its address says. */
export function kindOf(row: Pick<TargetRow, 'kind' | 'url'>): RegistryKind {
  return kindOfTarget({ kind: row.kind as RegistryKind | null, url: row.url })
}

/** Its kind is the target's. */
function shown({ kind: _, ...findings }: TargetFindings): RegistryFindings {
  return findings
}

/** As people say, or as its address does; else as its answers have shown. */
function seenKind(row: Pick<TargetRow, 'kind' | 'url'>, findings: TargetFindings | null): TargetRow['kind'] {
  if (findings === null || kindOf(row) !== 'other') return row.kind
  return findings.kind === 'other' ? null : findings.kind
}

/** @throws AppError INVALID_REQUEST (signIn) */
function refuseSignIn(row: TargetSettings, isShared: boolean): void {
  checkSignIn({
    url: row.url,
    kind: row.kind as RegistryKind | null,
    signIn: signInOf(row),
    isShared,
    hasLogin: row.username !== null,
  })
}

function columnsOf({ by, ...settings }: SignIn): Pick<TargetRow, 'sign_in' | 'sign_in_settings'> {
  return { sign_in: by, sign_in_settings: JSON.stringify(settings) }
}

/**
 * Adds a target.
 * @throws AppError INVALID_REQUEST (url, ca, plain http, sign-in), CONFLICT (name), and what the check throws
 */
export async function addTarget(
  db: Database,
  sealer: Sealer,
  given: NewTarget,
  check: Check,
): Promise<{ row: TargetRow; findings: RegistryFindings | null }> {
  const settings: TargetSettings = {
    ...newConnection(sealer, SEALED_AS, given),
    kind: given.kind ?? null,
    ...columnsOf(given.signIn),
    max_rate: JSON.stringify(given.maxRate ?? []),
  }
  const organizationId = given.organization?.id ?? null
  refuseSignIn(settings, organizationId === null)
  // What is wrong here is told before anybody waits for the registry.
  if ((await findTarget(db.read, organizationId, given.name))?.organization_id === organizationId) {
    throw new AppError('CONFLICT', `there is a target ${given.name} already`, {
      about: { reason: 'taken', what: 'target', name: given.name },
    })
  }
  const target = { ...settings, organization_id: organizationId, name: given.name }
  const findings = await lookAt(check, target)
  const created_at = isoTime(systemClock.now())
  const kind = seenKind(target, findings)
  const row = await db.write((tx) => createTarget(tx, { ...target, kind, created_at }))
  return { row, findings: findings && shown(findings) }
}

export interface ChangedTarget {
  readonly row: TargetRow
  readonly findings: RegistryFindings | null
  readonly isOtherPlace: boolean
  /** Names of what is another than before. */
  readonly changes: TargetField[]
}

const FIELD_OF_COLUMN = {
  url: 'url',
  username: 'username',
  sealed_password: 'password',
  ca: 'ca',
  plain_http: 'plainHttp',
  kind: 'kind',
  sign_in: 'signIn',
  sign_in_settings: 'signIn',
  max_rate: 'maxRate',
} as const satisfies Record<keyof TargetSettings, TargetField>

function changesBetween(before: TargetSettings, after: TargetSettings): TargetField[] {
  const columns = Object.keys(FIELD_OF_COLUMN) as (keyof TargetSettings)[]
  const fields = columns.filter((column) => before[column] !== after[column]).map((column) => FIELD_OF_COLUMN[column])
  return [...new Set(fields)]
}

/**
 * The settings after a change. A secret stays with whom it was given to: what was given to a cloud to sign by is not sent to a registry, so
 * that another way to sign in wants the login again, as another address does.
 */
function changedSettings(sealer: Sealer, before: TargetRow, change: TargetChange): TargetSettings {
  const connection = changedConnection(sealer, SEALED_AS, before, change)
  const signIn = change.signIn === undefined ? signInOf(before) : change.signIn
  const keepsPassword = change.credential === undefined && before.sealed_password !== null
  if (keepsPassword && signIn.by !== before.sign_in) {
    throw new AppError(
      'INVALID_REQUEST',
      `signIn: the login is kept for ${before.sign_in}: give it again for ${signIn.by} (--username, --password-stdin), or none (--no-credential)`,
      { about: { reason: 'empty', where: 'password' } },
    )
  }
  return {
    ...connection,
    kind: change.kind === undefined ? before.kind : change.kind,
    // As it was written, where it is the same.
    ...(change.signIn === undefined
      ? { sign_in: before.sign_in, sign_in_settings: before.sign_in_settings }
      : columnsOf(signIn)),
    max_rate: change.maxRate === undefined ? before.max_rate : JSON.stringify(change.maxRate ?? []),
  }
}

/**
 * Changes a target, or with `isDryRun` only says what would be another: nothing is asked or written. Runs under way end with the settings that
 * they began with; the next ones take the new.
 * @param at.organizationId of the target; null: shared
 * @throws AppError NOT_FOUND, INVALID_REQUEST, and what the check throws
 */
export async function changeTarget(
  db: Database,
  sealer: Sealer,
  at: { readonly organizationId: string | null; readonly name: string; readonly actor: string },
  change: TargetChange,
  check: Check,
  o: { readonly isDryRun?: boolean } = {},
): Promise<ChangedTarget> {
  if (Object.values(change).every((given) => given === undefined)) {
    throw new AppError('INVALID_REQUEST', 'got nothing to change', { about: { reason: 'unchanged' } })
  }
  const changed = async (tx: Queries) => {
    const before = await getOwnTarget(tx, at.organizationId, at.name)
    const after = changedSettings(sealer, before, change)
    refuseSignIn(after, at.organizationId === null)
    return { before, after, changes: changesBetween(before, after), isOtherPlace: before.url !== after.url }
  }
  const { before, after, ...found } = await changed(db.read)
  if (o.isDryRun === true) return { ...found, row: { ...before, ...after }, findings: null }
  // Whoever gives a password wants to know whether it is right, also when it is the one of before.
  const { url, credential, ca, plainHttp, signIn } = change
  const isReachedAnew = [url, credential, ca, plainHttp, signIn].some((given) => given !== undefined)
  const target = { ...after, organization_id: at.organizationId, name: at.name }
  const findings = isReachedAnew ? await lookAt(check, target) : null
  if (found.isOtherPlace) while (await db.stage((tx) => forgetSomeTargetContent(tx, before.id)));
  return db.write(async (tx) => {
    // Somebody else may have changed it meanwhile: the rules hold for what is there now.
    const now = await changed(tx)
    const isOther =
      change.kind === undefined && parseUpstreamUrl(now.before.url).host !== parseUpstreamUrl(now.after.url).host
    // What was seen of another registry says nothing of this one.
    const kind = seenKind(isOther ? { ...now.after, kind: null } : now.after, findings)
    const row = await updateTarget(tx, now.before.id, { ...now.after, kind })
    if (now.isOtherPlace) await forgetTargetContent(tx, row.id)
    // Replications that the registry refused, or that it had no place for, are tried at once.
    const resumed: NewEvent[] = []
    for (const id of await listReplicationIds(tx, { targetId: row.id })) {
      const by = { actor: at.actor, at: isoTime(systemClock.now()) }
      const event = await endReplicationPause(tx, id, { ...by, causes: ['credentials', 'gone'] })
      if (event !== undefined) resumed.push(event)
    }
    await appendEvents(tx, resumed)
    return { row, findings: findings && shown(findings), isOtherPlace: now.isOtherPlace, changes: now.changes }
  })
}

async function lookAt(check: Check, target: TargetToCheck): Promise<TargetFindings | null> {
  return check === undefined ? null : check.run(target, check.signal)
}

/** @throws AppError NOT_FOUND; whoever manages an organization's targets sees the shared ones too, and is told of that one */
export async function getOwnTarget(db: Queries, organizationId: string | null, name: string): Promise<TargetRow> {
  const row = await findTarget(db, organizationId, name)
  if (row?.organization_id === organizationId) return row
  const about = { reason: 'absent', what: 'target', name } as const
  if (organizationId === null) throw new AppError('NOT_FOUND', `there is no target ${name} that is shared`, { about })
  const hint = row === undefined ? '' : '; one of that name is shared: name no organization (--shared)'
  throw new AppError('NOT_FOUND', `there is no target ${name} of this organization${hint}`, { about })
}
