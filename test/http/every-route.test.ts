// Every route of the OpenAPI document, and every endpoint of /v2, asked by those who may have nothing there: what they get depends on
// who they are and on nothing that exists (invariant 7).
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { emptyIndexPushed } from '../support/empty-index.ts'
import { authorization, type Login, OWNER, startWholeServer, type WholeServer } from '../support/whole-server.ts'

/** What is there, and what is not, named alike. */
interface Names {
  readonly organization: string
  readonly name: string
  readonly user: string
  readonly upstream: string
  readonly tag: string
  readonly token: string
  readonly run: string
  readonly subscription: string
  readonly invitation: string
  readonly session: string
}

const ABSENT: Names = {
  organization: 'vanished',
  name: 'absentrepo',
  user: 'nosuchuser',
  upstream: 'noupstream',
  tag: 'notag',
  token: '00000000-0000-4000-8000-000000000000',
  run: '00000000-0000-4000-8000-000000000000',
  subscription: '00000000-0000-4000-8000-000000000000',
  invitation: '00000000-0000-4000-8000-000000000001',
  session: '00000000-0000-4000-8000-000000000002',
}

/** Routes about what is the caller's own: any user has them, with nothing of others in the answer. */
const OWN = new Map<string, number>([
  ['get /user', 200],
  ['get /organizations', 200],
  ['get /repositories', 200],
  ['get /mirrors', 200],
  ['get /subscriptions', 200],
  ['get /upstreams', 200],
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
])

/** Routes that are decided by what the body holds, a password or the secret of a link, whoever sends it. */
const BY_BODY = new Map<string, number>([
  ['post /user/sessions', 401],
  ['post /invitations/show', 404],
  ['post /invitations/register', 404],
])

interface Operation {
  readonly method: string
  readonly path: string
  /** Query parameters that it must have, or that narrow it to an organization. */
  readonly query: readonly string[]
}

let kagami: WholeServer
let victim: Names
let secrets: readonly string[]
let operations: readonly Operation[]
let callers: Record<'anonymous' | 'nobody' | 'bearer' | 'stranger', Login | string | undefined>

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
  await must('POST', '/repositories', { name: 'victimorg/victimrepo' }, insider)
  await emptyIndexPushed(kagami.url, 'victimorg/victimrepo', 'victimtag', insider)
  const mirrored = { organization: 'victimorg', upstream: 'sample', repository: 'nginx', as: 'victimmirror' }
  const { run } = await must('POST', '/mirrors', mirrored, insider)
  await kagami.server.mirrors.wait(run.id)
  const whole = { organization: 'victimorg', upstream: 'sample', match: ['node'], except: ['victimglob'] }
  const { subscription } = await must('POST', '/subscriptions', whole, insider)
  const { id: token } = await must('POST', '/tokens', { label: 'victimtoken' }, insider)
  const letter = { email: 'victimguest@example.com', role: 'owner' }
  const { id: invitation, url: link } = await must('POST', '/organizations/victimorg/invitations', letter, insider)
  const { id: session, token: open } = await must('POST', '/user/sessions', insider)
  victim = {
    organization: 'victimorg',
    name: 'victimrepo',
    user: 'insider',
    upstream: 'victimup',
    tag: 'victimtag',
    token,
    run: run.id,
    subscription: subscription.id,
    invitation,
    session,
  }
  secrets = [
    'victim',
    'insider',
    'robotname',
    'operatorsname',
    'registry.example.com',
    'sharedup',
    token,
    run.id,
    subscription.id,
    invitation,
    session,
    open,
    link.split('#')[1],
  ]

  const { token: bearer } = (await (
    await fetch(`${kagami.url}/token?service=kagami`, { headers: { authorization: authorization(insider) } })
  ).json()) as { token: string }
  callers = { anonymous: undefined, nobody, bearer, stranger }

  const document = JSON.parse((await kagami.call('GET', '/openapi.json')).text)
  type Described = { parameters?: { name: string; in: string; required?: boolean }[] }
  operations = Object.entries<Record<string, Described>>(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { parameters = [] }]) => ({
      method,
      path: path.replace('/api/v1', ''),
      query: parameters.flatMap((one) =>
        one.in === 'query' && (one.required || one.name === 'organization') ? [one.name] : [],
      ),
    })),
  )
})
afterAll(() => kagami.stop())

