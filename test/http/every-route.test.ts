// Every route of the OpenAPI document, and every endpoint of /v2, asked by those who may have nothing there: what they get depends on
// who they are and on nothing that exists (invariant 7). Strangers, credentials that have ended, and members and tokens of the very
// organization that are granted nothing of what is asked about.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { profileAnswerSchema } from '../../src/api/users.ts'
import { openDatabase } from '../../src/db/engine/engine.ts'
import { listLinks } from '../../src/db/people/own-links.ts'
import { linkUser } from '../../src/db/people/sign-ins.ts'
import { catalogIsRead } from '../support/catalog.ts'
import { emptyIndexPushed } from '../support/empty-index.ts'
import { type IdentityIssuer, startIdentityIssuer } from '../support/identity-issuer.ts'
import { type QuirkRegistry, startQuirkRegistry, USER } from '../support/quirk-registry.ts'
import { bodyOf, formOf, type Names, type Operation, operationsOf, parameterOf } from '../support/valid-requests.ts'
import { authorization, type Login, OWNER, startWholeServer, type WholeServer } from '../support/whole-server.ts'

const ABSENT: Names = {
  organization: 'vanished',
  name: 'absentrepo',
  user: 'nosuchuser',
  upstream: 'noupstream',
  target: 'notarget',
  tag: 'notag',
  token: '00000000-0000-4000-8000-000000000000',
  run: '00000000-0000-4000-8000-000000000000',
  subscription: '00000000-0000-4000-8000-000000000000',
  invitation: '00000000-0000-4000-8000-000000000001',
  session: '00000000-0000-4000-8000-000000000002',
  team: 'noteam',
  identity: 'noidentity',
  provider: '00000000-0000-4000-8000-000000000000',
  webhook: 'nohook',
  delivery: '00000000-0000-4000-8000-000000000003',
  link: '00000000-0000-4000-8000-000000000004',
  replication: '00000000-0000-4000-8000-000000000005',
  rule: '00000000-0000-4000-8000-000000000006',
  collection: '00000000-0000-4000-8000-000000000007',
}

/** Routes about what is the caller's own: any user has them, with nothing of others in the answer. */
const OWN = new Map<string, number>([
  ['get /user', 200],
  ['get /organizations', 200],
  ['get /repositories', 200],
  ['get /mirrors', 200],
  ['get /webhooks', 200],
  ['get /subscriptions', 200],
  ['get /upstreams', 200],
  ['get /targets', 200],
  ['get /replications', 200],
  ['get /replication-rules', 200],
  ['get /search/packages', 200],
  ['get /search/vulnerabilities', 200],
  ['get /tokens', 200],
  ['post /tokens', 201],
  ['delete /tokens/{token}', 404],
  ['patch /user', 200],
  ['put /user/password', 403],
  ['get /user/sessions', 200],
  ['delete /user/sessions', 200],
  ['delete /user/sessions/{session}', 404],
  ['get /user/two-factor', 200],
  ['post /user/two-factor', 403],
  ['post /user/two-factor/confirm', 409],
  ['post /user/two-factor/recovery-codes', 403],
  ['post /user/two-factor/disable', 403],
  ['post /invitations/accept', 404],
  ['get /user/identities', 200],
  ['post /user/identities', 401],
  // In no session.
  ['post /user/identities/start', 403],
  ['delete /user/identities/{link}', 404],
  ['get /device', 404],
  ['post /device/approve', 404],
  ['post /device/deny', 404],
])

/** Routes that are decided by what the body holds, a password or the secret of a link, whoever sends it. */
const BY_BODY = new Map<string, number>([
  ['post /user/sessions', 401],
  // From no page of this server.
  ['post /user/sessions/browser', 403],
  ['post /user/sessions/link', 403],
  // There is an owner, and so no such route.
  ['post /setup', 404],
  ['post /invitations/show', 404],
  ['post /invitations/register', 404],
])

/** How one gets credentials at all: anybody may ask, signed in or not, and what is wrong with what they sent is all that they hear. */
const PUBLIC = new Map<string, number>([
  ['post /organizations/{organization}/token-exchange', 401],
  ['get /sign-in/providers', 200],
  ['get /sign-in/{provider}/start', 404],
  ['get /sign-in/{provider}/callback', 404],
  ['post /sign-in/token', 401],
  ['post /device/code', 200],
  ['post /device/token', 400],
])

