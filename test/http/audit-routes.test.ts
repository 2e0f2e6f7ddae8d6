// Every changing route of the OpenAPI document: done, it leaves its entries and no other; refused, one that counts. The list below must
// name each of them: a route that is new fails here until somebody says what the audit log tells of it.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { Secret, TOTP } from 'otpauth'
import { type AuditEntry, auditListSchema } from '../../src/api/audit.ts'
import { said } from '../../src/web/text/ja/said/index.ts'
import { emptyIndexPushed } from '../support/empty-index.ts'
import { githubClaims, type IdentityIssuer, startIdentityIssuer } from '../support/identity-issuer.ts'
import { type OpenIdProvider, startOpenIdProvider } from '../support/openid-provider.ts'
import { answerAtCommandLine, VERIFIER } from '../support/provider-people.ts'
import { type QuirkRegistry, startQuirkRegistry, USER } from '../support/quirk-registry.ts'
import { describeOnEachDatabase, type Login, OWNER, type WholeServer } from '../support/whole-server.ts'

const PASSWORD = 'a very secret password'
const OTHER_PASSWORD = 'another secret password'

const ADA: Login = { username: 'ada', password: PASSWORD }

type Made = Record<string, string | undefined>

interface Step {
  /** As the document has it. */
  readonly route: string
  /** Parameters that are made on the way stand as `{…}` and are filled in by name. */
  readonly path: string
  readonly body?: unknown
  /** Who does it, and is told as its actor; the owner when left out. Without a password they prove who they are by the body. */
  readonly by?: Partial<Login> & Pick<Login, 'username'>
  /** `<log> <action> <object>` of each entry; log `-` is the instance's. */
  readonly leaves: readonly string[]
  /** It is for pages of this server. */
  readonly isFromPage?: boolean
  /** The body is sent as a form. */
  readonly isForm?: boolean
  /** Told as the actor; by default `by`. */
  readonly actor?: string
  /** What is to be there before. */
  readonly prepare?: (made: Made, openid: OpenIdProvider, issuer: IdentityIssuer, kagami: WholeServer) => Promise<Made>
  /** What is made on the way, by the answer. */
  readonly gives?: (answer: never) => Record<string, string | undefined>
}

const AUDIENCE = 'https://kagami.example'
const CLIENT_SECRET = 'the secret of a client'

/** Somebody who comes back from the provider with a code for a command line. */
const codeOf = (name: string) => async (made: Made, openid: OpenIdProvider) => {
  openid.allow({ id: 'kagami', secret: CLIENT_SECRET, redirectUris: [made.redirectUri ?? ''] })
  const signIn = made.signIn ?? ''
  const code = await answerAtCommandLine(openid, { signIn }, { sub: name, preferred_username: name })
  return { secretCodeOfPerson: code.get('code') ?? undefined }
}

const jwtOf = async (_: Made, __: OpenIdProvider, issuer: IdentityIssuer) => ({
  secretJwt: await issuer.sign({ ...githubClaims('acme/app', 'refs/heads/main'), aud: AUDIENCE }),
})

const provider = {
  ...{ kind: 'provider', name: 'sso', issuer: '{openid}', clientId: 'kagami', clientSecret: CLIENT_SECRET },
}
const device = ({ device_code, user_code }: { device_code: string; user_code: string }) => ({
  secretDevice: device_code,
  userCode: user_code,
})

const team = '/organizations/acme/teams/devs'
const repository = '/repositories/acme/box'
const mirror = '/mirrors/acme/nginx'
const WEBHOOKS: readonly Step[] = [
  { base: '/repositories/{organization}/{name}', at: repository, name: 'acme/box' },
  { base: '/organizations/{organization}', at: '/organizations/acme', name: 'acme' },
].flatMap(({ base, at, name }) => [
  {
    route: `post ${base}/webhooks`,
    path: `${at}/webhooks`,
    body: {
      name: 'ci',
      url: 'https://receiver.example.com/in',
      headers: { Authorization: 'Bearer secret-of-a-header' },
    },
    leaves: [`acme webhook.create webhook:${name}/ci`],
    gives: ({ secret }: { secret: string }) => ({ secretHook: secret }),
  },
  {
    route: `patch ${base}/webhooks/{webhook}`,
    path: `${at}/webhooks/ci`,
    body: { enabled: false },
    leaves: [`acme webhook.change webhook:${name}/ci`],
  },
  {
    // The same name with another value: that it is another is told, and nothing of it.
    route: `patch ${base}/webhooks/{webhook}`,
    path: `${at}/webhooks/ci`,
    body: { headers: { Authorization: 'Bearer another secret-of-a-header' } },
    leaves: [`acme webhook.change webhook:${name}/ci`],
  },
  {
    route: `post ${base}/webhooks/{webhook}/test`,
    path: `${at}/webhooks/ci/test`,
    leaves: [`acme webhook.test webhook:${name}/ci`],
  },
  {
    route: `post ${base}/webhooks/{webhook}/redeliver`,
    path: `${at}/webhooks/ci/redeliver`,
    body: { failedSince: '2026-01-01T00:00:00.000Z' },
    leaves: [`acme webhook.redeliver webhook:${name}/ci`],
  },
  {
    route: `delete ${base}/webhooks/{webhook}`,
    path: `${at}/webhooks/ci`,
    leaves: [`acme webhook.delete webhook:${name}/ci`],
  },
])

