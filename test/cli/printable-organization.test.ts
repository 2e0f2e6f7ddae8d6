// The same of what an organization has: people, teams, tokens, identities, webhooks, the audit log.
import { describePrintable } from './hostile-text.ts'

const time = '2026-01-31T12:00:00.000Z'
const page = (name: string, items: readonly unknown[]) => ({ [name]: items, next: null })
const team = (text: string) => ({
  ...{ name: 'platform', description: text, manageMirrors: true, members: 1, grants: 1, createdAt: time },
})
const common = (text: string) => ({
  ...{ id: text, name: 'ci', organization: 'acme', issuer: text, ca: text },
  ...{ createdBy: text, createdAt: time, lastUsedAt: null },
})
const provider = (text: string) => ({
  ...common(text),
  ...{ kind: 'provider', clientId: text, hasClientSecret: true, role: 'member', only: true, trustEmail: false },
  ...{ signIn: text, redirectUri: text, groupsClaim: 'groups', groups: [{ group: 'engineering', team: 'platform' }] },
})
const rule = (text: string) => ({
  ...common(text),
  ...{ kind: 'rule', audience: text, subject: text, claims: { [text.slice(0, 50)]: 'main' }, allow: ['pull'] },
  ...{ repositories: [text], minutes: 5 },
})
const webhook = (text: string) => ({
  ...{ id: text, name: 'ci', url: text, organization: 'acme', repository: 'acme/app', repositories: [text] },
  ...{ events: ['tag.moved'], tags: [text], changedOnly: true, headers: [text], format: 'hub', after: 'scan' },
  ...{ plainHttp: true, coalesce: true, initialSync: 'summary', enabled: false, disabledReason: text },
  ...{ failingSince: time, oldSecretUntil: time, createdAt: time, createdBy: text },
})
const attempt = (text: string) => ({
  ...{ at: time, status: 500, durationMs: 1, error: text },
  ...{ requestHeaders: { a: text }, answerHeaders: { a: text }, answer: text },
})
const delivery = (text: string) => ({
  ...{ id: text, eventId: text, seq: 1, kind: text, tag: text, status: 'failed', error: text },
  ...{ createdAt: time, nextAt: time, attempts: [attempt(text)] },
  callback: { state: 'failure', description: text, context: text, targetUrl: text, at: time },
})
const entry = (text: string) => ({
  ...{ seq: 1, at: time, actor: text, token: text, action: text, object: text, outcome: 'refused' },
  ...{ before: { [text]: text }, after: { list: [text] }, address: text, requestId: text },
})

const organization = '/organizations/acme'
describePrintable(
  'Hostile text in what an organization has',
  {
    [`GET ${organization}/teams`]: (text) => page('teams', [team(text)]),
    [`GET ${organization}/teams/platform`]: (text) => ({ team: team(text) }),
    [`GET ${organization}/teams/platform/members`]: () => page('members', [{ username: 'ada', createdAt: time }]),
    [`GET ${organization}/teams/platform/grants`]: (text) =>
      page('grants', [{ repository: text, permission: 'read', createdAt: time }]),
    [`GET ${organization}/invitations`]: (text) =>
      page('invitations', [
        {
          ...{ id: text, role: 'member', teams: ['platform'], email: text, state: 'open', createdBy: text },
          ...{ createdAt: time, expiresAt: time, acceptedBy: text },
        },
      ]),
    [`GET ${organization}/tokens`]: (text) =>
      page('tokens', [
        {
          ...{ id: text, label: text, allow: ['pull'], repositories: [text], expiresAt: null, username: 'acme' },
          ...{ active: true, createdAt: time, createdBy: text, lastUsedAt: null },
        },
      ]),
    [`GET ${organization}/identities`]: (text) => page('identities', [provider(text), rule(text)]),
    [`GET ${organization}/identities/sso`]: (text) => ({ identity: provider(text), refusals: [] }),
    [`GET ${organization}/identities/ci`]: (text) => ({
      identity: rule(text),
      refusals: [{ at: time, verified: true, attempts: 2, subject: text, reason: text, address: text }],
    }),
    'GET /repositories/acme/app/webhooks': (text) => page('webhooks', [webhook(text)]),
    'GET /repositories/acme/app/webhooks/ci': (text) => ({ webhook: webhook(text) }),
    'GET /repositories/acme/app/webhooks/ci/deliveries': (text) => page('deliveries', [delivery(text)]),
    [`GET ${organization}/audit`]: (text) => page('entries', [entry(text)]),
    'GET /user/sessions': (text) => ({
      ...page('sessions', [
        {
          ...{ id: text, kind: 'session', createdAt: time, lastSeenAt: time, address: text, userAgent: text },
          current: true,
        },
      ]),
    }),
  },
  [
    ['team', 'list', 'acme'],
    ['team', 'show', 'acme', 'platform'],
    ['invitation', 'list', 'acme'],
    ['token', 'list', '--org', 'acme'],
    ['identity', 'list', 'acme'],
    ['identity', 'show', 'acme', 'sso'],
    ['identity', 'show', 'acme', 'ci'],
    ['webhook', 'list', 'acme/app'],
    ['webhook', 'show', 'acme/app', 'ci'],
    ['webhook', 'deliveries', 'acme/app', 'ci'],
    ['audit', 'list', 'acme'],
    ['session', 'list'],
  ].map((args) => ({ args })),
)
