// Codes of an authenticator and recovery codes: what is taken, once, and what a database that fell into other hands gives away.
import { expect, test } from 'bun:test'
import { Secret, TOTP } from 'otpauth'
import { createRefreshToken, useRefreshToken } from '../../src/access/refresh-tokens.ts'
import { createSession, findValidSession } from '../../src/access/sessions.ts'
import { createTwoFactor } from '../../src/access/two-factor.ts'
import { describeOnEachEngine } from '../support/engines.ts'
import { type AccessInstance, basic, openAccessInstance, PASSWORD } from './access-instance.ts'

const STEP_MS = 30_000

async function begin(on: AccessInstance, name: string) {
  const user = await on.user(name)
  const { secret, url } = await on.twoFactor.begin(user.id, { issuer: 'Kagami test', username: name })
  const totp = new TOTP({ secret: Secret.fromBase32(secret.reveal()) })
  /** @param steps from now */
  const code = (steps = 0) => totp.generate({ timestamp: on.clock.now().getTime() + steps * STEP_MS })
  return { ...user, secret, url, code }
}

async function enable(on: AccessInstance, name: string) {
  const user = await begin(on, name)
  const recovery = await on.twoFactor.confirm(user.id, user.code(), undefined)
  return { ...user, recovery: recovery ?? [] }
}

function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'accepted',
    (error) => `${error.code} ${error.detail?.error ?? ''}`.trim(),
  )
}

