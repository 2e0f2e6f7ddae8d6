/**
 * What one request changes, seen from inside its transactions: the state of the object before and after, and where they differ an entry
 * in that very transaction. So an entry cannot be forgotten by whatever makes the change, nor tell of one that was not made.
 */
import { isDeepStrictEqual } from 'node:util'
import { currentRequest } from '../../lib/request-context.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import type { WriteWatch } from '../engine/watch.ts'
import { type AuditState, findTokenLabel, recordAudit } from './audit.ts'

/** What an object is at a moment. */
export interface Snapshot {
  readonly state: AuditState
  /** Its name, where the request does not tell it. */
  readonly object?: string
  /** Tells one thing from another that has taken its place. */
  readonly key?: string
  /** Never shown: that it is another than before is told as a changed password. */
  readonly hidden?: string | null
}

export interface WatchedObject {
  readonly action: string
  /** In a transaction, before and after the change. Undefined: it is not there. */
  read(db: Queries): Promise<Snapshot | undefined>
}

export interface AuditedChange {
  /** Name of the organization whose log tells it; null: the instance's. */
  readonly organization: string | null
  readonly object: string
  readonly watched: readonly WatchedObject[]
}

/** @returns a watch that sees nothing any more once it has ended: what the request has set off goes on as the system's */
export function watchChange(change: AuditedChange): WriteWatch & { end(): void } {
  let isOver = false
  return {
    end() {
      isOver = true
    },
    async around<T>(tx: Transaction, work: () => Promise<T>): Promise<T> {
      if (isOver || change.watched.length === 0) return work()
      // The change may be that the token ends.
      const token = await findTokenLabel(tx, currentRequest()?.tokenId)
      const before: (Snapshot | undefined)[] = []
      for (const one of change.watched) before.push(await one.read(tx))
      const result = await work()
      for (const [index, one] of change.watched.entries()) {
        const told = difference(before[index], await one.read(tx))
        if (told === undefined) continue
        const organizationId = await findOrganizationId(tx, change.organization)
        const { object = change.object, ...states } = told
        await recordAudit(tx, { organizationId, action: one.action, object, ...states }, { token })
      }
      return result
    },
  }
}

/** Undefined: nothing is another than before. */
export function difference(
  before: Snapshot | undefined,
  after: Snapshot | undefined,
): { readonly object: string | undefined; readonly before: AuditState; readonly after: AuditState } | undefined {
  const isSameThing = before === undefined || after === undefined || before.key === after.key
  const was = isSameThing ? before : undefined
  const isHiddenOther = was !== undefined && after !== undefined && (was.hidden ?? null) !== (after.hidden ?? null)
  const object = after?.object ?? was?.object
  const states = { before: was?.state ?? null, after: after?.state ?? null }
  if (!isHiddenOther) return isDeepStrictEqual(states.before, states.after) ? undefined : { object, ...states }
  const isKept = typeof was.hidden === 'string' && typeof after.hidden === 'string'
  return { object, ...states, after: isKept ? { ...after.state, password: 'changed' } : states.after }
}

async function findOrganizationId(tx: Transaction, name: string | null): Promise<string | null> {
  if (name === null) return null
  const row = await tx
    .selectFrom('organizations')
    .select('id')
    .where('name', '=', name)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  return row?.id ?? null
}