let kagami: WholeServer
let issuer: IdentityIssuer
let registry: QuirkRegistry
let victim: Names
let secrets: readonly string[]
let jwtOfVictimsIssuer: string
let operations: readonly Operation[]
let callers: Record<'anonymous' | 'nobody' | 'bearer' | 'stranger', Login | string | undefined>
let ended: Readonly<Record<string, Login | string>>
let narrow: Readonly<Record<string, Login | string>>

beforeAll(async () => {
  kagami = await startWholeServer({ withSample: true })
  const must = async (method: string, path: string, body: unknown, login: Login | string = OWNER) => {
    const answer = await kagami.call(method, path, { login, body })
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.text}`)
    return answer.text === '' ? undefined : JSON.parse(answer.text)
  }
  const nobody = await kagami.addUser('nobody')
  const stranger = await kagami.addUser('stranger', { elsewhere: 'owner' })
  const insider = await kagami.addUser('insider', { victimorg: 'owner' })
  await must('PUT', '/organizations/victimorg/members/owner', { role: 'member' })
  const own = { organization: 'victimorg', url: 'https://registry.example.com/team', check: false }
  await must(
    'POST',
    '/upstreams',
    { ...own, name: 'victimup', username: 'robotname', password: 'robot secret' },
    insider,
  )
  const shared = { name: 'sharedup', organization: null, url: 'https://registry.example.com/shared', check: false }
  await must('POST', '/upstreams', { ...shared, username: 'operatorsname', password: 'operator secret' })
  const login = { username: 'robotname', password: 'robot secret' }
  await must('POST', '/targets', { ...own, ...login, name: 'victimtarget' }, insider)
  const operators = { ...shared, name: 'sharedtarget', username: 'operatorsname', password: 'operator secret' }
  await must('POST', '/targets', operators)
  await must('POST', '/repositories', { name: 'victimorg/victimrepo' }, insider)
  await emptyIndexPushed(kagami.url, 'victimorg/victimrepo', 'victimtag', insider)
  registry = await startQuirkRegistry({ signIn: 'basic' })
  await must('POST', '/targets', { ...own, ...USER, name: 'victimplace', url: registry.url }, insider)
  const there = { target: 'victimplace', repository: 'victimthere' }
  const sent = await must('POST', '/replications', { repository: 'victimorg/victimrepo', target: there }, insider)
  expect((await kagami.server.replications.wait(sent.run.id)).outcome).toBe('done')
  const glob = { organization: 'victimorg', target: 'victimplace', match: ['victimnone-*'], as: 'victimas/{name}' }
  const { rule: ofReplications } = await must('POST', '/replication-rules', glob, insider)
  const mirrored = { organization: 'victimorg', upstream: 'sample', repository: 'nginx', as: 'victimmirror' }
  const { run } = await must('POST', '/mirrors', mirrored, insider)
  await kagami.server.mirrors.wait(run.id)
  const whole = { organization: 'victimorg', upstream: 'sample', match: ['node'], except: ['victimglob'] }
  const { subscription } = await must('POST', '/subscriptions', whole, insider)
  issuer = await startIdentityIssuer()
  const identities = '/organizations/victimorg/identities'
  const rule = { kind: 'rule', name: 'victimrule', issuer: issuer.url, audience: 'x', subject: 'victimsubject' }
  await must('POST', identities, rule, insider)
  jwtOfVictimsIssuer = await issuer.sign({ aud: 'x', sub: 'somebody' })
  const provider = { kind: 'provider', name: 'victimprovider', issuer: issuer.url, clientId: 'victimclient' }
  await must('POST', identities, provider, insider)
  const { id: token } = await must('POST', '/tokens', { label: 'victimtoken' }, insider)
  const letter = { email: 'victimguest@example.com', role: 'owner' }
  const { id: invitation, url: link } = await must('POST', '/organizations/victimorg/invitations', letter, insider)
  const { id: session, token: open } = await must('POST', '/user/sessions', insider)
  const hooked = { url: 'https://receiver.example.com/in', name: 'victimhook' }
  await must('POST', '/repositories/victimorg/victimrepo/webhooks', hooked, insider)
  await must('POST', '/organizations/victimorg/webhooks', hooked, insider)
  const tried = await must('POST', '/repositories/victimorg/victimrepo/webhooks/victimhook/test', undefined, insider)
  victim = {
    organization: 'victimorg',
    name: 'victimrepo',
    user: 'insider',
    upstream: 'victimup',
    target: 'victimtarget',
    tag: 'victimtag',
    token,
    run: run.id,
    subscription: subscription.id,
    invitation,
    session,
    team: 'victimteam',
    identity: 'victimrule',
    // By its name an organization's provider is nobody's; its id cannot be guessed.
    provider: 'victimprovider',
    webhook: 'victimhook',
    delivery: tried.delivery.id,
    link: 'victimlink',
    replication: sent.replication.id,
    rule: ofReplications.id,
    collection: '00000000-0000-4000-8000-000000000008',
  }
  await must('POST', '/organizations/victimorg/teams', { name: 'victimteam' }, insider)
  const granted = { repository: 'victimrepo', permission: 'admin' }
  await must('PUT', '/organizations/victimorg/teams/victimteam/grants', granted, insider)
  secrets = [
    'victim',
    'insider',
    'robotname',
    'operatorsname',
    'registry.example.com',
    'sharedup',
    'sharedtarget',
    token,
    run.id,
    subscription.id,
    invitation,
    session,
    open,
    link.split('#')[1],
    'receiver.example.com',
    tried.delivery.id,
    sent.replication.id,
    sent.run.id,
    ofReplications.id,
    new URL(registry.url).host,
  ]

  const bearerOf = async (login: Login, scope = '') => {
    const headers = { authorization: authorization(login) }
    const answer = await fetch(`${kagami.url}/token?service=kagami${scope}`, { headers })
    return ((await answer.json()) as { token: string }).token
  }
  callers = { anonymous: undefined, nobody, bearer: await bearerOf(insider), stranger }

  const scope = '&scope=repository:victimorg/victimrepo:pull,push,delete&scope=registry:catalog:*'
  /** A token as it is, with its user name, and what the token service gives for it. */
  const waysOf = async (kind: string, username: string, password: string) => ({
    [`${kind}, alone`]: password,
    [`${kind}, with its name`]: { username, password },
    [`bearer of ${kind}`]: await bearerOf({ username, password }, scope),
  })
  const personal = async (label: string, login: Login = insider) =>
    (await must('POST', '/tokens', { label, scope: 'admin' }, login)) as { id: string; token: string }
  const tokens = '/organizations/victimorg/tokens'
  const ofOrganization = async (label: string, o: object = {}) => {
    const all = { allow: ['pull', 'push', 'delete', 'mirrors', 'webhooks'], repositories: ['*'] }
    return (await must('POST', tokens, { label, ...all, ...o }, insider)) as { id: string; token: string }
  }
  const [gone, old] = [await personal('gone'), await personal('old')]
  const [revoked, idle, past] = [
    await ofOrganization('gone'),
    await ofOrganization('idle'),
    await ofOrganization('past'),
  ]
  ended = {
    ...(await waysOf('a revoked personal token', 'insider', gone.token)),
    ...(await waysOf('an expired personal token', 'insider', old.token)),
    ...(await waysOf('a revoked organization token', 'victimorg', revoked.token)),
    ...(await waysOf('a deactivated organization token', 'victimorg', idle.token)),
    ...(await waysOf('an expired organization token', 'victimorg', past.token)),
  }
  await must('DELETE', `/tokens/${gone.id}`, undefined, insider)
  await must('DELETE', `${tokens}/${revoked.id}`, undefined, insider)
  await must('PATCH', `${tokens}/${idle.id}`, { active: false }, insider)
  const db = await openDatabase(`${kagami.directory}/kagami.sqlite`)
  const expires_at = '2020-01-01T00:00:00.000Z'
  await db.write((tx) => tx.updateTable('tokens').set({ expires_at }).where('id', '=', old.id).execute())
  await db.write((tx) => tx.updateTable('organization_tokens').set({ expires_at }).where('id', '=', past.id).execute())
  const { link_key: linkKey } = await db.read
    .selectFrom('identity_providers')
    .select('link_key')
    .executeTakeFirstOrThrow()
  const { id: userId } = (await kagami.call('GET', '/user', { login: insider })).as(profileAnswerSchema).user
  await db.write((tx) => linkUser(tx, { userId, linkKey, subject: 'victimsubject', at: expires_at }))
  const [linked] = await listLinks(db.read, userId)
  victim = { ...victim, link: linked?.id ?? '' }
  secrets = [...secrets, victim.link]
  await db.close()

  await must('PATCH', '/organizations/victimorg', { membersPull: 'none' }, insider)
  const member = await kagami.addUser('member', { victimorg: 'member' })
  const elsewhere = await ofOrganization('elsewhere', { repositories: ['other-*'] })
  const deaf = await ofOrganization('deaf', { allow: ['webhooks'] })
  narrow = {
    'a member without a team': member,
    ...(await waysOf('a personal token of a member without a team', 'member', (await personal('m', member)).token)),
    ...(await waysOf('an organization token for other repositories', 'victimorg', elsewhere.token)),
    ...(await waysOf('an organization token for webhooks', 'victimorg', deaf.token)),
  }

  operations = operationsOf(JSON.parse((await kagami.call('GET', '/openapi.json')).text))
})
afterAll(async () => {
  await kagami.stop()
  await issuer.stop()
  await registry[Symbol.asyncDispose]()
})

async function ask(operation: Operation, names: Names, login: Login | string | undefined, withQuery: boolean) {
  const path = operation.path.replace(/\{(\w+)\}/g, (_, key: keyof Names) => names[key] ?? names.name)
  const wanted = operation.query.filter((name) => withQuery || name !== 'organization')
  const query = new URLSearchParams(wanted.map((name) => [name, parameterOf(name, names)]))
  const form = formOf(operation, jwtOfVictimsIssuer)
  const body = form === undefined ? bodyOf(operation, names) : new URLSearchParams(form).toString()
  const headers: Record<string, string> =
    form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }
  const { status, text } = await kagami.call(operation.method.toUpperCase(), `${path}?${query}`, {
    login,
    body,
    headers,
  })
  return { status, text }
}

/** The answer without the names that the caller put into the question. */
function withoutNames(text: string, names: Names): string {
  return Object.entries(names).reduce((rest, [key, value]) => rest.replaceAll(value, `<${key}>`), text)
}

describe('every route of the management API', () => {
  for (const caller of ['anonymous', 'nobody', 'bearer', 'stranger'] as const) {
    test(`tells ${caller} nothing that is not theirs, existence included`, async () => {
      expect(operations.length).toBeGreaterThan(25)
      for (const operation of operations) {
        for (const withQuery of operation.query.includes('organization') ? [false, true] : [false]) {
          const there = await ask(operation, victim, callers[caller], withQuery)
          const absent = await ask(operation, ABSENT, callers[caller], withQuery)
          const name = `${operation.method} ${operation.path}`
          const what = `${caller}: ${name}${withQuery ? ' of an organization' : ''}`
          const own = withQuery ? undefined : OWN.get(name)
          const ofAnybody = BY_BODY.get(name) ?? PUBLIC.get(name)
          if (ofAnybody !== undefined) expect([what, there.status]).toEqual([what, ofAnybody])
          else if (own === undefined) {
            // `nobody` and `stranger` see no upstream of that name, whose it may be.
            const isOfCatalog = /^(get|post) \/catalog/.test(name)
            const status = caller === 'anonymous' ? [401] : isOfCatalog && !withQuery ? [403, 404] : [403]
            expect([what, status.includes(there.status)]).toEqual([what, true])
          } else if (caller === 'nobody' || caller === 'stranger') {
            expect([what, there.status]).toEqual([what, own])
          } else expect([what, there.status]).toEqual([what, caller === 'anonymous' ? 401 : 403])
          if (there.status !== 201 && name !== 'post /device/code') {
            expect([what, there.status, withoutNames(there.text, victim)]).toEqual([
              what,
              absent.status,
              withoutNames(absent.text, ABSENT),
            ])
          }
          // A member of some organization sees that what is shared is there, and where; never whose credential it has.
          const shared = new Map([
            ['get /upstreams', ['sharedup', 'registry.example.com']],
            ['get /targets', ['sharedtarget', 'registry.example.com']],
          ])
          const seen = caller === 'stranger' ? (shared.get(name) ?? []) : []
          const leaked = secrets.filter((secret) => withoutNames(there.text, victim).includes(secret))
          expect([what, leaked.filter((secret) => !seen.includes(secret))]).toEqual([what, []])
        }
      }
    })
  }

  test('is closed to credentials that have ended, whatever is asked for', async () => {
    for (const [caller, login] of Object.entries(ended)) {
      for (const operation of operations) {
        const what = `${caller}: ${operation.method} ${operation.path}`
        // What a secret in the body decides is told by it, and the same for whatever credentials.
        if (BY_BODY.has(`${operation.method} ${operation.path}`)) continue
        const there = await ask(operation, victim, login, true)
        const absent = await ask(operation, ABSENT, login, true)
        expect([what, there.status, there.text]).toEqual([what, 401, absent.text])
        expect([what, secrets.filter((secret) => there.text.includes(secret))]).toEqual([what, []])
      }
    }
  }, 60_000)

  test('tells members and tokens of the organization nothing of what they are not granted, existence included', async () => {
    // What the organization is made of beside its repositories is no secret to its members.
    const hidden = ['victimrepo', 'victimmirror', 'victimtag', 'victimglob', 'victimteam']
    hidden.push(victim.run, victim.subscription, victim.token, victim.replication, victim.rule)
    hidden.push('victimthere', 'victimnone', 'victimas')
    const { organization, upstream, target, user } = victim
    const absentHere = { ...ABSENT, organization, upstream, target, user }
    for (const [caller, login] of Object.entries(narrow)) {
      for (const operation of operations) {
        const name = `${operation.method} ${operation.path}`
        // It changes once it has been read; the next test asks for one that is.
        if (name === 'get /catalog') continue
        // It is about the upstream alone, and says when it is read next.
        if (name === 'post /catalog/{upstream}/refresh') continue
        // One's own password and codes, and what a secret in the body decides; guesses are counted, and these are the same user's.
        if (operation.path.startsWith('/user/') || BY_BODY.has(name) || PUBLIC.has(name)) continue
        // They may, and would be members no more.
        if (operation.path.endsWith('/leave')) continue
        // A stream that goes on; test/http/api/changes.test.ts holds what it tells.
        if (operation.path.endsWith('/changes')) continue
        // What it is for.
        if (caller.includes('for webhooks') && /events|webhooks/.test(operation.path)) continue
        for (const withQuery of operation.query.includes('organization') ? [false, true] : [false]) {
          const what = `${caller}: ${name}${withQuery ? ' of an organization' : ''}`
          const there = await ask(operation, victim, login, withQuery)
          const absent = await ask(operation, absentHere, login, withQuery)
          expect([what, there.status < 500 && there.status !== 401]).toEqual([what, true])
          // By its id a replication is of some repository, and which one is not to be known: it is absent.
          const isById = operation.path.includes('{replication}') && !/^bearer of|for webhooks/.test(caller)
          if (/\{(name|tag|run|subscription|replication|rule)\}/.test(operation.path))
            expect([what, there.status]).toEqual([what, isById ? 404 : 403])
          expect([what, hidden.filter((secret) => withoutNames(there.text, victim).includes(secret))]).toEqual([
            what,
            [],
          ])
          if (there.status === 201) continue
          expect([what, there.status, withoutNames(there.text, victim)]).toEqual([
            what,
            absent.status,
            withoutNames(absent.text, absentHere),
          ])
        }
      }
    }
  }, 60_000)

  test('counts and catalogs tell them nothing either; a grant shows them what it is about', async () => {
    const login = narrow['a member without a team'] as Login
    const read = async (path: string, as: Login | string = login) =>
      JSON.parse((await kagami.call('GET', path, { login: as })).text)
    const { organization } = await read('/organizations/victimorg')
    expect(organization).toMatchObject({ repositories: 0, sizeBytes: null, quotaBytes: null, membersPull: 'none' })
    const catalog = '/catalog?upstream=sample&organization=victimorg'
    await read(catalog)
    await catalogIsRead(kagami, 'sample')
    const mirrorsOf = async (as: Login | string) =>
      (await read(catalog, as)).entries.flatMap((entry: { mirrors: string[] }) => entry.mirrors)
    expect(await mirrorsOf(login)).toEqual([])
    const insider = { username: 'insider', password: 'password of insider' }
    expect(await mirrorsOf(insider)).toContain('victimorg/victimmirror')
    const team = '/organizations/victimorg/teams/victimteam'
    expect((await kagami.call('GET', team, { login })).status).toBe(404)
    await kagami.call('PUT', `${team}/members/member`, { login: insider })
    expect((await read('/repositories')).repositories.map((one: { name: string }) => one.name)).toEqual([
      'victimorg/victimrepo',
    ])
    expect((await read('/organizations/victimorg')).organization).toMatchObject({ repositories: 1, sizeBytes: null })
    expect((await read('/mirrors')).mirrors).toEqual([])
    expect((await read(`${team}/grants`)).grants).toMatchObject([{ repository: 'victimorg/victimrepo' }])
    await kagami.call('DELETE', `${team}/members/member`, { login: insider })
    expect((await read('/repositories')).repositories).toEqual([])
  })

  test('the credential of a shared upstream is spent for nobody without an organization', async () => {
    for (const upstream of ['sharedup', 'sample', 'noupstream']) {
      const answer = await kagami.call('GET', `/catalog?upstream=${upstream}`, { login: callers.nobody })
      expect([answer.status, answer.message]).toEqual([404, `there is no upstream ${upstream}`])
    }
    const { upstreams } = JSON.parse((await kagami.call('GET', '/upstreams', { login: callers.nobody })).text)
    expect(upstreams).toEqual([])
  })

  test('the credential of a shared upstream is spent for owners and editors; members see what costs none', async () => {
    const member = await kagami.addUser('plainmember', { elsewhere: 'member' })
    expect((await kagami.call('GET', '/catalog?upstream=sharedup', { login: member })).code).toBe('DENIED')
    expect((await kagami.call('GET', '/catalog?upstream=sample', { login: member })).status).toBe(200)
  })

  test('the operator sees the user name of a shared credential; the members of an organization that of their own', async () => {
    const namesOf = async (login: Login) =>
      JSON.parse((await kagami.call('GET', '/upstreams', { login })).text).upstreams.map(
        (one: { name: string; username: string | null }) => `${one.name} ${one.username}`,
      )
    expect(await namesOf(OWNER)).toEqual(['sample null', 'sharedup operatorsname', 'victimup robotname'])
    const insider = { username: 'insider', password: 'password of insider' }
    expect(await namesOf(insider)).toEqual(['sample null', 'sharedup null', 'victimup robotname'])
  })
})

describe('every endpoint of /v2', () => {
  const digest = `sha256:${'0'.repeat(64)}`
  const endpoints = [
    ['GET', 'manifests/victimtag', 'pull'],
    ['HEAD', 'manifests/victimtag', 'pull'],
    ['PUT', 'manifests/new', 'pull,push'],
    ['DELETE', 'manifests/victimtag', 'delete'],
    ['GET', `blobs/${digest}`, 'pull'],
    ['HEAD', `blobs/${digest}`, 'pull'],
    ['DELETE', `blobs/${digest}`, 'delete'],
    ['GET', 'tags/list', 'pull'],
    ['GET', `referrers/${digest}`, 'pull'],
    ['POST', 'blobs/uploads/', 'pull,push'],
    ['POST', `blobs/uploads/?mount=${digest}`, 'pull,push'],
    ['GET', 'blobs/uploads/some-id', 'pull,push'],
    ['PATCH', 'blobs/uploads/some-id', 'pull,push'],
    ['PUT', `blobs/uploads/some-id?digest=${digest}`, 'pull,push'],
    ['DELETE', 'blobs/uploads/some-id', 'pull,push'],
  ] as const

  async function send(method: string, path: string, login: Login | string | undefined) {
    const headers = login === undefined ? {} : { authorization: authorization(login) }
    const body = ['PUT', 'PATCH'].includes(method) ? '{}' : null
    const answer = await fetch(`${kagami.url}/v2/${path}`, { method, headers, body })
    return { status: answer.status, text: await answer.text(), challenge: answer.headers.get('www-authenticate') ?? '' }
  }

  for (const caller of ['anonymous', 'nobody', 'bearer', 'stranger'] as const) {
    test(`tells ${caller} nothing that is not theirs, existence included`, async () => {
      for (const [method, path] of endpoints) {
        const there = await send(method, `victimorg/victimrepo/${path}`, callers[caller])
        const absent = await send(method, `vanished/victimrepo/${path}`, callers[caller])
        // The bearer token is of somebody who may: with the right scope it would serve, so it is 401 there, and 403 nowhere else.
        if (caller !== 'bearer') expect(there.text.replaceAll('victimorg', 'vanished')).toBe(absent.text)
        expect([method, path, there.status]).toEqual([
          method,
          path,
          caller === 'anonymous' || caller === 'bearer' ? 401 : 403,
        ])
      }
      const catalog = await send('GET', '_catalog', callers[caller])
      expect(secrets.filter((secret) => catalog.text.includes(secret))).toEqual([])
    })
  }

  test('is closed to credentials that have ended, and to what is not granted, whether or not it is there', async () => {
    for (const [caller, login] of [...Object.entries(ended), ...Object.entries(narrow)]) {
      const isBearer = caller.startsWith('bearer of')
      for (const [method, path] of endpoints) {
        const there = await send(method, `victimorg/victimrepo/${path}`, login)
        const absent = await send(method, `victimorg/absentrepo/${path}`, login)
        const wanted = caller in ended ? 401 : 403
        expect([caller, method, path, there.status]).toEqual([caller, method, path, wanted])
        expect([caller, there.text.replaceAll('victimrepo', 'absentrepo')]).toEqual([caller, absent.text])
      }
      const catalog = await send('GET', '_catalog', login)
      expect([caller, catalog.status]).toEqual([caller, caller in ended ? 401 : 200])
      if (!(caller in ended))
        expect([caller, isBearer, JSON.parse(catalog.text).repositories]).toEqual([caller, isBearer, []])
    }
  }, 60_000)

  test('a challenge names the scope that the request needs, whatever credentials came with it, and never an empty one', async () => {
    for (const login of [undefined, 'abc.def.ghi', 'kgm_pat_nonsense', { username: 'owner', password: 'wrong' }]) {
      // A wrong password costs a hash.
      for (const [method, path, actions] of typeof login === 'object' ? endpoints.slice(0, 2) : endpoints) {
        const { status, challenge } = await send(method, `victimorg/victimrepo/${path}`, login)
        expect([status, challenge]).toEqual([
          401,
          expect.stringContaining(`scope="repository:victimorg/victimrepo:${actions}"`),
        ])
      }
      expect((await send('GET', '_catalog', login)).challenge).toContain('scope="registry:catalog:*"')
      expect((await send('GET', '', login)).challenge).not.toContain('scope')
    }
  })
})

test('routes are made in one place, and JSON of others is read by one function', () => {
  const source = join(import.meta.dir, '../../src')
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'))
  const having = (pattern: RegExp) =>
    files.filter((path) => pattern.test(readFileSync(join(source, path), 'utf8'))).sort()
  expect(having(/new OpenAPIHono/)).toEqual(['http/api/route.ts'])
  expect(having(/as Granted<T>/)).toEqual(['http/api/decide.ts'])
  expect(having(/as Decided/)).toEqual(['http/oci/authorize.ts'])
  expect(having(/\.url\.(indexOf|split)|new URL\(c\.req/)).toEqual([])
  // The rest reads what this program itself has written.
  const foreign = having(/JSON\.parse\(/).filter(
    (path) =>
      !/^(cli|web|db|catalog\/(refresh|views)|contents\/(image-state|list-contents|search-contents|wanted-reads)\.|events\/[^/]+$|events\/payload\/(differences|event)\.|mirror\/(life|subscriptions)\/|mirror\/pass\/policy|replication\/(rules|life\/settings)\.|http\/api\/repositories|registry\/immutable)/.test(
        path,
      ),
  )
  expect(foreign).toEqual(['access/signing-key.ts', 'lib/json.ts', 'oci/strict-json.ts'])
})