describeOnEachEngine('two-factor authentication', (openFresh) => {
  test('is asked for once a code has confirmed it, and its address is what authenticators read', async () => {
    const on = await openAccessInstance(await openFresh())
    const ann = await begin(on, 'ann')
    const url = new URL(ann.url.reveal())
    expect([url.protocol, url.host, decodeURIComponent(url.pathname)]).toEqual(['otpauth:', 'totp', '/Kagami test:ann'])
    expect(url.searchParams.get('secret')).toBe(ann.secret.reveal())
    expect(await on.twoFactor.isOn(ann.id)).toBe(false)
    expect(await on.twoFactor.use(ann.id, ann.code())).toBe(false)
    expect(await on.twoFactor.confirm(ann.id, ann.code(5), undefined)).toBeUndefined()
    expect(await on.twoFactor.isOn(ann.id)).toBe(false)
    const recovery = await on.twoFactor.confirm(ann.id, ann.code(), undefined)
    expect(new Set(recovery).size).toBe(10)
    expect(await on.twoFactor.show(ann.id)).toEqual({ enabledAt: '2026-11-24T08:00:00.000Z', recoveryCodesLeft: 10 })
    const again = () => on.twoFactor.begin(ann.id, { issuer: 'x', username: 'ann' })
    expect(await codeOf(again())).toBe('CONFLICT')
    expect(await codeOf(on.twoFactor.confirm(ann.id, ann.code(1), undefined))).toBe('CONFLICT')
  })

  test('a secret that was begun anew takes the place of the other one', async () => {
    const on = await openAccessInstance(await openFresh())
    const ann = await begin(on, 'ann')
    const { secret } = await on.twoFactor.begin(ann.id, { issuer: 'x', username: 'ann' })
    const timestamp = on.clock.now().getTime()
    expect(await on.twoFactor.confirm(ann.id, ann.code(), undefined)).toBeUndefined()
    const code = new TOTP({ secret: Secret.fromBase32(secret.reveal()) }).generate({ timestamp })
    expect(await on.twoFactor.confirm(ann.id, code, undefined)).toHaveLength(10)
  })

  test('a code serves once, the one that confirmed too, and none of an earlier step after it', async () => {
    const on = await openAccessInstance(await openFresh())
    const ann = await enable(on, 'ann')
    expect(await on.twoFactor.use(ann.id, ann.code())).toBe(false)
    on.clock.advance(STEP_MS * 3)
    for (const steps of [-2, 2]) expect(await on.twoFactor.use(ann.id, ann.code(steps))).toBe(false)
    const [early, now, late] = [ann.code(-1), ann.code(), ann.code(1)]
    expect(await on.twoFactor.use(ann.id, ` ${now.slice(0, 3)} ${now.slice(3)} `)).toBe(true)
    expect(await on.twoFactor.use(ann.id, now)).toBe(false)
    expect(await on.twoFactor.use(ann.id, early)).toBe(false)
    expect(await on.twoFactor.use(ann.id, late)).toBe(true)
  })

  test('of many who use one code at once, at two servers, one gets in', async () => {
    const on = await openAccessInstance(await openFresh())
    const ann = await enable(on, 'ann')
    const other = createTwoFactor({ db: on.db, clock: on.clock, sealer: on.sealer })
    on.clock.advance(STEP_MS)
    for (const code of [ann.code(), ann.recovery[0] ?? '']) {
      const tries = Array.from({ length: 8 }, (_, index) => (index % 2 === 0 ? other : on.twoFactor).use(ann.id, code))
      expect((await Promise.all(tries)).filter(Boolean)).toHaveLength(1)
    }
  })

  test('a recovery code serves once, however it is typed; new ones end those of before', async () => {
    const on = await openAccessInstance(await openFresh())
    const [ann, bob] = [await enable(on, 'ann'), await enable(on, 'bob')]
    const [first = '', second = '', third = ''] = ann.recovery
    expect(await on.twoFactor.use(bob.id, first)).toBe(false)
    expect(await on.twoFactor.use(ann.id, ` ${first.toUpperCase().replace('-', ' ')}`)).toBe(true)
    expect(await on.twoFactor.use(ann.id, first)).toBe(false)
    expect(await on.twoFactor.use(ann.id, second)).toBe(true)
    expect((await on.twoFactor.show(ann.id)).recoveryCodesLeft).toBe(8)
    const [fresh = ''] = await on.twoFactor.renewRecoveryCodes({ id: ann.id, username: 'ann' })
    expect(await on.twoFactor.use(ann.id, third)).toBe(false)
    expect(await on.twoFactor.use(ann.id, fresh)).toBe(true)
  })

  test('the database holds no secret and no code', async () => {
    const on = await openAccessInstance(await openFresh())
    const ann = await enable(on, 'ann')
    const stored = JSON.stringify([
      await on.db.read.selectFrom('two_factors').selectAll().execute(),
      await on.db.read.selectFrom('recovery_codes').selectAll().execute(),
    ])
    expect(stored).not.toContain(ann.secret.reveal())
    for (const code of ann.recovery) {
      expect(stored).not.toContain(code)
      expect(stored).not.toContain(code.replace('-', ''))
      expect(stored).not.toContain(new Bun.CryptoHasher('sha256').update(code.replace('-', '')).digest('hex'))
    }
  })

  test('the password alone serves nowhere then; at a prompt it serves with a code, and a token serves as before', async () => {
    const on = await openAccessInstance(await openFresh())
    const ann = await enable(on, 'ann')
    const { text } = await on.token(ann.id, 'write')
    const { authenticator } = on
    expect(await codeOf(authenticator.authenticate(basic('ann', PASSWORD)))).toBe('UNAUTHORIZED two_factor_required')
    await expect(authenticator.login('ann', PASSWORD)).rejects.toThrow(
      'use a personal access token in place of the password',
    )
    expect(await codeOf(authenticator.login('ann', 'wrong password'))).toBe('UNAUTHORIZED')
    expect(await codeOf(authenticator.authenticate(basic('ann', text)))).toBe('accepted')

    on.clock.advance(STEP_MS)
    const signIn = (code?: string, password = PASSWORD) => authenticator.signIn({ username: 'ann', password, code })
    expect(await codeOf(signIn())).toBe('UNAUTHORIZED two_factor_required')
    expect(await codeOf(signIn('000000'))).toBe('UNAUTHORIZED')
    const code = ann.code()
    // A wrong password uses up no code.
    expect(await codeOf(signIn(code, 'wrong password'))).toBe('UNAUTHORIZED')
    expect(await signIn(code)).toMatchObject({ username: 'ann' })
    expect(await codeOf(signIn(code))).toBe('UNAUTHORIZED')
    expect(await codeOf(signIn(ann.recovery[0]))).toBe('accepted')
    await on.twoFactor.end(ann.id)
    expect(await codeOf(authenticator.authenticate(basic('ann', PASSWORD)))).toBe('accepted')
    expect(await on.db.read.selectFrom('recovery_codes').selectAll().execute()).toEqual([])
  })

  test('codes are guessed ten times and no more, from wherever the guesses come and however right the password is', async () => {
    const on = await openAccessInstance(await openFresh())
    const ann = await enable(on, 'ann')
    on.clock.advance(STEP_MS)
    const right = ann.code()
    const guess = (code: string, address: string) =>
      codeOf(on.authenticator.signIn({ username: 'ann', password: PASSWORD, code }, { address }))
    for (let index = 0; index < 10; index++) {
      expect(await guess(`00000${index}`, `192.0.2.${index}`)).toBe('UNAUTHORIZED')
    }
    expect(await guess('999999', '198.51.100.1')).toBe('TOOMANYREQUESTS')
    expect(await guess(right, '198.51.100.1')).toBe('TOOMANYREQUESTS')
    on.clock.advance(5 * 60_000)
    expect(await guess(ann.code(), '198.51.100.1')).toBe('accepted')
  })

  test('turning it on ends what the password alone has opened, but for the session in which that was done', async () => {
    const on = await openAccessInstance(await openFresh())
    const ann = await begin(on, 'ann')
    const principal = { kind: 'user', userId: ann.id, username: 'ann', isOperator: false } as const
    const refresh = await createRefreshToken(on.db, on.clock, { principal, service: 'kagami' })
    const token = await on.token(ann.id, 'read')
    const byToken = await createRefreshToken(on.db, on.clock, {
      principal: { ...principal, token: { id: token.id, scope: 'read' } },
      service: 'kagami',
    })
    const [own, other] = [
      await createSession(on.db, on.clock, { id: ann.id, username: 'ann' }, {}),
      await createSession(on.db, on.clock, { id: ann.id, username: 'ann' }, {}),
    ]
    await on.twoFactor.confirm(ann.id, ann.code(), own.id)
    const find = (text: string) => findValidSession(on.db.read, text, on.clock.now())
    expect(await find(own.text.reveal())).toMatchObject({ userId: ann.id })
    expect(await find(other.text.reveal())).toBeUndefined()
    expect(await codeOf(useRefreshToken(on.db, on.clock, refresh, 'kagami'))).toBe('UNAUTHORIZED')
    expect(await codeOf(useRefreshToken(on.db, on.clock, byToken, 'kagami'))).toBe('accepted')
    // One that a login of the same moment has still made.
    const late = await createRefreshToken(on.db, on.clock, { principal, service: 'kagami' })
    expect(await codeOf(useRefreshToken(on.db, on.clock, late, 'kagami'))).toBe('UNAUTHORIZED')
  })
})
