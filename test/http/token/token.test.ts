import { expect, test } from 'bun:test'
import { removeToken } from '../../../src/db/people/tokens.ts'
import { createTokenApp } from '../../../src/http/token/app.ts'
import { createLogger } from '../../../src/lib/logger.ts'
import { createSecret } from '../../../src/lib/secret.ts'
import { type AccessInstance, basic, openAccessInstance, PASSWORD } from '../../access/access-instance.ts'
import { describeOnEachEngine, type OpenFresh } from '../../support/engines.ts'

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: {
    token?: string
    access_token?: string
    expires_in?: number
    issued_at?: string
    refresh_token?: string
    scope?: string
    errors?: { code: string; message: string; detail?: unknown }[]
  }
  /** The token's `access` claim, as `name:actions`. */
  readonly access: string[]
}

interface TokenServer {
  readonly on: AccessInstance
  get(query: string, authorization?: string): Promise<Answer>
  post(form: string | Record<string, string>, type?: string): Promise<Answer>
}

async function open(openFresh: OpenFresh): Promise<TokenServer> {
  const on = await openAccessInstance(await openFresh())
  const app = createTokenApp({ ...on, logger: createLogger('silent') })
  const answer = async (response: Response): Promise<Answer> => {
    const body = await response.json()
    const payload = body.token === undefined ? '{}' : Buffer.from(body.token.split('.')[1], 'base64url').toString()
    const access: { name: string; actions: string[] }[] = JSON.parse(payload).access ?? []
    return {
      status: response.status,
      headers: response.headers,
      body,
      access: access.map(({ name, actions }) => `${name}:${actions}`),
    }
  }
  return {
    on,
    get: async (query, authorization) =>
      answer(await app.request(`/token${query}`, authorization === undefined ? {} : { headers: { authorization } })),
    post: async (form, type = 'application/x-www-form-urlencoded') =>
      answer(
        await app.request('/token', {
          method: 'POST',
          headers: { 'content-type': type },
          body: typeof form === 'string' ? form : `${new URLSearchParams(form)}`,
        }),
      ),
  }
}

const SERVICE = 'service=kagami'

