/** Tokens that an organization owns, as a CI job gets one for minutes. */

import type { Transaction } from '../../db/engine/engine.ts'
import { insertOrganizationToken } from '../../db/people/identity-rules.ts'
import { isoTime } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import { createSecret, type Secret } from '../../lib/secret.ts'
import { hashToken, makeTokenText } from '../token-text.ts'

export interface NewOrganizationToken {
  readonly organizationId: string
  readonly label: string
  readonly allow: readonly string[]
  readonly repositories: readonly string[]
  readonly createdBy: string
  readonly createdAt: Date
  readonly expiresAt: Date
  /** The rule that gave it: it ends with the rule. */
  readonly ruleId: string
}

/** Makes one in the caller's transaction; its text is returned here once and kept nowhere. */
export async function issueOrganizationToken(
  tx: Transaction,
  token: NewOrganizationToken,
): Promise<{ readonly id: string; readonly text: Secret }> {
  const text = makeTokenText('kgm_oat_')
  const id = newId()
  await insertOrganizationToken(tx, {
    id,
    organization_id: token.organizationId,
    label: token.label,
    allow: JSON.stringify(token.allow),
    repositories: JSON.stringify(token.repositories),
    hash: hashToken(text),
    created_at: isoTime(token.createdAt),
    created_by: token.createdBy,
    expires_at: isoTime(token.expiresAt),
    last_used_at: null,
    is_active: 1,
    rule_id: token.ruleId,
  })
  return { id, text: createSecret(text) }
}