const replication = '/replications/acme/{replication}'
const ofReplication = 'replication:acme/box out/team/box'
const gaveReplication = (answer: { replication: { id: string }; run: { id: string } }) => ({
  replication: answer.replication.id,
  replicationRun: answer.run.id,
})
const REPLICATIONS: readonly Step[] = [
  {
    route: 'post /targets',
    path: '/targets',
    body: { name: 'out', organization: 'acme', url: '{registry}', ...USER, check: false },
    leaves: ['acme target.create target:out'],
  },
  {
    route: 'post /replications',
    path: '/replications',
    body: { repository: 'acme/box', target: { target: 'out', repository: 'team/box' } },
    leaves: [`acme replication.start ${ofReplication}`],
    gives: gaveReplication,
  },
  {
    route: 'post /replications',
    path: '/replications',
    body: { repository: 'acme/box', target: { target: 'out', repository: 'team/other' }, dryRun: true },
    leaves: [],
  },
  {
    route: 'post /replications/{organization}/{replication}/sync',
    path: `${replication}/sync`,
    body: { full: true },
    leaves: [`acme replication.sync ${ofReplication}`],
    gives: gaveReplication,
  },
  {
    route: 'patch /replications/{organization}/{replication}',
    path: replication,
    body: { schedule: { every: '2h' }, drift: 'repair' },
    leaves: [`acme replication.change ${ofReplication}`],
  },
  {
    route: 'post /replications/{organization}/{replication}/pause',
    path: `${replication}/pause`,
    leaves: [`acme replication.pause ${ofReplication}`],
  },
  {
    route: 'post /replications/{organization}/{replication}/resume',
    path: `${replication}/resume`,
    leaves: [`acme replication.resume ${ofReplication}`],
  },
  {
    route: 'post /replications/{organization}/{replication}/stop',
    path: `${replication}/stop`,
    leaves: [`acme replication.stop ${ofReplication}`],
  },
  {
    // One that was stopped goes on.
    route: 'post /replications',
    path: '/replications',
    body: { repository: 'acme/box', target: { target: 'out', repository: 'team/box' } },
    leaves: [`acme replication.start ${ofReplication}`],
    gives: gaveReplication,
  },
  {
    route: 'post /replication-rules',
    path: '/replication-rules',
    body: { organization: 'acme', target: 'out', match: ['nothing-*'], as: 'all/{name}' },
    leaves: ['acme replication-rule.start replication-rule:{rule}'],
    gives: ({ rule }: { rule: { id: string } }) => ({ rule: rule.id }),
  },
  {
    route: 'post /replication-rules',
    path: '/replication-rules',
    body: { organization: 'acme', target: 'out', match: ['nothing-*'], as: 'all/{name}', dryRun: true },
    leaves: [],
  },
  {
    route: 'delete /replication-rules/{organization}/{rule}',
    path: '/replication-rules/acme/{rule}',
    leaves: ['acme replication-rule.stop replication-rule:{rule}'],
  },
]

