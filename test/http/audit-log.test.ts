// What the audit log tells of /v2, of the token service, of logins and of tokens; who may read it, and how it is read.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { Secret, TOTP } from 'otpauth'
import { type AuditEntry, auditEntrySchema, auditListSchema } from '../../src/api/audit.ts'
import { organizationTokenCreatedSchema } from '../../src/api/organization-tokens.ts'
import { tokenCreatedSchema } from '../../src/api/tokens.ts'
import { twoFactorBegunSchema } from '../../src/api/two-factor.ts'
import { emptyIndexPushed } from '../support/empty-index.ts'
import { startOpenIdProvider } from '../support/openid-provider.ts'
import { addProvider, signInByProvider } from '../support/provider-people.ts'
import { authorization, describeOnEachDatabase, type Login, OWNER, type WholeServer } from '../support/whole-server.ts'

describeOnEachDatabase('the audit log', (start) => {
  let kagami: WholeServer
  let editor: Login
  let member: Login
  let stranger: Login
  beforeAll(async () => {
    kagami = await start({ env: { KAGAMI_TRUSTED_PROXIES: '127.0.0.1' } })
    editor = await kagami.addUser('editor', { acme: 'editor' })
    member = await kagami.addUser('member', { acme: 'member' })
    stranger = await kagami.addUser('stranger', { elsewhere: 'owner' })
  })
  afterAll(() => kagami?.stop())

  const read = async (path: string, login: Login | string = OWNER): Promise<AuditEntry[]> =>
    (await kagami.call('GET', path, { login })).as(auditListSchema).entries
  const acme = (query = '') => read(`/organizations/acme/audit?limit=1000&${query}`)
  const own = (query = '') => read(`/audit?limit=1000&${query}`)
  /** Newest first, as one line each. */
  const told = (entries: readonly AuditEntry[]) =>
    entries.map(({ actor, token, action, object, outcome, after }) =>
      [
        actor,
        ...(token === null ? [] : [token]),
        action,
        object,
        outcome === 'done' ? [] : [after?.code, after?.attempts],
      ]
        .flat()
        .join(' '),
    )
  async function during<T>(log: () => Promise<AuditEntry[]>, work: () => Promise<T>) {
    const last = (await log())[0]?.seq ?? 0
    await work()
    return (await log()).filter(({ seq }) => seq > last)
  }
  const onRegistry = (method: string, path: string, login: Login | string, body: string | null = null) =>
    fetch(`${kagami.url}/v2/${path}`, { method, body, headers: { authorization: authorization(login) } })
  async function newToken(login: Login, body: object) {
    return (await kagami.call('POST', '/tokens', { login, body })).as(tokenCreatedSchema)
  }

  test('begins with what the first start did', async () => {
    const first = (await own()).reverse().slice(0, 3)
    expect(told(first)).toEqual([
      'system user.create user:owner',
      'system organization.create acme',
      'system user.operator user:owner',
    ])
    expect(first[0]).toMatchObject({ address: null, requestId: null, token: null })
  })

  test('a first push makes the repository, further ones are in the history of its tags; what clients delete is told', async () => {
    expect(told(await during(acme, () => emptyIndexPushed(kagami.url, 'acme/pushed', '1', editor)))).toEqual([
      'user:editor repository.create acme/pushed',
    ])
    expect(await during(acme, () => emptyIndexPushed(kagami.url, 'acme/pushed', '2', editor))).toEqual([])
    const { headers } = await onRegistry('HEAD', 'acme/pushed/manifests/1', editor)
    const digest = headers.get('docker-content-digest') ?? ''
    const deleted = await during(acme, async () => {
      expect((await onRegistry('DELETE', 'acme/pushed/manifests/1', editor)).status).toBe(202)
      expect((await onRegistry('DELETE', `acme/pushed/manifests/${digest}`, editor)).status).toBe(202)
      expect((await onRegistry('DELETE', `acme/pushed/manifests/${digest}`, editor)).status).toBe(404)
    })
    expect(told(deleted)).toEqual([
      `user:editor manifest.delete acme/pushed@${digest}`,
      'user:editor tag.delete acme/pushed:1',
    ])
    expect(deleted.map(({ before, after }) => [before, after])).toEqual([
      [{ content: 'manifest', tags: ['2'], excluded: false }, null],
      [{ digest }, null],
    ])
  })

  test('a blob that a client deletes is told', async () => {
    const digest = `sha256:${new Bun.CryptoHasher('sha256').update('blob').digest('hex')}`
    await onRegistry('POST', `acme/pushed/blobs/uploads/?digest=${digest}`, editor, 'blob')
    const deleted = await during(acme, () => onRegistry('DELETE', `acme/pushed/blobs/${digest}`, editor))
    expect(told(deleted)).toEqual([`user:editor blob.delete acme/pushed@${digest}`])
  })

  test('refused pushes are told, by Basic and where a client asks for a token', async () => {
    const refused = await during(acme, async () => {
      expect((await onRegistry('PUT', 'acme/pushed/manifests/1', member, '{}')).status).toBe(403)
      const scope = 'repository:acme/pushed:pull,push'
      const headers = { authorization: authorization(member) }
      expect((await fetch(`${kagami.url}/token?service=kagami&scope=${scope}`, { headers })).status).toBe(200)
    })
    // The two are alike.
    expect(told(refused)).toEqual(['user:member repository.push acme/pushed DENIED 2'])
    expect(await during(acme, () => onRegistry('GET', 'acme/pushed/tags/list', member))).toEqual([])
  })

  test('a stranger with an account is told to the organization that they knock at; one without a name to nobody', async () => {
    const refused = await during(acme, async () => {
      await onRegistry('GET', 'acme/pushed/tags/list', stranger)
      await kagami.call('GET', '/repositories/acme/pushed', { login: stranger })
      await kagami.call('GET', '/organizations/acme/audit', { login: stranger })
      await fetch(`${kagami.url}/v2/acme/pushed/tags/list`)
      await kagami.call('DELETE', '/repositories/acme/pushed?confirm=acme/pushed')
      await kagami.call('DELETE', '/repositories/acme/pushed?confirm=acme/pushed', { login: 'kgm_pat_nonsense' })
    })
    expect(told(refused)).toEqual([
      'user:stranger audit.read acme DENIED 1',
      'user:stranger repository.pull acme/pushed DENIED 2',
    ])
    expect(await during(acme, () => kagami.call('GET', '/catalog?upstream=none', { login: stranger }))).toEqual([])
  })

  test('failed logins are told with the name of the account: to its organization where that was asked for, else to the operators', async () => {
    const wrong = (login: Login) => ({ ...login, password: 'wrong' })
    const basic = (login: Login) => ({ headers: { authorization: authorization(login) } })
    const here = await during(acme, async () => {
      await kagami.call('PATCH', '/repositories/acme/pushed', { login: wrong(member), body: {} })
      await onRegistry('GET', 'acme/pushed/tags/list', wrong(member))
      await fetch(`${kagami.url}/token?scope=repository:acme/pushed:pull`, basic(wrong(member)))
      // Only the name is known of them: not for the eyes of an organization that they do not belong to.
      await onRegistry('GET', 'acme/pushed/tags/list', wrong(stranger))
      await onRegistry('GET', 'acme/pushed/tags/list', { username: 'a typed secret', password: 'x' })
    })
    expect(told(here)).toEqual(['user:member login user:member UNAUTHORIZED 3'])
    const there = await during(own, async () => {
      await fetch(`${kagami.url}/token?service=kagami`, basic(wrong(editor)))
      await fetch(`${kagami.url}/metrics`, basic(wrong(editor)))
      await fetch(`${kagami.url}/metrics`, basic(editor))
    })
    expect(told(there)).toEqual(['user:editor metrics.read * DENIED 1', 'user:editor login user:editor UNAUTHORIZED 2'])
    const all = JSON.stringify([...(await own()), ...(await acme())])
    expect(all).not.toContain('a typed secret')
    expect(told(await own('actor=stranger'))).toEqual(['user:stranger login user:stranger UNAUTHORIZED 1'])
  })

  test('a sign-in that is refused is told, for its password or its code; one that is asked for its code is not', async () => {
    const { username, password } = await kagami.addUser('factors')
    const login = { username, password }
    const signIn = (body: object) => kagami.call('POST', '/user/sessions', { body: { ...login, ...body } })
    const wrong = await during(own, async () => {
      expect((await signIn({ password: 'wrong' })).status).toBe(401)
      expect((await signIn({ username: 'a typed secret' })).status).toBe(401)
      const change = { current: 'wrong', password: 'another password' }
      expect((await kagami.call('PUT', '/user/password', { login, body: change })).status).toBe(403)
    })
    expect(told(wrong)).toEqual([
      'user:factors user.password user:factors DENIED 1',
      'user:factors login user:factors UNAUTHORIZED 1',
    ])
    const begun = await kagami.call('POST', '/user/two-factor', { login, body: { password } })
    const code = new TOTP({ secret: Secret.fromBase32(begun.as(twoFactorBegunSchema).secret) }).generate()
    expect((await kagami.call('POST', '/user/two-factor/confirm', { login, body: { code } })).status).toBe(200)
    // This one alone is no refusal.
    expect((await signIn({})).status).toBe(401)
    expect((await signIn({ code: 'no code' })).status).toBe(401)
    expect((await kagami.call('GET', '/user', { login })).status).toBe(401)
    const headers = { authorization: authorization(login) }
    expect((await fetch(`${kagami.url}/token`, { headers })).status).toBe(401)
    expect(told(await own('actor=factors&action=login'))).toEqual(['user:factors login user:factors UNAUTHORIZED 4'])
    // The password was right: whoever has it is shown to the organization that they knock at.
    expect(told(await during(acme, () => onRegistry('GET', 'acme/pushed/tags/list', login)))).toEqual([
      'user:factors login user:factors UNAUTHORIZED 1',
    ])
    const reset = { password: 'a password for now', endTwoFactor: true }
    const ended = () => kagami.call('PUT', '/users/factors/password', { login: OWNER, body: reset })
    expect(told(await during(own, ended))).toEqual([
      'user:owner two-factor.disable user:factors',
      'user:owner user.password user:factors',
    ])
    expect(told(await during(own, ended))).toEqual(['user:owner user.password user:factors'])
  })

  test('entries name the token that was used, also one that ends itself or has expired', async () => {
    const admin = await newToken(OWNER, { label: 'deployment', scope: 'admin' })
    const narrow = await newToken(editor, { label: 'reader', scope: 'read' })
    const changed = await during(acme, async () => {
      await kagami.call('POST', '/repositories', { login: admin.token, body: { name: 'acme/by-token' } })
      await onRegistry('PUT', 'acme/by-token/manifests/1', { username: 'editor', password: narrow.token }, '{}')
    })
    expect(told(changed)).toEqual([
      'user:editor reader repository.push acme/by-token DENIED 1',
      'user:owner deployment repository.create acme/by-token',
    ])
    expect(told(await during(own, () => kagami.call('DELETE', `/tokens/${admin.id}`, { login: admin.token })))).toEqual(
      [`user:owner deployment token.revoke token:${admin.id}`],
    )
    expect(await during(own, () => kagami.call('GET', '/user', { login: admin.token }))).toEqual([])
    const mismatched = { username: 'member', password: narrow.token }
    expect(told(await during(own, () => kagami.call('GET', '/user', { login: mismatched })))).toEqual([
      'user:editor reader login user:editor UNAUTHORIZED 1',
    ])
  })

  test('a token of an organization is told by its label, elsewhere with the name of its organization', async () => {
    const body = { label: 'ci', allow: ['pull', 'push'], repositories: ['from-ci'] }
    const path = '/organizations/acme/tokens'
    const made = (await kagami.call('POST', path, { login: OWNER, body })).as(organizationTokenCreatedSchema)
    const login = { username: 'acme', password: made.token }
    const pushed = await during(acme, () => emptyIndexPushed(kagami.url, 'acme/from-ci', '1', login))
    expect(told(pushed)).toEqual(['token:ci ci repository.create acme/from-ci'])
    const refused = await during(acme, () => onRegistry('DELETE', 'acme/from-ci/manifests/1', login))
    expect(told(refused)).toEqual(['token:ci ci repository.delete acme/from-ci DENIED 1'])
    const other = await kagami.addUser('other', { far: 'owner' })
    const far = () => read('/organizations/far/audit?limit=1000', other)
    const asked = await during(far, () => kagami.call('GET', '/organizations/far', { login: made.token }))
    expect(told(asked)).toEqual(['token:acme/ci ci organization.read far DENIED 1'])
    // Valid no more, or with another's name: told to whose it is, wherever it knocks.
    await kagami.call('PATCH', `${path}/${made.id}`, { login: OWNER, body: { active: false } })
    const ended = await during(acme, async () => {
      expect((await kagami.call('GET', '/organizations/far', { login: made.token })).status).toBe(401)
      expect((await onRegistry('GET', 'acme/from-ci/tags/list', login)).status).toBe(401)
      expect((await onRegistry('GET', 'far/x/tags/list', { ...login, username: 'far' })).status).toBe(401)
    })
    expect(told(ended)).toEqual([`token:ci ci login token:${made.id} UNAUTHORIZED 3`])
    expect((await far()).filter(({ action }) => action === 'login')).toEqual([])
    expect(JSON.stringify([await acme(), await far()])).not.toContain(made.token)
  })

  test('who signs in by a provider is told, and what comes of the first time', async () => {
    const openid = await startOpenIdProvider()
    const path = '/organizations/acme/identities'
    const provider = await addProvider(kagami, openid, { path, login: OWNER, name: 'sso' })
    const person = { sub: 'zoe', preferred_username: 'zoe' }
    const signIn = () => signInByProvider(kagami, openid, provider, person)
    const [ofAcme, ofInstance] = [(await acme())[0]?.seq ?? 0, (await own())[0]?.seq ?? 0]
    await signIn()
    const actionsOf = (entries: readonly AuditEntry[]) => entries.map(({ actor, action }) => `${actor} ${action}`)
    expect(actionsOf((await acme()).filter(({ seq }) => seq > ofAcme))).toEqual([
      'user:zoe.acme member.put',
      'user:zoe.acme identity.link',
    ])
    const made = (await own()).filter(({ seq }) => seq > ofInstance)
    expect(actionsOf(made)).toEqual(['user:zoe.acme session.create', 'user:zoe.acme user.create'])
    expect(made[0]?.after).toMatchObject({ username: 'zoe.acme', provider: provider.id })
    expect(actionsOf(await during(own, signIn))).toEqual(['user:zoe.acme session.create'])
    await openid.stop()
  })

  test('the address is that of the client, as the trusted proxies tell it, and the id that of the answer', async () => {
    const headers = { 'x-forwarded-for': '198.51.100.1, 203.0.113.7' }
    let id: string | null = null
    const asked = await during(acme, async () => {
      const path = '/organizations/acme/members/editor'
      const answer = await kagami.call('PUT', path, { login: member, headers, body: { role: 'owner' } })
      id = answer.headers.get('x-request-id')
      await kagami.call('PUT', path, { login: OWNER, headers, body: { role: 'member' } })
      await kagami.call('PUT', path, { login: OWNER, headers, body: { role: 'editor' } })
    })
    expect(asked.map(({ outcome }) => outcome).sort()).toEqual(['done', 'done', 'refused'])
    expect(new Set(asked.map(({ address }) => address))).toEqual(new Set(['203.0.113.7']))
    expect(asked.find(({ outcome }) => outcome === 'refused')?.requestId).toBe(id)
  })

  test('is for owners, that of the instance for operators', async () => {
    for (const login of [editor, member, stranger]) {
      expect((await kagami.call('GET', '/organizations/acme/audit', { login })).status).toBe(403)
      expect((await kagami.call('GET', '/organizations/acme/audit/export', { login })).status).toBe(403)
      expect((await kagami.call('GET', '/audit', { login })).status).toBe(403)
    }
    // Theirs begins with who made them a member, and holds nothing of acme's.
    expect(JSON.stringify(await read('/organizations/elsewhere/audit', stranger))).not.toContain('acme')
    const reader = await newToken(OWNER, { label: 'siem', scope: 'read' })
    expect((await read('/organizations/acme/audit', reader.token)).length).toBeGreaterThan(0)
  })

  test('is filtered, paged and exported', async () => {
    const all = await acme()
    const only = (query: string, keep: (entry: AuditEntry) => boolean) =>
      acme(query).then((found) => expect([query, found]).toEqual([query, all.filter(keep)]))
    await only('actor=editor', ({ actor }) => actor === 'user:editor')
    await only('actor=user:editor&outcome=done', ({ actor, outcome }) => actor === 'user:editor' && outcome === 'done')
    await only('action=tag.delete', ({ action }) => action === 'tag.delete')
    await only('action=repository.*', ({ action }) => action.startsWith('repository.'))
    await only('object=acme/pushed*', ({ object }) => object.startsWith('acme/pushed'))
    await only('object=acme/by-token', ({ object }) => object === 'acme/by-token')
    await only('outcome=refused', ({ outcome }) => outcome === 'refused')
    const middle = all[Math.floor(all.length / 2)]?.at ?? ''
    await only(`since=${middle}`, ({ at }) => at >= middle)
    await only(`until=${middle}`, ({ at }) => at < middle)
    expect(all.map(({ seq }) => seq)).toEqual(all.map(({ seq }) => seq).sort((a, b) => b - a))

    const paged: AuditEntry[] = []
    for (let after: string | null = ''; after !== null; ) {
      const query: string = after === '' ? 'limit=3' : `limit=3&after=${after}`
      const page = (await kagami.call('GET', `/organizations/acme/audit?${query}`, { login: OWNER })).as(
        auditListSchema,
      )
      paged.push(...page.entries)
      after = page.next
    }
    expect(paged).toEqual(all)
    const exported = await kagami.call('GET', '/organizations/acme/audit/export?action=repository.*', { login: OWNER })
    const lines = exported.text
      .trim()
      .split('\n')
      .map((line) => auditEntrySchema.parse(JSON.parse(line)))
    expect(lines).toEqual(all.filter(({ action }) => action.startsWith('repository.')))
    for (const query of ['after=x', 'since=yesterday', 'outcome=lost', 'action=', 'unknown=1']) {
      expect([
        query,
        (await kagami.call('GET', `/organizations/acme/audit?${query}`, { login: OWNER })).status,
      ]).toEqual([query, 400])
    }
  })
})
