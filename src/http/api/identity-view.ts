/** Providers and rules as the management API shows them. */
import type { StoredIdentity } from '../../access/identity/identity.ts'
import type { Identity } from '../../api/identities.ts'
import { partsOf } from '../../db/people/identity-rules.ts'

/** @param origin of the server, as who asks reaches it */
export function identityOf(identity: StoredIdentity, origin: string): Identity {
  const { id, name, issuer, ca, created_by: createdBy, created_at: createdAt, last_used_at: lastUsedAt } = identity.row
  const common = { id, name, issuer, ca, createdBy, createdAt, lastUsedAt }
  if (identity.kind === 'rule') {
    const { audience, subject, minutes } = identity.row
    return {
      kind: 'rule',
      ...common,
      organization: identity.organization,
      audience,
      subject,
      ...partsOf(identity.row),
      minutes,
    }
  }
  const { organization, client_id: clientId, sealed_client_secret, role, is_only, trusts_email } = identity.row
  return {
    kind: 'provider',
    ...common,
    organization,
    clientId,
    hasClientSecret: sealed_client_secret !== null,
    role,
    only: is_only === 1,
    trustEmail: trusts_email === 1,
    groupsClaim: identity.row.groups_claim,
    groups: identity.groups.map(({ group, team }) => ({ group, team })),
    signIn: `${origin}/api/v1/sign-in/${id}/start`,
    redirectUri: `${origin}/api/v1/sign-in/${id}/callback`,
  }
}
