/** Providers and rules as people read them. */

import type { Identity, identityShowSchema } from '../api/identities.ts'
import type { z } from '../api/schema.ts'
import { age } from './format.ts'
import { blocks, lines, properties, table } from './table.ts'

/** What is to be done now, so that it is used. */
export function nextStep(program: string, identity: Identity, organization: string | undefined): string {
  if (identity.kind === 'provider') {
    return lines([
      `At the provider, allow this redirect URI: ${identity.redirectUri}`,
      `People sign in at ${identity.signIn}`,
      `or by: ${program} login --identity ${identity.organization === null ? identity.name : identity.id}`,
    ])
  }
  return lines([
    `Jobs get a JWT for the audience ${identity.audience}, write it to a file, and call`,
    `${program} login --oidc-token-file FILE --org ${organization ?? identity.organization}`,
  ])
}

/** Whom owners have merely added is not theirs to lock out. */
const ONLY = 'yes, for members who are linked to it or belong to no other organization'

export function identityText(identity: Identity): string {
  const { name, issuer, createdBy, createdAt, lastUsedAt } = identity
  const ends = [
    ['certificates', identity.ca === null ? undefined : 'own, besides those of the system'],
    ['added', `${age(createdAt, '-')} by ${createdBy}`],
    ['used', age(lastUsedAt, 'never')],
  ] as const
  if (identity.kind === 'provider') {
    return properties([
      ['name', name],
      ['kind', 'provider'],
      ['issuer', issuer],
      ['client id', identity.clientId],
      ['client secret', identity.hasClientSecret ? 'kept sealed' : 'none'],
      ['redirect URI', identity.redirectUri],
      ['sign in at', identity.signIn],
      ['id', identity.id],
      [
        'new people',
        identity.organization === null ? 'of no organization' : `${identity.role} of ${identity.organization}`,
      ],
      ['only by it', identity.organization === null ? undefined : identity.only ? ONLY : 'no'],
      ['trusts mail', identity.organization === null ? (identity.trustEmail ? 'yes' : 'no') : undefined],
      ...(identity.groups.length === 0 ? [] : [['groups in', identity.groupsClaim] as const]),
      ...identity.groups.map(({ group, team }) => [`team ${team}`, group] as const),
      ...ends,
    ])
  }
  return properties([
    ['name', name],
    ['kind', 'rule'],
    ['issuer', issuer],
    ['audience', identity.audience],
    ['subject', identity.subject ?? undefined],
    ...Object.entries(identity.claims).map(([claim, pattern]) => [`claim ${claim}`, pattern] as const),
    ['allows', identity.allow.join(', ')],
    ['repositories', identity.repositories.join(' ')],
    ['minutes', String(identity.minutes)],
    ...ends,
  ])
}

/** Nothing for providers, which refuse people to their faces. */
export function refusalTable({ identity, refusals }: z.infer<typeof identityShowSchema>): string {
  if (identity.kind === 'provider') return ''
  const rows = refusals.map((one) => [
    age(one.at, '-'),
    String(one.attempts),
    one.verified ? 'yes' : 'no',
    one.subject ?? '-',
    one.address ?? '-',
    one.reason,
  ])
  return blocks([
    '',
    table(['refused', 'times', 'signed', 'subject', 'from', 'because'], rows, 'No token was refused lately.'),
  ])
}
