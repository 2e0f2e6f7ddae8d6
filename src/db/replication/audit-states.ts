/** What the audit log shows of targets, before and after a change. No secret is among it. */
import { createHash } from 'node:crypto'
import type { Queries } from '../engine/engine.ts'
import type { Snapshot } from '../platform/audited-change.ts'
import { findTarget, signInOf, targetRatesOf } from './targets.ts'

export async function targetState(
  db: Queries,
  organizationId: string | null,
  name: string,
): Promise<Snapshot | undefined> {
  const row = await findTarget(db, organizationId, name)
  if (row === undefined || row.organization_id !== organizationId) return undefined
  const state = {
    url: row.url,
    kind: row.kind,
    signIn: signInOf(row),
    username: row.username,
    password: row.sealed_password === null ? null : 'set',
    ca: row.ca === null ? null : `sha256:${createHash('sha256').update(row.ca).digest('hex')}`,
    plainHttp: row.plain_http === 1,
    maxRate: targetRatesOf(row),
  }
  return { key: row.id, state, hidden: row.sealed_password }
}