/** A body that passes the schema of the operation, so that the decision alone refuses. */
function bodyOf({ method, path }: Operation, names: Names): unknown {
  const bodies: Record<string, unknown> = {
    'post /tokens': { label: 'mine' },
    'patch /user': { displayName: 'Mine' },
    'put /user/password': { current: 'wrong', password: 'another password' },
    'put /users/{user}/password': {},
    'post /user/sessions': { username: names.user, password: 'wrong' },
    'post /user/two-factor': { password: 'wrong' },
    'post /user/two-factor/confirm': { code: '000000' },
    'post /user/two-factor/recovery-codes': { password: 'wrong', code: '000000' },
    'post /user/two-factor/disable': { password: 'wrong', code: '000000' },
    'post /organizations/{organization}/invitations': {},
    'post /invitations/show': { secret: names.invitation },
    'post /invitations/accept': { secret: names.invitation },
    'post /invitations/register': { secret: names.invitation, username: names.user, password: 'a new password' },
    'post /users': { username: names.user },
    'post /organizations': { name: names.organization },
    'patch /organizations/{organization}': { quotaBytes: 1 },
    'put /organizations/{organization}/members/{user}': { role: 'member' },
    'post /upstreams': {
      name: names.upstream,
      url: 'https://a.example',
      organization: names.organization,
      check: false,
    },
    'post /upstreams/{upstream}/hook': {},
    'patch /upstreams/{upstream}': { url: 'https://b.example', check: false },
    'post /mirrors': { organization: names.organization, upstream: names.upstream, repository: names.name },
    'post /mirrors/{organization}/{name}/sync': {},
    'post /subscriptions': { organization: names.organization, upstream: names.upstream },
    'patch /subscriptions/{organization}/{subscription}': { adopt: true },
    'post /subscriptions/{organization}/{subscription}/sync': {},
    'post /subscriptions/{organization}/{subscription}/stop': {},
    'post /mirrors/{organization}/{name}/tags/{tag}/exclude': {},
    'post /repositories/{organization}/{name}/tags/{tag}/restore': { at: '2026-01-31' },
    'post /repositories': { name: `${names.organization}/${names.name}` },
    'patch /repositories/{organization}/{name}': { description: 'mine' },
  }
  return bodies[`${method} ${path}`]
}

async function ask(operation: Operation, names: Names, login: Login | string | undefined, withQuery: boolean) {
  const path = operation.path.replace(/\{(\w+)\}/g, (_, key: keyof Names) => names[key])
  const wanted = operation.query.filter((name) => withQuery || name !== 'organization')
  const query = new URLSearchParams(wanted.map((name) => [name, names[name as keyof Names]]))
  const body = bodyOf(operation, names)
  const { status, text } = await kagami.call(operation.method.toUpperCase(), `${path}?${query}`, { login, body })
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
          const byBody = BY_BODY.get(name)
          if (byBody !== undefined) expect([what, there.status]).toEqual([what, byBody])
          else if (own === undefined) {
            // `nobody` and `stranger` see no upstream of that name, whose it may be.
            const status = caller === 'anonymous' ? [401] : name === 'get /catalog' && !withQuery ? [403, 404] : [403]
            expect([what, status.includes(there.status)]).toEqual([what, true])
          } else if (caller === 'nobody' || caller === 'stranger') {
            expect([what, there.status]).toEqual([what, own])
          } else expect([what, there.status]).toEqual([what, caller === 'anonymous' ? 401 : 403])
          if (there.status !== 201) {
            expect([what, there.status, withoutNames(there.text, victim)]).toEqual([
              what,
              absent.status,
              withoutNames(absent.text, ABSENT),
            ])
          }
          // A member of some organization sees that the shared upstream is there, and where; never whose credential it has.
          const seen = caller === 'stranger' && name === 'get /upstreams' ? ['sharedup', 'registry.example.com'] : []
          const leaked = secrets.filter((secret) => withoutNames(there.text, victim).includes(secret))
          expect([what, leaked.filter((secret) => !seen.includes(secret))]).toEqual([what, []])
        }
      }
    })
  }

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
      !/^(cli|db|events\/payload\/(differences|event)\.|mirror\/(life|subscriptions)\/|mirror\/pass\/policy|http\/api\/repositories|registry\/immutable)/.test(
        path,
      ),
  )
  expect(foreign).toEqual(['access/signing-key.ts', 'lib/json.ts', 'oci/strict-json.ts'])
})