describeOnEachEngine('GET /token (checklist 2.2)', (openFresh) => {
  test('docker login: no scope at all gives a token with empty access, and a refresh token', async () => {
    const { on, get } = await open(openFresh)
    await on.user('ann')
    const { status, headers, body, access } = await get(
      `?account=ann&client_id=docker&offline_token=true&${SERVICE}`,
      basic('ann', PASSWORD),
    )
    expect(status).toBe(200)
    expect(headers.get('cache-control')).toBe('no-store')
    expect(access).toEqual([])
    expect(body.token).toBe(body.access_token)
    expect(body.expires_in).toBe(300)
    expect(body.issued_at).toBe(on.clock.now().toISOString())
    expect(body.refresh_token).toMatch(/^kgm_ref_/)
    expect(body).not.toHaveProperty('scope')
    expect(await on.authenticator.authenticate(`Bearer ${body.token}`)).toMatchObject({
      principal: { username: 'ann' },
      access: [],
    })
  })

  test('grants the intersection of what is asked and what one may, in whatever order and form it is asked', async () => {
    const { on, get } = await open(openFresh)
    await on.repository('acme/app')
    await on.repository('other/app')
    await on.repository('other/open', 'public')
    await on.user('ed', { acme: 'editor' })
    await on.user('mem', { acme: 'member' })
    const ask = async (user: string, ...scopes: string[]) =>
      (
        await get(
          `?${SERVICE}${scopes.map((scope) => `&scope=${encodeURIComponent(scope)}`).join('')}`,
          basic(user, PASSWORD),
        )
      ).access
    expect(await ask('ed', 'repository:acme/app:push,pull')).toEqual(['acme/app:pull,push'])
    expect(await ask('mem', 'repository:acme/app:push,pull')).toEqual(['acme/app:pull'])
    expect(await ask('ed', 'repository:acme/app:pull repository:acme/new:pull,push')).toEqual([
      'acme/app:pull',
      'acme/new:pull,push',
    ])
    expect(
      await ask('ed', 'repository:acme/app:pull', 'repository:other/app:pull', 'repository:other/open:pull,push'),
    ).toEqual(['acme/app:pull', 'other/open:pull'])
    expect(await ask('mem', 'repository:acme/app:delete', 'nonsense', 'registry:catalog:*')).toEqual(['catalog:*'])
    // Invariant 7: a private repository of others and none at all cannot be told apart.
    expect(await ask('ed', 'repository:other/app:pull')).toEqual(await ask('ed', 'repository:other/none:pull'))
  })

  test('without credentials, or with empty ones, the token is anonymous and opens what is public', async () => {
    const { on, get } = await open(openFresh)
    await on.repository('acme/open', 'public')
    await on.repository('acme/app')
    for (const authorization of [undefined, 'Basic Og==']) {
      const { status, body, access } = await get(
        `?${SERVICE}&scope=repository:acme/open:pull,push&scope=repository:acme/app:pull&offline_token=true`,
        authorization,
      )
      expect(status).toBe(200)
      expect(access).toEqual(['acme/open:pull'])
      expect(body).not.toHaveProperty('refresh_token')
      const who = await on.authenticator.authenticate(`Bearer ${body.token}`)
      expect(who.principal).toEqual({ kind: 'anonymous' })
    }
  })

  test('a wrong password is 401, never an anonymous token: docker and podman login rely on it', async () => {
    const { on, get } = await open(openFresh)
    await on.user('ann')
    const bearer = (await get(`?${SERVICE}`, basic('ann', PASSWORD))).body.token
    for (const authorization of [
      basic('ann', 'wrong password'),
      basic('nobody', PASSWORD),
      'Basic ###',
      `Bearer ${bearer}`,
    ]) {
      const { status, headers, body } = await get(`?${SERVICE}&scope=repository:acme/open:pull`, authorization)
      expect(status).toBe(401)
      expect(body).toEqual({ errors: [{ code: 'UNAUTHORIZED', message: expect.any(String) }] })
      expect(headers.get('www-authenticate')).toBe('Basic realm="kagami", charset="UTF-8"')
    }
  })

  test('a personal access token caps the grant by its scope, and its revocation ends what it was changed into', async () => {
    const { on, get } = await open(openFresh)
    await on.repository('acme/app')
    const ann = await on.user('ann', { acme: 'owner' })
    const token = await on.token(ann.id, 'read')
    const { access, body } = await get(
      `?${SERVICE}&scope=repository:acme/app:pull,push,delete`,
      basic('ann', token.text),
    )
    expect(access).toEqual(['acme/app:pull'])
    const bearer = `Bearer ${body.token}`
    expect(await on.authenticator.authenticate(bearer)).toMatchObject({
      principal: { token: { id: token.id, scope: 'read' } },
    })
    await on.db.write((tx) => removeToken(tx, ann.id, token.id))
    await expect(on.authenticator.authenticate(bearer)).rejects.toMatchObject({ code: 'UNAUTHORIZED' })
  })

  test('too many failed logins are 429 with Retry-After (2.4)', async () => {
    const { on, get } = await open(openFresh)
    await on.user('ann')
    for (let index = 0; index < 10; index++)
      expect((await get(`?${SERVICE}`, basic('ann', `wrong ${index}`))).status).toBe(401)
    const { status, headers, body } = await get(`?${SERVICE}`, basic('ann', PASSWORD))
    expect(status).toBe(429)
    expect(headers.get('retry-after')).toBe('300')
    expect(body.errors?.[0]).toMatchObject({ code: 'TOOMANYREQUESTS', detail: { retryAfterSeconds: 300 } })
  })

  test('a token for another service is not given', async () => {
    const { get } = await open(openFresh)
    expect((await get('?service=registry.example.com')).status).toBe(400)
    expect((await get('')).status).toBe(200)
  })

  test('a hundred long scopes give a token that fits into a header line of 4 KiB', async () => {
    const { on, get } = await open(openFresh)
    await on.user('ed', { acme: 'editor' })
    const scopes = Array.from(
      { length: 100 },
      (_, index) => `repository:acme/${'a'.repeat(100)}${index}:pull,push`,
    ).join(' ')
    const { body, access } = await get(`?scope=${encodeURIComponent(scopes)}`, basic('ed', PASSWORD))
    expect(`Authorization: Bearer ${body.token}`.length).toBeLessThan(4096)
    expect(access[0]).toBe(`acme/${'a'.repeat(100)}0:pull,push`)
  })
})

