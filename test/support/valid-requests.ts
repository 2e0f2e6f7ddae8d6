// A request for each operation of the OpenAPI document that passes its schema, so that the decision alone refuses it.

/** What is there, and what is not, named alike. */
export interface Names {
  readonly organization: string
  readonly name: string
  readonly user: string
  readonly upstream: string
  readonly target: string
  readonly tag: string
  readonly token: string
  readonly run: string
  readonly subscription: string
  readonly invitation: string
  readonly session: string
  readonly team: string
  readonly identity: string
  readonly provider: string
  readonly webhook: string
  readonly delivery: string
  readonly link: string
  readonly replication: string
  readonly rule: string
  readonly collection: string
}

export interface Operation {
  readonly method: string
  readonly path: string
  /** Query parameters that it must have, or that narrow it to an organization. */
  readonly query: readonly string[]
}

type Described = {
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required?: boolean }[]
}

export function operationsOf(document: {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>
}): Operation[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { parameters = [] }]) => ({
      method,
      path: path.replace('/api/v1', ''),
      query: parameters.flatMap((one) =>
        one.in === 'query' && (one.required || one.name === 'organization') ? [one.name] : [],
      ),
    })),
  )
}

/** A body that passes the schema of the operation, so that the decision alone refuses. */
export function bodyOf({ method, path }: Operation, names: Names): unknown {
  const bodies: Record<string, unknown> = {
    'post /tokens': { label: 'mine' },
    'post /collections': { now: false },
    'patch /user': { displayName: 'Mine' },
    'post /operator/storage-checks': {},
    'put /user/password': { current: 'wrong', password: 'another password' },
    'patch /users/{user}': { disabled: true },
    'put /users/{user}/password': {},
    'post /user/sessions/browser': { username: names.user, password: 'wrong' },
    'post /user/sessions/link': { secret: names.invitation },
    'post /setup': {
      code: 'BCDF-GHJK-LMNP-QRST',
      organization: names.organization,
      username: names.user,
      password: 'a new password',
    },
    'post /user/sessions': { username: names.user, password: 'wrong' },
    'post /user/two-factor': { password: 'wrong' },
    'post /user/two-factor/confirm': { code: '000000' },
    'post /user/two-factor/recovery-codes': { password: 'wrong', code: '000000' },
    'post /user/two-factor/disable': { password: 'wrong', code: '000000' },
    'post /organizations/{organization}/invitations': {},
    'post /invitations/show': { secret: names.invitation },
    'post /invitations/accept': { secret: names.invitation },
    'post /invitations/register': { secret: names.invitation, username: names.user, password: 'a new password' },
    'post /organizations/{organization}/identities': {
      kind: 'rule',
      name: names.identity,
      issuer: 'https://a.example',
      audience: 'a',
      subject: 'a',
    },
    'patch /organizations/{organization}/identities/{identity}': { role: 'member' },
    'patch /identities/{identity}': { trustEmail: false },
    'post /identities': { kind: 'provider', name: names.identity, issuer: 'https://a.example', clientId: 'a' },
    'post /sign-in/token': { code: 'made-up', verifier: 'v'.repeat(43) },
    'post /user/identities': { code: 'made-up', verifier: 'v'.repeat(43) },
    'post /user/identities/start': { provider: names.provider },
    'post /device/approve': { userCode: 'BCDF-GHJK' },
    'post /device/deny': { userCode: 'BCDF-GHJK' },
    'post /users': { username: names.user },
    'post /organizations': { name: names.organization },
    'patch /organizations/{organization}': { quotaBytes: 1 },
    'put /organizations/{organization}/members/{user}': { role: 'member' },
    'post /organizations/{organization}/teams': { name: names.team },
    'patch /organizations/{organization}/teams/{team}': { description: 'mine' },
    'put /organizations/{organization}/teams/{team}/grants': { repository: names.name, permission: 'admin' },
    'post /organizations/{organization}/tokens': { label: 'mine', allow: ['pull'], repositories: [names.name] },
    'patch /organizations/{organization}/tokens/{token}': { active: true },
    'post /upstreams': {
      name: names.upstream,
      url: 'https://a.example',
      organization: names.organization,
      check: false,
    },
    'post /upstreams/{upstream}/hook': {},
    'patch /upstreams/{upstream}': { url: 'https://b.example', check: false },
    'post /targets': {
      name: names.target,
      url: 'https://a.example',
      organization: names.organization,
      check: false,
    },
    'patch /targets/{target}': { url: 'https://b.example', check: false },
    'post /replications': {
      repository: `${names.organization}/${names.name}`,
      target: { target: names.target, repository: names.name },
    },
    'patch /replications/{organization}/{replication}': { onChange: false },
    'post /replications/{organization}/{replication}/sync': {},
    'post /replication-rules': { organization: names.organization, target: names.target, match: ['*'] },
    'patch /catalog/{upstream}': { names: ['a'] },
    'post /catalog/{upstream}/refresh': {},
    'post /mirrors': { organization: names.organization, upstream: names.upstream, repository: names.name },
    'post /mirrors/{organization}/{name}/sync': {},
    'post /subscriptions': { organization: names.organization, upstream: names.upstream },
    'patch /subscriptions/{organization}/{subscription}': { adopt: true },
    'post /subscriptions/{organization}/{subscription}/sync': {},
    'post /subscriptions/{organization}/{subscription}/stop': {},
    'post /mirrors/{organization}/{name}/tags/{tag}/exclude': {},
    'post /repositories/{organization}/{name}/tags/delete': { tags: [names.tag] },
    'post /repositories/{organization}/{name}/tags/{tag}/restore': { at: '2026-01-31' },
    'post /repositories': { name: `${names.organization}/${names.name}` },
    'patch /repositories/{organization}/{name}': { description: 'mine' },
    ...Object.fromEntries(
      ['/repositories/{organization}/{name}', '/organizations/{organization}'].flatMap((base) => [
        [`post ${base}/webhooks`, { name: names.webhook, url: 'https://a.example' }],
        [`patch ${base}/webhooks/{webhook}`, { enabled: false }],
        [`post ${base}/webhooks/{webhook}/redeliver`, { event: names.delivery }],
      ]),
    ),
  }
  return bodies[`${method} ${path}`]
}

/** The same of the endpoints of OAuth, which take forms. */
export function formOf({ method, path }: Operation, jwt: string): Record<string, string> | undefined {
  const forms: Record<string, Record<string, string>> = {
    'post /organizations/{organization}/token-exchange': {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: jwt,
    },
    'post /device/code': { client_id: 'any' },
    'post /device/token': {
      grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
      device_code: 'made-up',
      client_id: 'any',
    },
  }
  return forms[`${method} ${path}`]
}

/** What a query parameter that is no name of anything holds. */
const QUERY: Readonly<Record<string, string>> = { userCode: 'BCDF-GHJK', state: 'made-up', q: 'victim' }

export function parameterOf(parameter: string, names: Names): string {
  return QUERY[parameter] ?? (parameter === 'repository' ? names.name : names[parameter as keyof Names])
}
