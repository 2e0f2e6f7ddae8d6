import { afterAll, beforeAll, expect, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import { exportSPKI, importJWK } from 'jose'
import { identityShowSchema, tokenExchangedSchema } from '../../../src/api/identities.ts'
import { githubClaims, gitlabClaims, type IdentityIssuer, startIdentityIssuer } from '../../support/identity-issuer.ts'
import { type Answer, describeOnEachDatabase, OWNER, type WholeServer } from '../../support/whole-server.ts'

const MAIN = 'refs/heads/main'

describeOnEachDatabase('a job of a CI system', (start) => {
  let kagami: WholeServer
  let issuer: IdentityIssuer
  beforeAll(async () => {
    issuer = await startIdentityIssuer()
    kagami = await start()
    await add('ci', {
      claims: { repository: 'acme/app', ref: MAIN },
      allow: ['pull', 'push'],
      repositories: ['app', 'dhi-*'],
    })
    await add('project', { claims: { project_path: 'acme/tools/*' }, minutes: 5 })
  })
  afterAll(async () => {
    await kagami?.stop()
    await issuer?.stop()
  })

  const identities = '/organizations/acme/identities'
  async function add(name: string, rule: object, at: IdentityIssuer = issuer) {
    const body = { kind: 'rule', name, issuer: at.url, audience: 'https://kagami.example', ...rule }
    const made = await kagami.call('POST', identities, { login: OWNER, body })
    expect([made.status, made.text]).toEqual([201, expect.stringContaining(`"name":"${name}"`)])
  }
  const send = (jwt: string, organization = 'acme') =>
    kagami.call('POST', `/organizations/${organization}/token-exchange`, {
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
        subject_token: jwt,
      }).toString(),
    })
  const ofMain = (claims: object = {}) => issuer.sign({ ...githubClaims('acme/app', MAIN), ...claims })
  const show = async (rule: string) =>
    (await kagami.call('GET', `${identities}/${rule}`, { login: OWNER })).as(identityShowSchema)
  /** What strangers hear, and what owners read. */
  async function refused(answer: Answer, reason: string, rule = 'ci') {
    expect([answer.status, answer.code, answer.message]).toEqual([
      401,
      'UNAUTHORIZED',
      "the token was not accepted for acme: the organization's owners see why by identity show",
    ])
    // It is written in the background, and seen soon.
    for (let tries = 0; ; tries++) {
      const [last] = (await show(rule)).refusals
      if (last?.reason.includes(reason) || tries === 200) {
        expect(last?.reason).toContain(reason)
        return last
      }
    }
  }

  test('gets a token of minutes by the first rule that takes its JWT', async () => {
    const { access_token, expiresAt, id, ...rest } = (await send(await ofMain())).as(tokenExchangedSchema)
    expect(access_token).toMatch(/^kgm_oat_[0-9A-Za-z]{42}$/)
    expect(rest).toEqual({
      issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      token_type: 'Bearer',
      expires_in: 900,
      scope: 'pull push',
      username: 'acme',
      repositories: ['app', 'dhi-*'],
    })
    const left = Date.parse(expiresAt) - Date.now()
    expect(left > 14 * 60_000 && left <= 15 * 60_000).toBe(true)
    const gitlab = await send(await issuer.sign(gitlabClaims('acme/tools/lint', 'main')))
    expect(gitlab.as(tokenExchangedSchema)).toMatchObject({ expires_in: 300, scope: 'pull', repositories: ['*'] })
  })

  test('exchanges each JWT once, at once too', async () => {
    const jwt = await ofMain()
    const answers = await Promise.all([send(jwt), send(jwt), send(jwt)])
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 401, 401])
    await refused(await send(jwt), 'it was used before')
    const withoutId = await ofMain({ jti: undefined })
    expect((await send(withoutId)).status).toBe(200)
    await refused(await send(withoutId), 'it was used before')
  })

  test('hears the same whatever is wrong, and its owners read what it was', async () => {
    const seconds = Math.floor(Date.now() / 1000)
    expect(
      await refused(await send(await ofMain({ ref: 'refs/heads/evil' })), 'its claim ref is "refs/heads/evil"'),
    ).toMatchObject({
      verified: true,
      subject: 'repo:acme/app:ref:refs/heads/main',
      address: '127.0.0.1',
    })
    await refused(await send(await ofMain({ aud: 'https://other.example' })), 'its audience is')
    await refused(await send(await ofMain({ repository: 'evil/app' })), 'its claim repository is')
    await refused(await send(await ofMain({ exp: seconds - 120 })), 'it has expired')
    await refused(await send(await ofMain({ exp: undefined })), 'its claim exp')
    await refused(await send(await ofMain({ exp: seconds + 25 * 3600 })), 'more than 24 hours')
    await refused(await send(await ofMain({ nbf: seconds + 120 })), 'it is not valid yet')
    await refused(await send(await ofMain({ iat: seconds + 120 })), 'issued in the future')
    await refused(await send(await issuer.signByStranger(githubClaims('acme/app', MAIN))), 'signature is not that')
    await refused(await send('nonsense'), 'it is not a JWT')
    await refused(await send('x'.repeat(16_384)), 'it is not a JWT')
    const other = await startIdentityIssuer()
    expect((await send(await other.sign(githubClaims('acme/app', MAIN)))).status).toBe(401)
    // Another organization's issuer is asked nothing.
    expect(other.requests).toEqual([])
    await other.stop()
  })

  test('no algorithm without a key of its own is taken: none, and the public key as a shared secret', async () => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const [, claims = ''] = (await ofMain()).split('.')
    await refused(await send(`${part({ alg: 'none' })}.${claims}.`), 'algorithm "none" is not taken')
    const pem = await exportSPKI((await importJWK(issuer.publicKey(), 'RS256', { extractable: true })) as CryptoKey)
    const signed = `${part({ alg: 'HS256', kid: issuer.publicKey().kid })}.${claims}`
    const mac = createHmac('sha256', pem).update(signed).digest('base64url')
    await refused(await send(`${signed}.${mac}`), 'algorithm "HS256" is not taken')
  })

  test('an organization that is not there answers as one without a rule', async () => {
    const jwt = await ofMain()
    await kagami.addUser('somebody', { other: 'owner' })
    const [absent, other] = [await send(jwt, 'vanished'), await send(jwt, 'other')]
    expect(absent.message.replace('vanished', 'other')).toBe(other.message)
    expect([absent.status, other.status]).toEqual([401, 401])
    // It was not used up there.
    expect((await send(jwt)).status).toBe(200)
  })

  test('keys are kept, and asked for anew when they were rotated', async () => {
    const own = await startIdentityIssuer()
    await add('rotating', { claims: { repository: 'acme/app' } }, own)
    for (let times = 0; times < 3; times++) {
      expect((await send(await own.sign(githubClaims('acme/app', MAIN)))).status).toBe(200)
    }
    expect(own.requests).toEqual(['/.well-known/openid-configuration', '/keys'])
    await own.rotate()
    // Within the pause after the last look nobody makes us look again.
    await refused(await send(await own.sign(githubClaims('acme/app', MAIN))), "not in its issuer's key set", 'rotating')
    expect(own.requests.length).toBe(2)
    await own.stop()
  })

  test.each([
    ['down', 'answered 503'],
    ['redirect', 'answered 302'],
    ['huge', 'more than 262144 bytes'],
    ['nonsense', 'is not JSON'],
    ['another issuer', 'says that its issuer is "https://another.example"'],
    ['symmetric', "not in its issuer's key set"],
  ] as const)('an issuer that is %s refuses in plain words', async (fault, reason) => {
    const own = await startIdentityIssuer()
    const name = fault.replaceAll(' ', '-')
    own.fault = fault
    await add(name, { claims: { repository: 'acme/app' } }, own)
    await refused(await send(await own.sign(githubClaims('acme/app', MAIN))), reason, name)
    const before = own.requests.length
    await refused(await send(await own.sign(githubClaims('acme/app', MAIN))), reason, name)
    expect(own.requests.length).toBe(before)
    await own.stop()
  })

  test('refusals are bounded, and strangers cannot push out what an issuer has signed', async () => {
    await refused(await send(await ofMain({ ref: 'refs/heads/kept' })), 'kept')
    for (let times = 0; times < 25; times++) {
      await send('nonsense')
      await show('ci')
    }
    const shown = await show('ci')
    expect(shown.refusals.filter(({ verified }) => !verified).length).toBeLessThanOrEqual(20)
    expect(shown.refusals.some(({ reason }) => reason.includes('refs/heads/kept'))).toBe(true)
  })

  test('one subject is one row that counts, whatever it is refused for', async () => {
    const sub = 'repo:acme/app:ref:refs/heads/often'
    for (const ref of ['one', 'two', 'three']) await refused(await send(await ofMain({ sub, ref })), `"${ref}"`)
    const rows = (await show('ci')).refusals.filter(({ subject }) => subject === sub)
    expect(rows).toMatchObject([{ attempts: 3, reason: expect.stringContaining('"three"') }])
  })

  test('a rule that is gone takes nothing, and one that cannot be right is not kept', async () => {
    await add('brief', { claims: { repository: 'acme/brief' } })
    const jwt = await issuer.sign(githubClaims('acme/brief', MAIN))
    expect((await kagami.call('DELETE', `${identities}/brief`, { login: OWNER })).status).toBe(204)
    expect((await send(jwt)).status).toBe(401)
    const rule = { kind: 'rule', name: 'bad', issuer: issuer.url, audience: 'a' }
    for (const [body, message] of [
      [rule, 'without a condition'],
      [{ ...rule, issuer: 'http://ci.example', subject: 'x' }, 'issuer: want https'],
      [{ ...rule, issuer: 'https://u:p@ci.example', subject: 'x' }, 'no user name'],
      [{ ...rule, subject: 'x', minutes: 61 }, 'minutes'],
      [{ ...rule, subject: 'x', allow: ['everything'] }, 'allow'],
      [{ ...rule, subject: 'x', repositories: ['UPPER'] }, 'repositories'],
      [{ ...rule, subject: 'x', name: 'ci' }, 'has an identity ci already'],
    ] as const) {
      const answer = await kagami.call('POST', identities, { login: OWNER, body })
      expect([answer.status >= 400, answer.message]).toEqual([true, expect.stringContaining(message)])
    }
    expect((await kagami.call('GET', `${identities}/bad`, { login: OWNER })).status).toBe(404)
  })
})