describeOnEachEngine('POST /token (checklist 2.3)', (openFresh) => {
  test('a password gives a token and says what it carries; a refresh token only when offline access is asked', async () => {
    const { on, post } = await open(openFresh)
    await on.repository('acme/app')
    await on.user('ed', { acme: 'editor' })
    const form = {
      grant_type: 'password',
      service: 'kagami',
      client_id: 'containerd-client',
      scope: 'repository:acme/app:pull,push repository:acme/from:pull',
      username: 'ed',
      password: PASSWORD,
    }
    const online = await post(form, 'application/x-www-form-urlencoded; charset=utf-8')
    expect(online.status).toBe(200)
    expect(online.body).toMatchObject({
      expires_in: 300,
      scope: 'repository:acme/app:pull,push repository:acme/from:pull',
    })
    expect(online.body.token).toBe(online.body.access_token)
    expect(online.body).not.toHaveProperty('refresh_token')
    expect((await post({ ...form, access_type: 'offline' })).body.refresh_token).toMatch(/^kgm_ref_/)
  })

  test('repeated scope fields are all read', async () => {
    const { on, post } = await open(openFresh)
    await on.user('ed', { acme: 'editor' })
    const form = `grant_type=password&username=ed&password=${encodeURIComponent(PASSWORD)}&scope=repository:acme/a:pull&scope=repository:acme/b:push`
    expect((await post(form)).access).toEqual(['acme/a:pull', 'acme/b:push'])
  })

  test('a refresh token opens the token service again and again, stays the same, and opens nothing else', async () => {
    const { on, get, post } = await open(openFresh)
    await on.user('ed', { acme: 'editor' })
    const { refresh_token = '' } = (await get(`?offline_token=true&${SERVICE}`, basic('ed', PASSWORD))).body
    const form = {
      grant_type: 'refresh_token',
      service: 'kagami',
      client_id: 'docker',
      refresh_token,
      scope: 'repository:acme/app:pull,push',
    }
    for (let round = 0; round < 2; round++) {
      const { status, body, access } = await post(form)
      expect(status).toBe(200)
      expect(access).toEqual(['acme/app:pull,push'])
      expect(body).not.toHaveProperty('refresh_token')
    }
    expect((await post({ ...form, access_type: 'offline' })).body.refresh_token).toBe(refresh_token)
    await expect(on.authenticator.authenticate(`Bearer ${refresh_token}`)).rejects.toMatchObject({
      code: 'UNAUTHORIZED',
    })
    await expect(on.authenticator.authenticate(basic('ed', refresh_token))).rejects.toMatchObject({
      code: 'UNAUTHORIZED',
    })
    expect(JSON.stringify(await on.db.read.selectFrom('refresh_tokens').selectAll().execute())).not.toContain(
      refresh_token,
    )
  })

  test('a refresh token ends with the password or token that it was obtained with, and 90 days after its last use', async () => {
    const { on, get, post } = await open(openFresh)
    const ed = await on.user('ed', { acme: 'editor' })
    const token = await on.token(ed.id, 'read')
    const obtain = async (secret: string) =>
      (await get(`?offline_token=true&${SERVICE}`, basic('ed', secret))).body.refresh_token ?? ''
    const use = async (refresh_token: string) =>
      await post({
        grant_type: 'refresh_token',
        service: 'kagami',
        refresh_token,
        scope: 'repository:acme/app:pull,push',
      })
    const byPassword = await obtain(PASSWORD)
    const byToken = await obtain(token.text)
    const aging = await obtain(token.text)
    expect((await use(byPassword)).access).toEqual(['acme/app:pull,push'])
    expect((await use(byToken)).access).toEqual(['acme/app:pull'])
    await on.accounts.resetPassword('ed', createSecret('another password'))
    expect((await use(byPassword)).status).toBe(401)
    on.clock.advance(50 * 86_400_000)
    expect((await use(byToken)).status).toBe(200)
    await on.db.later.settled()
    on.clock.advance(50 * 86_400_000)
    expect((await use(byToken)).status).toBe(200)
    expect((await use(aging)).status).toBe(401)
    await on.db.write((tx) => removeToken(tx, ed.id, token.id))
    expect((await use(byToken)).status).toBe(401)
  })

  test('the refresh tokens of one user are bounded: the oldest go', async () => {
    const { on, get, post } = await open(openFresh)
    const ed = await on.user('ed')
    const token = await on.token(ed.id, 'read')
    const obtained: string[] = []
    for (let index = 0; index < 103; index++) {
      on.clock.advance(1000)
      obtained.push((await get(`?offline_token=true&${SERVICE}`, basic('ed', token.text))).body.refresh_token ?? '')
    }
    expect((await on.db.read.selectFrom('refresh_tokens').select('id').execute()).length).toBe(100)
    const statusOf = async (refresh_token = '') => (await post({ grant_type: 'refresh_token', refresh_token })).status
    expect(await statusOf(obtained[0])).toBe(401)
    expect(await statusOf(obtained[2])).toBe(401)
    expect(await statusOf(obtained[3])).toBe(200)
    expect(await statusOf(obtained[102])).toBe(200)
  })

  const refused: [form: string, status: number][] = [
    ['grant_type=client_credentials', 400],
    ['', 400],
    ['grant_type=password&username=ann', 400],
    ['grant_type=password&password=x', 400],
    ['grant_type=password&username=ann&password=wrong-password', 401],
    ['grant_type=refresh_token', 400],
    ['grant_type=refresh_token&refresh_token=kgm_ref_x', 401],
    ['grant_type=refresh_token&refresh_token=x&service=other', 400],
    [`grant_type=password&username=ann&password=${'x'.repeat(70_000)}`, 400],
  ]
  for (const [form, status] of refused) {
    test(`the form ${JSON.stringify(form.slice(0, 60))} is answered ${status}`, async () => {
      const { on, post } = await open(openFresh)
      await on.user('ann')
      const got = await post(form)
      expect(got.status).toBe(status)
      expect(got.body.errors?.length).toBe(1)
    })
  }

  test('another type of body is refused', async () => {
    const { post } = await open(openFresh)
    expect((await post('{"grant_type":"password"}', 'application/json')).status).toBe(400)
  })
})
