import { expect, test } from 'bun:test'
import type { BearerSubject } from '../../src/access/bearer.ts'
import { removeToken } from '../../src/db/people/tokens.ts'
import { createSecret } from '../../src/lib/secret.ts'
import { describeOnEachEngine } from '../support/engines.ts'
import { type AccessInstance, basic, openAccessInstance, PASSWORD } from './access-instance.ts'

const ADDRESS = { address: '192.0.2.1' }
const MINUTE_MS = 60_000

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'accepted',
    (error) => error.code,
  )
}

function bearerOf(on: AccessInstance, subject: BearerSubject | undefined): Promise<string> {
  return on.signBearer({ subject, access: [] }).then(({ token }) => `Bearer ${token}`)
}

describeOnEachEngine('authenticate', (openFresh) => {
  test('no credential, and Basic of an empty name and password as skopeo and podman send it, are anonymous (2.4)', async () => {
    const { authenticator } = await openAccessInstance(await openFresh())
    for (const header of [null, 'Basic Og==', 'basic Og==']) {
      expect(await authenticator.authenticate(header)).toEqual({ principal: { kind: 'anonymous' } })
    }
  })

  test('Basic is a name with the password, or with a token of that user (2.4)', async () => {
    const on = await openAccessInstance(await openFresh())
    const ann = await on.user('ann')
    const token = await on.token(ann.id, 'write')
    const user = { kind: 'user', userId: ann.id, username: 'ann', isOperator: false } as const
    expect(await on.authenticator.authenticate(basic('ann', PASSWORD))).toEqual({ principal: user })
    const byToken = { principal: { ...user, token: { id: token.id, scope: 'write' } } } as const
    for (const name of ['ann', 'Ann', 'ann@users.invalid']) {
      expect(await on.authenticator.authenticate(basic(name, token.text))).toEqual(byToken)
    }
    expect(await on.authenticator.authenticate(`Bearer ${token.text}`)).toEqual(byToken)
  })

  test('bad credentials are UNAUTHORIZED, never anonymous (2.2)', async () => {
    const on = await openAccessInstance(await openFresh())
    const ann = await on.user('ann')
    await on.user('bob')
    const { text } = await on.token(ann.id, 'admin')
    const mistyped = `${text.slice(0, -1)}${text.endsWith('0') ? '1' : '0'}`
    const bad = [
      basic('ann', 'wrong password'),
      basic('ann', ''),
      basic('', PASSWORD),
      basic('', text),
      basic('nobody', PASSWORD),
      basic('bob', text),
      basic('ann', mistyped),
      `Bearer ${mistyped}`,
      'Bearer abc.def.ghi',
      'Bearer',
      'Basic',
      'Basic ####',
      `Basic ${Buffer.from('no colon').toString('base64')}`,
      `Basic ${Buffer.from([0xff, 0x3a, 0xff]).toString('base64')}`,
      'Digest username="ann"',
      '',
      `${basic('ann', PASSWORD)}, ${basic('ann', PASSWORD)}`,
      `${basic('ann', PASSWORD)}, Bearer ${text}`,
      `Bearer ${text},Bearer ${text}`,
      `Bearer ${'a'.repeat(20_000)}`,
    ]
    for (const header of bad) {
      expect({ header: header.slice(0, 60), code: await codeOf(on.authenticator.authenticate(header)) }).toEqual({
        header: header.slice(0, 60),
        code: 'UNAUTHORIZED',
      })
    }
  })

  test('errors never repeat a password or a token', async () => {
    const on = await openAccessInstance(await openFresh())
    await on.user('ann')
    for (const header of [basic('ann', 'super-secret'), 'Bearer super-secret', 'Other super-secret']) {
      const error = await on.authenticator.authenticate(header).catch((it) => it)
      expect(`${error.message} ${JSON.stringify(error.detail)} ${error.stack}`).not.toContain('super-secret')
    }
  })

  test('a revoked token refuses the very next request, as Basic and behind a bearer token', async () => {
    const on = await openAccessInstance(await openFresh())
    const ann = await on.user('ann')
    const token = await on.token(ann.id, 'write')
    const bearer = await bearerOf(on, { userId: ann.id, username: 'ann', tokenId: token.id })
    const headers = [basic('ann', token.text), `Bearer ${token.text}`, bearer]
    for (const header of headers) expect(await codeOf(on.authenticator.authenticate(header))).toBe('accepted')
    await on.db.write((tx) => removeToken(tx, ann.id, token.id))
    for (const header of headers) expect(await codeOf(on.authenticator.authenticate(header))).toBe('UNAUTHORIZED')
  })

  test('an expired token is refused at its second', async () => {
    const on = await openAccessInstance(await openFresh())
    const ann = await on.user('ann')
    const token = await on.token(ann.id, 'write', '1d')
    on.clock.advance(24 * 60 * MINUTE_MS - 1)
    const bearer = await bearerOf(on, { userId: ann.id, username: 'ann', tokenId: token.id })
    for (const header of [basic('ann', token.text), bearer])
      expect(await codeOf(on.authenticator.authenticate(header))).toBe('accepted')
    on.clock.advance(1)
    for (const header of [basic('ann', token.text), bearer])
      expect(await codeOf(on.authenticator.authenticate(header))).toBe('UNAUTHORIZED')
  })

  test('a bearer token of a user that is gone is refused; one of nobody is anonymous with its cap', async () => {
    const on = await openAccessInstance(await openFresh())
    const ann = await on.user('ann')
    const hers = await bearerOf(on, { userId: ann.id, username: 'ann' })
    expect(await on.authenticator.authenticate(hers)).toMatchObject({ principal: { username: 'ann' }, access: [] })
    await on.db.write((tx) => tx.deleteFrom('users').where('id', '=', ann.id).execute())
    expect(await codeOf(on.authenticator.authenticate(hers))).toBe('UNAUTHORIZED')
    const anonymous = await bearerOf(on, undefined)
    expect(await on.authenticator.authenticate(anonymous)).toEqual({ principal: { kind: 'anonymous' }, access: [] })
  })

  test('last use is written at most once a minute', async () => {
    const on = await openAccessInstance(await openFresh())
    const ann = await on.user('ann')
    const token = await on.token(ann.id, 'read')
    const lastUse = async () => {
      await on.authenticator.authenticate(basic('ann', token.text))
      await on.db.later.settled()
      return (await on.db.read.selectFrom('tokens').select('last_used_at').executeTakeFirst())?.last_used_at
    }
    const first = on.clock.now().toISOString()
    expect(await lastUse()).toBe(first)
    on.clock.advance(MINUTE_MS - 1)
    expect(await lastUse()).toBe(first)
    on.clock.advance(1)
    expect(await lastUse()).toBe(on.clock.now().toISOString())
  })

  test('after ten failed logins a name is not checked any more from that address, right or wrong, until the time is over (2.4)', async () => {
    const on = await openAccessInstance(await openFresh())
    const ann = await on.user('ann')
    const { text } = await on.token(ann.id, 'read')
    const { authenticator } = on
    const guesses = Array.from({ length: 12 }, (_, index) =>
      codeOf(authenticator.authenticate(basic('ann', `wrong ${index}`), ADDRESS)),
    )
    expect((await Promise.all(guesses)).sort()).toEqual([
      ...Array(2).fill('TOOMANYREQUESTS'),
      ...Array(10).fill('UNAUTHORIZED'),
    ])
    const error = await authenticator.authenticate(basic('ANN', PASSWORD), ADDRESS).catch((it) => it)
    expect(error).toMatchObject({ code: 'TOOMANYREQUESTS', detail: { retryAfterSeconds: 300 } })
    // Others are not locked out: another address, and a token, which cannot be guessed.
    expect(await codeOf(authenticator.authenticate(basic('ann', PASSWORD), { address: '192.0.2.2' }))).toBe('accepted')
    expect(await codeOf(authenticator.authenticate(basic('ann', text), ADDRESS))).toBe('accepted')
    on.clock.advance(5 * MINUTE_MS)
    expect(await codeOf(authenticator.authenticate(basic('ann', PASSWORD), ADDRESS))).toBe('accepted')
  })

  test('a client may begin with any number of requests at once; a wrong password in many of them is one guess', async () => {
    const on = await openAccessInstance(await openFresh())
    await on.user('ann')
    const together = async (password: string) => {
      const requests = Array.from({ length: 60 }, () =>
        codeOf(on.authenticator.authenticate(basic('ann', password), ADDRESS)),
      )
      return [...new Set(await Promise.all(requests))]
    }
    expect(await together(PASSWORD)).toEqual(['accepted'])
    expect(await together('wrong')).toEqual(['UNAUTHORIZED'])
    // So many refusals are no accident any more.
    expect(await together(PASSWORD)).toEqual(['TOOMANYREQUESTS'])
  })

  test('a job that comes back with an old password locks its owner out only after fifty times', async () => {
    const on = await openAccessInstance(await openFresh())
    await on.user('ann')
    const login = (password: string) => codeOf(on.authenticator.authenticate(basic('ann', password), ADDRESS))
    for (let index = 0; index < 49; index++) expect(await login('old password')).toBe('UNAUTHORIZED')
    expect(await login(PASSWORD)).toBe('accepted')
    for (let index = 0; index < 50; index++) expect(await login('old password')).toBe('UNAUTHORIZED')
    expect(await login(PASSWORD)).toBe('TOOMANYREQUESTS')
  })

  test('a right password forgets the failures before it; one IPv6 network counts as one address', async () => {
    const on = await openAccessInstance(await openFresh())
    await on.user('ann')
    let guesses = 0
    const fail = (address: string) =>
      codeOf(on.authenticator.authenticate(basic('ann', `wrong ${guesses++}`), { address }))
    for (let index = 0; index < 9; index++) await fail('2001:db8::1')
    expect(await codeOf(on.authenticator.authenticate(basic('ann', PASSWORD), { address: '2001:db8::2' }))).toBe(
      'accepted',
    )
    for (let index = 0; index < 10; index++) expect(await fail(`2001:db8::${index}`)).toBe('UNAUTHORIZED')
    expect(await fail('2001:db8::ffff')).toBe('TOOMANYREQUESTS')
    expect(await fail('2001:db8:0:1::1')).toBe('UNAUTHORIZED')
  })

  test('a changed password is refused at once', async () => {
    const on = await openAccessInstance(await openFresh())
    await on.user('ann')
    expect(await codeOf(on.authenticator.authenticate(basic('ann', PASSWORD)))).toBe('accepted')
    await on.accounts.resetPassword('ann', createSecret('another password'))
    expect(await codeOf(on.authenticator.authenticate(basic('ann', PASSWORD)))).toBe('UNAUTHORIZED')
  })
})
