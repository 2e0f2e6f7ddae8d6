/**
 * Refused attempts in the audit log. What is alike within an hour is one entry that counts; of one account in one hour a few entries are kept
 * apart, and the rest is counted in one more, so that whoever hammers cannot fill the disk.
 */
import { createHash } from 'node:crypto'
import type { Transaction } from '../engine/engine.ts'
import { findTokenLabel, objectText } from './audit.ts'

export interface RefusedAttempts {
  /** Undefined: the token of an organization, which stands for nobody. */
  readonly userId: string | undefined
  /** `user:<name>`, `token:<label>` of the organization that was asked, or `token:<organization>/<label>` of another. */
  readonly actor: string
  /** What has a bounded number of entries: `user:<name>`, or `organization:<name>` for all tokens of one, as their labels are chosen freely. */
  readonly account: string
  /** Id of the token that was used. */
  readonly tokenId: string | undefined
  /** False: somebody has only named the account, so the attempt is told to organizations of its own alone. */
  readonly isProven: boolean
  /** Name of the organization that was asked for; undefined: none. */
  readonly organization: string | undefined
  readonly action: string
  readonly object: string
  /** That of the answer. */
  readonly code: string
  readonly address: string | undefined
  /** Of the first. */
  readonly requestId: string | undefined
  readonly attempts: number
  readonly firstAt: string
  readonly lastAt: string
}

/** Entries of one account in one log and hour, before the rest is counted together. */
const MAX_APART = 20
/** `2026-01-31T12`. */
const HOUR_LENGTH = 13
/** Sorts behind all letters and digits. */
const REST = '~'

export async function countRefused(tx: Transaction, one: RefusedAttempts): Promise<void> {
  const organizationId = await findLog(tx, one)
  const token = await findTokenLabel(tx, one.tokenId)
  const prefix = `${one.firstAt.slice(0, HOUR_LENGTH)} ${organizationId ?? '-'} ${one.account} `
  const same = createHash('sha256')
    .update(JSON.stringify([one.actor, token, one.action, one.object, one.code, one.address ?? null]))
    .digest('base64url')
  if (await addTo(tx, prefix + same, one)) return
  const { apart } = await tx
    .selectFrom('audit_entries')
    .select((eb) => eb.fn.countAll<number>().as('apart'))
    .where('coalesced', '>=', prefix)
    .where('coalesced', '<', prefix + REST)
    .executeTakeFirstOrThrow()
  const isApart = Number(apart) < MAX_APART
  if (!isApart && (await addTo(tx, prefix + REST, one))) return
  const facts = isApart
    ? { token, action: one.action, object: objectText(one.object), address: one.address ?? null }
    : { token: null, action: '*', object: '*', address: null }
  const row = {
    organization_id: organizationId,
    at: one.firstAt,
    actor: isApart ? one.actor : restOf(one),
    ...facts,
    outcome: 'refused' as const,
    before_state: null,
    after_state: stateOf(one.attempts, one.lastAt, isApart ? one.code : null),
    request_id: one.requestId ?? null,
    coalesced: prefix + (isApart ? same : REST),
  }
  await tx.insertInto('audit_entries').values(row).execute()
}

/** Who stands for the rest of an account. */
function restOf({ account, actor }: RefusedAttempts): string {
  return account.startsWith('organization:') ? `token:${account.slice('organization:'.length)}/*` : actor
}

/** False when there is no such entry. */
async function addTo(tx: Transaction, key: string, { attempts, lastAt }: RefusedAttempts): Promise<boolean> {
  const row = await tx
    .selectFrom('audit_entries')
    .select(['seq', 'after_state'])
    .where('coalesced', '=', key)
    .executeTakeFirst()
  if (row === undefined) return false
  const before = JSON.parse(row.after_state ?? '{}') as { attempts: number; code: string | null }
  await tx
    .updateTable('audit_entries')
    .set({ after_state: stateOf(before.attempts + attempts, lastAt, before.code) })
    .where('seq', '=', row.seq)
    .execute()
  return true
}

function stateOf(attempts: number, lastAt: string, code: string | null): string {
  return JSON.stringify({ code, attempts, lastAt })
}

/** That of the organization that was asked for; else the instance's. */
async function findLog(tx: Transaction, { organization, isProven, userId }: RefusedAttempts): Promise<string | null> {
  if (organization === undefined) return null
  const row = await tx
    .selectFrom('organizations')
    .leftJoin('members', (join) =>
      join.onRef('members.organization_id', '=', 'organizations.id').on('members.user_id', '=', userId ?? ''),
    )
    .select(['organizations.id', 'members.role'])
    .where('organizations.name', '=', organization)
    .where('organizations.deleted_at', 'is', null)
    .executeTakeFirst()
  return row !== undefined && (isProven || row.role !== null) ? row.id : null
}