const STEPS: readonly Step[] = [
  {
    route: 'post /users',
    path: '/users',
    body: { username: 'ada', password: PASSWORD },
    leaves: ['- user.create user:ada'],
  },
  {
    route: 'post /organizations',
    path: '/organizations',
    body: { name: 'umbrella' },
    leaves: ['- organization.create umbrella'],
  },
  {
    route: 'patch /organizations/{organization}',
    path: '/organizations/acme',
    body: { quotaBytes: 1_000_000_000_000 },
    leaves: ['acme organization.change acme'],
  },
  {
    route: 'put /organizations/{organization}/members/{user}',
    path: '/organizations/acme/members/ada',
    body: { role: 'editor' },
    leaves: ['acme member.put user:ada'],
  },
  {
    route: 'delete /organizations/{organization}/members/{user}',
    path: '/organizations/acme/members/ada',
    leaves: ['acme member.remove user:ada'],
  },
  {
    route: 'post /organizations/{organization}/invitations',
    path: '/organizations/acme/invitations',
    body: { role: 'editor' },
    leaves: ['acme invitation.create invitation:{invitation}'],
    gives: ({ id, url }: { id: string; url: string }) => ({ invitation: id, secretLink: url.split('#')[1] }),
  },
  { route: 'post /invitations/show', path: '/invitations/show', body: { secret: '{secretLink}' }, leaves: [] },
  {
    route: 'post /invitations/accept',
    path: '/invitations/accept',
    body: { secret: '{secretLink}' },
    by: ADA,
    leaves: ['acme member.put user:ada', 'acme invitation.accept invitation:{invitation}'],
  },
  {
    route: 'post /organizations/{organization}/leave',
    path: '/organizations/acme/leave',
    by: ADA,
    leaves: ['acme member.leave user:ada'],
  },
  {
    route: 'post /organizations/{organization}/invitations',
    path: '/organizations/acme/invitations',
    body: {},
    leaves: ['acme invitation.create invitation:{invitation}'],
    gives: ({ id, url }: { id: string; url: string }) => ({ invitation: id, secretLink: url.split('#')[1] }),
  },
  {
    route: 'post /invitations/register',
    path: '/invitations/register',
    body: { secret: '{secretLink}', username: 'grace', password: PASSWORD },
    by: { username: 'grace' },
    leaves: [
      ...['acme member.put user:grace', 'acme invitation.accept invitation:{invitation}'],
      '- user.create user:grace',
    ],
  },
  {
    route: 'post /organizations/{organization}/invitations',
    path: '/organizations/acme/invitations',
    body: {},
    leaves: ['acme invitation.create invitation:{invitation}'],
    gives: ({ id }: { id: string }) => ({ invitation: id }),
  },
  {
    route: 'delete /organizations/{organization}/invitations/{invitation}',
    path: '/organizations/acme/invitations/{invitation}',
    leaves: ['acme invitation.revoke invitation:{invitation}'],
  },
  { route: 'patch /user', path: '/user', body: { displayName: 'Ada L.' }, by: ADA, leaves: ['- user.change user:ada'] },
  {
    route: 'put /user/password',
    path: '/user/password',
    body: { current: PASSWORD, password: OTHER_PASSWORD },
    by: ADA,
    leaves: ['- user.password user:ada'],
  },
  {
    route: 'patch /users/{user}',
    path: '/users/ada',
    body: { operator: true },
    leaves: ['- user.change user:ada'],
  },
  {
    route: 'patch /users/{user}',
    path: '/users/ada',
    body: { operator: false },
    leaves: ['- user.change user:ada'],
  },
  {
    route: 'put /users/{user}/password',
    path: '/users/ada/password',
    body: { password: PASSWORD },
    leaves: ['- user.password user:ada'],
  },
  {
    route: 'post /user/sessions',
    path: '/user/sessions',
    body: ADA,
    by: { username: 'ada' },
    leaves: ['- session.create session:{session}'],
    gives: ({ id, token }: { id: string; token: string }) => ({ session: id, secretSession: token }),
  },
  {
    route: 'delete /user/sessions/{session}',
    path: '/user/sessions/{session}',
    by: ADA,
    leaves: ['- session.end session:{session}'],
  },
  {
    route: 'post /user/sessions',
    path: '/user/sessions',
    body: ADA,
    by: { username: 'ada' },
    leaves: ['- session.create session:{session}'],
    gives: ({ id }: { id: string }) => ({ session: id }),
  },
  {
    route: 'post /user/sessions/browser',
    path: '/user/sessions/browser',
    body: ADA,
    isFromPage: true,
    by: { username: 'ada' },
    leaves: ['- session.create session:{session}'],
    gives: ({ id }: { id: string }) => ({ session: id }),
  },
  {
    route: 'post /user/sessions/link',
    path: '/user/sessions/link',
    body: { secret: '{secretWayIn}' },
    isFromPage: true,
    by: { username: 'ada' },
    prepare: async (_made, _openid, _issuer, kagami) => ({
      secretWayIn: (await kagami.server.linkFor('ada'))?.secret.reveal(),
    }),
    leaves: ['- session.create session:{session}'],
    gives: ({ id }: { id: string }) => ({ session: id }),
  },
  { route: 'delete /user/sessions', path: '/user/sessions', by: ADA, leaves: ['- session.end user:ada'] },
  {
    route: 'post /user/two-factor',
    path: '/user/two-factor',
    body: { password: PASSWORD },
    by: ADA,
    leaves: ['- two-factor.begin user:ada'],
    gives: ({ secret }: { secret: string }) => ({
      secretFactor: secret,
      code: new TOTP({ secret: Secret.fromBase32(secret) }).generate(),
    }),
  },
  {
    route: 'post /user/two-factor/confirm',
    path: '/user/two-factor/confirm',
    body: { code: '{code}' },
    by: ADA,
    leaves: ['- two-factor.enable user:ada'],
    gives: ({ recoveryCodes: [one, other] }: { recoveryCodes: string[] }) => ({ secretCode: one, code: other }),
  },
  {
    route: 'post /user/sessions',
    path: '/user/sessions',
    body: { ...ADA, code: '{secretCode}' },
    by: { username: 'ada' },
    leaves: ['- session.create session:{session}'],
    gives: ({ id, token }: { id: string; token: string }) => ({ session: id, secretSession: token }),
  },
  {
    route: 'post /user/two-factor/recovery-codes',
    path: '/user/two-factor/recovery-codes',
    body: { password: PASSWORD, code: '{code}' },
    by: { username: 'ada', password: '{secretSession}' },
    leaves: ['- two-factor.renew user:ada'],
    gives: ({ recoveryCodes: [one] }: { recoveryCodes: string[] }) => ({ secretRenewed: one }),
  },
  {
    route: 'post /user/two-factor/disable',
    path: '/user/two-factor/disable',
    body: { password: PASSWORD, code: '{secretRenewed}' },
    by: { username: 'ada', password: '{secretSession}' },
    leaves: ['- two-factor.disable user:ada'],
  },
  {
    route: 'post /tokens',
    path: '/tokens',
    body: { label: 'ci', scope: 'read' },
    leaves: ['- token.create token:{token}'],
    gives: ({ id, token }: { id: string; token: string }) => ({ token: id, secretToken: token }),
  },
  { route: 'delete /tokens/{token}', path: '/tokens/{token}', leaves: ['- token.revoke token:{token}'] },
  {
    route: 'post /upstreams',
    path: '/upstreams',
    body: {
      ...{ name: 'up', organization: 'acme', url: 'https://registry.example.com/team', check: false },
      ...{ username: 'robot', password: PASSWORD },
    },
    leaves: ['acme upstream.create upstream:up'],
  },
  {
    route: 'patch /upstreams/{upstream}',
    path: '/upstreams/up?organization=acme',
    body: { password: OTHER_PASSWORD, check: false },
    leaves: ['acme upstream.change upstream:up'],
  },
  {
    route: 'patch /catalog/{upstream}',
    path: '/catalog/up?organization=acme',
    body: { names: ['app'] },
    leaves: ['acme catalog.change catalog:up'],
  },
  {
    route: 'post /catalog/{upstream}/refresh',
    path: '/catalog/up/refresh?organization=acme',
    body: { acceptShrink: true },
    leaves: ['acme catalog.refresh catalog:up'],
  },
  {
    route: 'post /upstreams/{upstream}/hook',
    path: '/upstreams/up/hook?organization=acme',
    body: {},
    leaves: ['acme upstream.hook upstream:up'],
    gives: ({ url }: { url: string }) => ({ secretHook: url.slice(url.lastIndexOf('/') + 1) }),
  },
  {
    route: 'delete /upstreams/{upstream}/hook',
    path: '/upstreams/up/hook?organization=acme',
    leaves: ['acme upstream.unhook upstream:up'],
  },
  {
    route: 'delete /upstreams/{upstream}',
    path: '/upstreams/up?organization=acme',
    leaves: ['acme upstream.remove upstream:up'],
  },
  {
    route: 'post /targets',
    path: '/targets',
    body: {
      ...{ name: 'to', organization: 'acme', url: 'https://registry.example.com/team', check: false },
      ...{ username: 'robot', password: PASSWORD },
    },
    leaves: ['acme target.create target:to'],
  },
  {
    route: 'patch /targets/{target}',
    path: '/targets/to?organization=acme',
    body: { password: OTHER_PASSWORD, check: false },
    leaves: ['acme target.change target:to'],
  },
  {
    route: 'delete /targets/{target}',
    path: '/targets/to?organization=acme',
    leaves: ['acme target.remove target:to'],
  },
  {
    route: 'post /repositories',
    path: '/repositories',
    body: { name: 'acme/box' },
    leaves: ['acme repository.create acme/box'],
  },
  {
    route: 'patch /repositories/{organization}/{name}',
    path: repository,
    body: { description: 'boxes' },
    leaves: ['acme repository.change acme/box'],
  },
  {
    route: 'delete /repositories/{organization}/{name}/tags/{tag}',
    path: `${repository}/tags/1`,
    leaves: ['acme tag.delete acme/box:1'],
  },
  {
    route: 'post /repositories/{organization}/{name}/tags/{tag}/restore',
    path: `${repository}/tags/1/restore`,
    body: { digest: '{digest}' },
    leaves: ['acme tag.restore acme/box:1'],
  },
  {
    route: 'post /repositories/{organization}/{name}/tags/delete',
    path: `${repository}/tags/delete`,
    body: { tags: ['1'] },
    leaves: ['acme tag.delete acme/box:1'],
  },
  {
    route: 'post /repositories/{organization}/{name}/tags/delete',
    path: `${repository}/tags/delete`,
    body: { tags: ['2'], dryRun: true },
    leaves: [],
    prepare: async (made, _, __, kagami) => {
      await emptyIndexPushed(kagami.url, 'acme/box', '2', OWNER)
      return made
    },
  },
  ...WEBHOOKS,
  ...REPLICATIONS,
  {
    route: 'delete /repositories/{organization}/{name}',
    path: `${repository}?confirm=acme/box`,
    leaves: ['acme repository.delete acme/box'],
  },
  {
    route: 'post /mirrors',
    path: '/mirrors',
    body: { organization: 'acme', upstream: 'sample', repository: 'nginx', as: 'nginx' },
    leaves: ['acme mirror.start acme/nginx'],
    gives: ({ run }: { run: { id: string } }) => ({ run: run.id }),
  },
  {
    route: 'post /mirrors/{organization}/{name}/sync',
    path: `${mirror}/sync`,
    body: { full: true },
    leaves: ['acme mirror.sync acme/nginx'],
    gives: ({ run }: { run: { id: string } }) => ({ run: run.id }),
  },
  {
    route: 'post /mirrors/{organization}/{name}/tags/{tag}/exclude',
    path: `${mirror}/tags/none/exclude`,
    body: { reason: 'not here' },
    leaves: ['acme tag.exclude acme/nginx:none'],
  },
  {
    route: 'post /mirrors/{organization}/{name}/tags/{tag}/release',
    path: `${mirror}/tags/none/release`,
    body: {},
    leaves: ['acme tag.release acme/nginx:none'],
  },
  {
    route: 'patch /mirrors/{organization}/{name}',
    path: mirror,
    body: { schedule: { every: '1h' } },
    leaves: ['acme mirror.change acme/nginx'],
  },
  {
    route: 'post /mirrors/{organization}/{name}/pause',
    path: `${mirror}/pause`,
    leaves: ['acme mirror.pause acme/nginx'],
  },
  {
    route: 'post /mirrors/{organization}/{name}/resume',
    path: `${mirror}/resume`,
    leaves: ['acme mirror.resume acme/nginx'],
  },
  {
    route: 'post /mirrors/{organization}/{name}/stop',
    path: `${mirror}/stop`,
    body: {},
    leaves: ['acme mirror.stop acme/nginx'],
  },
  {
    route: 'post /mirrors/{organization}/{name}/restart',
    path: `${mirror}/restart`,
    body: {},
    leaves: ['acme mirror.restart acme/nginx'],
  },
  {
    route: 'post /mirrors/{organization}/{name}/stop',
    path: `${mirror}/stop`,
    body: { delete: true, confirm: 'acme/nginx' },
    leaves: ['acme repository.delete acme/nginx', 'acme mirror.stop acme/nginx'],
  },
  {
    route: 'post /subscriptions',
    path: '/subscriptions',
    body: { organization: 'acme', upstream: 'sample', match: ['nothing-is-called-so'] },
    leaves: ['acme subscription.start subscription:{subscription}'],
    gives: ({ subscription }: { subscription: { id: string } }) => ({ subscription: subscription.id }),
  },
  {
    route: 'patch /subscriptions/{organization}/{subscription}',
    path: '/subscriptions/acme/{subscription}',
    body: { adopt: true },
    leaves: ['acme subscription.change subscription:{subscription}'],
  },
  {
    route: 'post /subscriptions/{organization}/{subscription}/sync',
    path: '/subscriptions/acme/{subscription}/sync',
    body: {},
    leaves: ['acme subscription.sync subscription:{subscription}'],
  },
  {
    route: 'post /subscriptions/{organization}/{subscription}/pause',
    path: '/subscriptions/acme/{subscription}/pause',
    leaves: ['acme subscription.pause subscription:{subscription}'],
  },
  {
    route: 'post /subscriptions/{organization}/{subscription}/resume',
    path: '/subscriptions/acme/{subscription}/resume',
    leaves: ['acme subscription.resume subscription:{subscription}'],
  },
  {
    route: 'post /subscriptions/{organization}/{subscription}/stop',
    path: '/subscriptions/acme/{subscription}/stop',
    body: {},
    leaves: ['acme subscription.stop subscription:{subscription}'],
  },
  {
    route: 'post /organizations/{organization}/teams',
    path: '/organizations/acme/teams',
    body: { name: 'devs' },
    leaves: ['acme team.create team:devs'],
  },
  {
    route: 'patch /organizations/{organization}/teams/{team}',
    path: team,
    body: { description: 'who develops' },
    leaves: ['acme team.change team:devs'],
  },
  {
    route: 'put /organizations/{organization}/teams/{team}/members/{user}',
    path: `${team}/members/${OWNER.username}`,
    leaves: [`acme team.member.add team:devs/user:${OWNER.username}`],
  },
  {
    route: 'delete /organizations/{organization}/teams/{team}/members/{user}',
    path: `${team}/members/${OWNER.username}`,
    leaves: [`acme team.member.remove team:devs/user:${OWNER.username}`],
  },
  {
    route: 'put /organizations/{organization}/teams/{team}/grants',
    path: `${team}/grants`,
    body: { repository: 'dhi-*', permission: 'read' },
    leaves: ['acme team.grant acme/dhi-*'],
  },
  {
    route: 'delete /organizations/{organization}/teams/{team}/grants',
    path: `${team}/grants?repository=dhi-*`,
    leaves: ['acme team.revoke acme/dhi-*'],
  },
  {
    route: 'delete /organizations/{organization}/teams/{team}',
    path: team,
    leaves: ['acme team.delete team:devs'],
  },
  {
    route: 'post /organizations/{organization}/tokens',
    path: '/organizations/acme/tokens',
    body: { label: 'ci', allow: ['pull'], repositories: ['*'], expires: '90d' },
    leaves: ['acme organization-token.create token:{ofAcme}'],
    gives: ({ id, token }: { id: string; token: string }) => ({ ofAcme: id, secretOfAcme: token }),
  },
  {
    route: 'patch /organizations/{organization}/tokens/{token}',
    path: '/organizations/acme/tokens/{ofAcme}',
    body: { active: false },
    leaves: ['acme organization-token.change token:{ofAcme}'],
  },
  {
    route: 'delete /organizations/{organization}/tokens/{token}',
    path: '/organizations/acme/tokens/{ofAcme}',
    leaves: ['acme organization-token.revoke token:{ofAcme}'],
  },
  {
    route: 'post /identities',
    path: '/identities',
    body: provider,
    leaves: ['- identity.add identity:sso'],
  },
  {
    route: 'patch /identities/{identity}',
    path: '/identities/sso',
    // That it is another is told, and nothing of it.
    body: { clientSecret: 'another secret of a client' },
    leaves: ['- identity.change identity:sso'],
  },
  { route: 'delete /identities/{identity}', path: '/identities/sso', leaves: ['- identity.remove identity:sso'] },
  {
    route: 'post /organizations/{organization}/identities',
    path: '/organizations/acme/identities',
    body: provider,
    leaves: ['acme identity.add identity:sso'],
    gives: ({ identity: { signIn, redirectUri } }: { identity: { signIn: string; redirectUri: string } }) => ({
      signIn,
      redirectUri,
    }),
  },
  {
    route: 'post /sign-in/token',
    path: '/sign-in/token',
    body: { code: '{secretCodeOfPerson}', verifier: VERIFIER },
    by: { username: 'alice.acme' },
    prepare: codeOf('alice'),
    leaves: [
      ...['- token.create token:{token}', 'acme member.put user:alice.acme', 'acme identity.link user:alice.acme'],
      '- user.create user:alice.acme',
    ],
    gives: ({ id, token }: { id: string; token: string }) => ({ token: id, secretOfAlice: token }),
  },
  {
    // What comes of it is told when the browser is back: `back-to-page.test.ts`.
    route: 'post /user/identities/start',
    path: '/user/identities/start',
    body: { provider: '{provider}' },
    by: { username: 'ada', password: '{secretSession}' },
    prepare: async ({ signIn = '' }, _openid, _issuer, kagami) => {
      const { token } = JSON.parse((await kagami.call('POST', '/user/sessions', { body: ADA })).text)
      return { secretSession: token, provider: new URL(signIn).pathname.split('/').at(-2) }
    },
    leaves: [],
  },
  {
    route: 'post /user/identities',
    path: '/user/identities',
    body: { code: '{secretCodeOfPerson}', verifier: VERIFIER },
    by: ADA,
    prepare: codeOf('ada-elsewhere'),
    leaves: ['acme member.put user:ada', 'acme identity.link user:ada'],
  },
  {
    route: 'delete /user/identities/{link}',
    path: '/user/identities/{link}',
    by: ADA,
    prepare: async (_made, _openid, _issuer, kagami) => {
      const { identities } = JSON.parse((await kagami.call('GET', '/user/identities', { login: ADA })).text)
      return { link: identities[0].id }
    },
    leaves: ['acme identity.unlink user:ada'],
  },
  {
    route: 'patch /organizations/{organization}/identities/{identity}',
    path: '/organizations/acme/identities/sso',
    body: { role: 'editor' },
    leaves: ['acme identity.change identity:sso'],
  },
  {
    route: 'delete /organizations/{organization}/identities/{identity}',
    path: '/organizations/acme/identities/sso',
    leaves: ['acme identity.remove identity:sso'],
  },
  {
    route: 'post /organizations/{organization}/identities',
    path: '/organizations/acme/identities',
    body: {
      ...{ kind: 'rule', name: 'release', issuer: '{issuer}', audience: AUDIENCE },
      claims: { repository: 'acme/app', repository_id: '74' },
    },
    leaves: ['acme identity.add identity:release'],
  },
  {
    route: 'post /organizations/{organization}/token-exchange',
    path: '/organizations/acme/token-exchange',
    body: {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      subject_token: '{secretJwt}',
    },
    isForm: true,
    by: { username: 'nobody' },
    actor: 'identity:release',
    prepare: jwtOf,
    leaves: ['acme organization-token.create token:{token}'],
    gives: ({ id, access_token }: { id: string; access_token: string }) => ({ token: id, secretOfJob: access_token }),
  },
  {
    route: 'post /device/code',
    path: '/device/code',
    body: { client_id: 'laptop' },
    isForm: true,
    by: { username: 'nobody' },
    leaves: [],
    gives: device,
  },
  {
    route: 'post /device/deny',
    path: '/device/deny',
    body: { userCode: '{userCode}' },
    by: ADA,
    leaves: ['- device.deny device:laptop'],
  },
  {
    route: 'post /device/code',
    path: '/device/code',
    body: { client_id: 'laptop' },
    isForm: true,
    by: { username: 'nobody' },
    leaves: [],
    gives: device,
  },
  {
    route: 'post /device/approve',
    path: '/device/approve',
    body: { userCode: '{userCode}' },
    by: ADA,
    leaves: ['- device.approve device:laptop'],
  },
  {
    route: 'post /device/token',
    path: '/device/token',
    body: {
      grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
      ...{ device_code: '{secretDevice}', client_id: 'laptop' },
    },
    isForm: true,
    by: { username: 'nobody' },
    actor: 'user:ada',
    leaves: ['- token.create token:{token}'],
    gives: ({ id, access_token }: { id: string; access_token: string }) => ({
      token: id,
      secretOfDevice: access_token,
    }),
  },
  {
    route: 'post /operator/storage-checks',
    path: '/operator/storage-checks',
    body: {},
    leaves: ['- storage.check storage'],
  },
  {
    route: 'post /collections',
    path: '/collections',
    body: { now: false },
    leaves: ['- collection.start collection'],
  },
  { route: 'post /sample/releases', path: '/sample/releases', leaves: ['- sample.release sample'] },
  {
    route: 'delete /organizations/{organization}',
    path: '/organizations/umbrella?confirm=umbrella',
    leaves: ['- organization.delete umbrella'],
  },
]

/** Whoever is signed in may do these to what is their own. */
const OWN: ReadonlySet<string> = new Set([
  ...['post /tokens', 'delete /tokens/{token}', 'patch /user', 'put /user/password', 'post /invitations/accept'],
  ...['delete /user/sessions', 'delete /user/sessions/{session}', 'post /user/two-factor'],
  ...['post /user/two-factor/confirm', 'post /user/two-factor/recovery-codes', 'post /user/two-factor/disable'],
  // Decided by what the body holds.
  ...['post /user/sessions', 'post /user/sessions/browser', 'post /user/sessions/link', 'post /user/identities/start'],
  ...['post /invitations/show', 'post /invitations/register'],
  ...['post /sign-in/token', 'post /user/identities', 'post /organizations/{organization}/token-exchange'],
  'delete /user/identities/{link}',
  ...['post /device/code', 'post /device/token', 'post /device/approve', 'post /device/deny'],
])

describeOnEachDatabase('every changing route', (start) => {
  let kagami: WholeServer
  let openid: OpenIdProvider
  let issuer: IdentityIssuer
  let registry: QuirkRegistry
  const made: Made = {}

  beforeAll(async () => {
    openid = await startOpenIdProvider()
    issuer = await startIdentityIssuer()
    registry = await startQuirkRegistry({ signIn: 'basic' })
    Object.assign(made, { openid: openid.url, issuer: issuer.url, registry: registry.url })
    kagami = await start({ withSample: true })
  })
  afterAll(async () => {
    await kagami?.stop()
    await openid?.stop()
    await issuer?.stop()
    await registry?.[Symbol.asyncDispose]()
  })

  const nobodies = new Map<string, Login>()

  /** Of one account in one hour only a few refusals are kept apart. */
  async function someone(index: number): Promise<Login> {
    const username = `nobody${Math.floor(index / 15)}`
    if (!nobodies.has(username)) nobodies.set(username, await kagami.addUser(username))
    return nobodies.get(username) ?? OWNER
  }

  const fill = (text: string) => text.replace(/\{(\w+)\}/g, (all, name: string) => made[name] ?? all)
  const send = (step: Step, login: Login | string | undefined) => {
    const [method = ''] = step.route.split(' ')
    const body = step.body === undefined ? undefined : fill(JSON.stringify(step.body))
    const own: Record<string, string> = step.isFromPage ? { origin: kagami.url } : {}
    if (!step.isForm) return kagami.call(method.toUpperCase(), fill(step.path), { login, body, headers: own })
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const form = new URLSearchParams(JSON.parse(body ?? '{}')).toString()
    return kagami.call(method.toUpperCase(), fill(step.path), { login, body: form, headers })
  }

  /** A password that was made on the way is the secret of a session. */
  function loginOf({ by = OWNER }: Step): Login | string | undefined {
    const { username, password } = by
    if (password === undefined) return undefined
    return password.startsWith('{') ? fill(password) : { username, password }
  }

  async function log(): Promise<(AuditEntry & { log: string })[]> {
    const entries: (AuditEntry & { log: string })[] = []
    const { organizations } = JSON.parse((await kagami.call('GET', '/organizations', { login: OWNER })).text)
    const names = organizations.map(({ name }: { name: string }) => name)
    for (const [name, path] of [
      ['-', '/audit'],
      ['acme', '/organizations/acme/audit'],
      // It comes and goes.
      ...(names.includes('umbrella') ? [['umbrella', '/organizations/umbrella/audit'] as const] : []),
    ] as const) {
      const page = (await kagami.call('GET', `${path}?limit=1000`, { login: OWNER })).as(auditListSchema)
      entries.push(...page.entries.map((entry) => ({ ...entry, log: name })))
    }
    return entries.sort((a, b) => b.seq - a.seq)
  }

  /** Those that `work` leaves, newest first. */
  async function during(work: () => Promise<unknown>) {
    const last = (await log())[0]?.seq ?? 0
    await work()
    return (await log()).filter(({ seq }) => seq > last)
  }

  test('all of them are tried here', async () => {
    const { paths } = JSON.parse((await kagami.call('GET', '/openapi.json')).text)
    const routes = Object.entries<object>(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path.replace('/api/v1', '')}`),
    )
    const changing = routes.filter((route) => !route.startsWith('get '))
    // That one is there only as long as there is no owner: `first-run.test.ts`.
    expect([...new Set(STEPS.map(({ route }) => route)), 'post /setup'].sort()).toEqual(changing.sort())
  })

  test('the page has words for each action, in every language but that of the log', () => {
    const actions = STEPS.flatMap(({ leaves }) => leaves.map((line) => line.split(' ')[1] ?? ''))
    expect(actions.filter((action) => said.audit[action] === undefined)).toEqual([])
  })

  for (const step of STEPS) {
    test(`${step.route} leaves ${step.leaves.join(', ')}`, async () => {
      if (step.route.endsWith('/tags/{tag}')) {
        await emptyIndexPushed(kagami.url, 'acme/box', '1', OWNER)
        const { tag } = JSON.parse((await kagami.call('GET', `${repository}/tags/1`, { login: OWNER })).text)
        made.digest = tag.digest
      }
      if (made.run !== undefined) await kagami.server.mirrors.wait(made.run)
      delete made.run
      if (made.replicationRun !== undefined) await kagami.server.replications.wait(made.replicationRun)
      delete made.replicationRun
      const isFirst = STEPS.find(({ route }) => route === step.route) === step
      if (isFirst && !OWN.has(step.route)) {
        const nobody = await someone(STEPS.indexOf(step))
        const refused = await during(async () => {
          for (let i = 0; i < 3; i++) expect((await send(step, nobody)).status).toBe(403)
        })
        expect(refused.map(({ actor, outcome, before, after }) => [actor, outcome, before, after])).toEqual([
          [`user:${nobody.username}`, 'refused', null, { code: 'DENIED', attempts: 3, lastAt: expect.any(String) }],
        ])
        const action = step.leaves.at(-1)?.split(' ')[1]
        expect([refused[0]?.action, refused[0]?.address]).toEqual([action ?? '', '127.0.0.1'])
      }
      if (step.prepare !== undefined) Object.assign(made, await step.prepare(made, openid, issuer, kagami))
      let answer: Awaited<ReturnType<typeof send>> | undefined
      const entries = await during(async () => {
        answer = await send(step, loginOf(step))
        expect([step.route, answer.status < 300, answer.text]).toEqual([step.route, true, answer.text])
      })
      if (step.gives !== undefined) Object.assign(made, step.gives(JSON.parse(answer?.text ?? '') as never))
      expect(entries.map(({ log, action, object }) => `${log} ${action} ${object}`)).toEqual(step.leaves.map(fill))
      const actor = step.actor ?? `user:${step.by?.username ?? OWNER.username}`
      for (const entry of entries) {
        expect(entry).toMatchObject({ actor, outcome: 'done', token: null, address: '127.0.0.1' })
        expect(entry.requestId).toBe(answer?.headers.get('x-request-id') ?? '')
        expect(entry.before).not.toEqual(entry.after)
      }
    })
  }

  test('no entry holds a secret', async () => {
    const text = JSON.stringify(await log())
    expect(text).toContain('"password":"changed"')
    const madeSecrets = Object.entries(made).flatMap(([name, text]) => (name.startsWith('secret') ? [text] : []))
    expect(madeSecrets.length).toBe(15)
    const secrets = [
      'secret-of-a-header',
      PASSWORD,
      USER.password,
      OTHER_PASSWORD,
      CLIENT_SECRET,
      'another secret of a client',
      OWNER.password,
      'password of nobody0',
      ...madeSecrets,
    ]
    for (const secret of secrets) {
      expect(secret).toBeTruthy()
      expect(text).not.toContain(secret ?? '')
    }
    expect(text).not.toMatch(/kgm_|whsec_|:\/\/[^/"]*@/)
  })

  test('what changes nothing leaves no entry, nor does what fails', async () => {
    const same = await during(() =>
      kagami.call('PATCH', '/organizations/acme', { login: OWNER, body: { quotaBytes: 1_000_000_000_000 } }),
    )
    expect(same).toEqual([])
    const failed = await during(() => kagami.call('POST', '/users', { login: OWNER, body: { username: 'ada' } }))
    expect(failed).toEqual([])
  })
})
