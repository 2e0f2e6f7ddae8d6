import { beforeAll, expect, test } from 'bun:test'
import { randomBytes } from 'node:crypto'
import { createDevices, type Devices } from '../../../src/access/identity/devices.ts'
import { createSession } from '../../../src/access/sessions.ts'
import { endSignIn } from '../../../src/db/people/sessions.ts'
import { removeToken } from '../../../src/db/people/tokens.ts'
import { createSealer } from '../../../src/lib/seal.ts'
import { createSecret } from '../../../src/lib/secret.ts'
import { describeOnEachEngine } from '../../support/engines.ts'
import { type AccessInstance, openAccessInstance } from '../access-instance.ts'

describeOnEachEngine('a command line that waits to be let in', (openFresh) => {
  let instance: AccessInstance
  let devices: Devices
  let user: { userId: string }
  beforeAll(async () => {
    instance = await openAccessInstance(await openFresh())
    devices = createDevices(instance)
    user = { userId: (await instance.user('alice')).id }
  })
  const begin = (address = '203.0.113.7') => devices.begin({ name: 'laptop\u001b[2J', address })
  const errorOf = async (code: string) => {
    const polled = await devices.poll(code)
    return polled.kind === 'refused' ? polled.error : 'token'
  }
  const later = (seconds: number) => instance.clock.advance(seconds * 1000)

  test('gets one token once somebody has let it in, and shows who it is before', async () => {
    const { deviceCode, userCode } = await begin()
    expect(userCode).toMatch(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/)
    expect(await errorOf(deviceCode)).toBe('authorization_pending')
    // However it is typed; its name moves no cursor.
    const shown = await devices.show(userCode.toLowerCase().replace('-', ' '), user)
    expect(shown).toMatchObject({ name: 'laptop\\u001b[2J', address: '203.0.113.7' })
    await devices.decide(userCode, user, 'approved')
    later(5)
    const answers = await Promise.all([devices.poll(deviceCode), devices.poll(deviceCode)])
    expect(answers.map((one) => (one.kind === 'token' ? one.kind : one.error)).sort()).toEqual([
      'expired_token',
      'token',
    ])
    const [token] = answers.flatMap((one) => (one.kind === 'token' ? [one] : []))
    expect([token?.username, token?.row.scope]).toEqual(['alice', 'admin'])
    const { principal } = await instance.authenticator.authenticate(`Bearer ${token?.text.reveal()}`)
    expect(principal).toMatchObject({ kind: 'user', username: 'alice' })
    await expect(devices.show(userCode, user)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  test('that asks too often has to ask less often, whatever has been decided', async () => {
    const { deviceCode, userCode } = await begin()
    expect(await errorOf(deviceCode)).toBe('authorization_pending')
    later(4)
    expect(await errorOf(deviceCode)).toBe('slow_down')
    await devices.decide(userCode, user, 'approved')
    later(6)
    expect(await errorOf(deviceCode)).toBe('slow_down')
    later(15)
    expect(await errorOf(deviceCode)).toBe('token')
  })

  test('is turned away, and runs out of time', async () => {
    const turned = await begin()
    await devices.decide(turned.userCode, user, 'denied')
    await expect(devices.decide(turned.userCode, user, 'approved')).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect([await errorOf(turned.deviceCode), await errorOf(turned.deviceCode)]).toEqual([
      'access_denied',
      'expired_token',
    ])
    const late = await begin()
    later(600)
    await expect(devices.decide(late.userCode, user, 'approved')).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect(await errorOf(late.deviceCode)).toBe('expired_token')
    expect(await errorOf('made up')).toBe('expired_token')
  })

  test('what let it in has to be good until it comes for its token', async () => {
    const { id, username } = await instance.user('bob')
    const approvedBy = async (by: object, between: () => Promise<unknown>) => {
      const { deviceCode, userCode } = await begin()
      await devices.decide(userCode, { userId: id, ...by }, 'approved')
      await between()
      later(5)
      return errorOf(deviceCode)
    }
    const revoked = await instance.token(id, 'admin')
    const kept = await instance.token(id, 'admin', '1d')
    expect(await approvedBy({ token: revoked }, () => instance.db.write((tx) => removeToken(tx, id, revoked.id)))).toBe(
      'access_denied',
    )
    expect(await approvedBy({ token: kept }, async () => {})).toBe('token')
    const session = () => createSession(instance.db, instance.clock, { id, username }, {})
    const [ended, live] = [await session(), await session()]
    expect(await approvedBy({ session: ended }, () => instance.db.write((tx) => endSignIn(tx, id, ended.id)))).toBe(
      'access_denied',
    )
    expect(await approvedBy({ session: live }, async () => {})).toBe('token')
    // A password that somebody resets ends all that it has let in, and whatever else waits for the user.
    const reset = () => instance.accounts.resetPassword(username, createSecret('another long password'))
    expect(await approvedBy({}, reset)).toBe('expired_token')
    expect(await approvedBy({ token: kept }, reset)).toBe('expired_token')
  })

  test('nothing of a code is kept but what its owner can prove', async () => {
    const { deviceCode, userCode } = await begin()
    const rows = JSON.stringify(await instance.db.read.selectFrom('device_authorizations').selectAll().execute())
    expect([rows.includes(deviceCode), rows.includes(userCode), rows.includes(userCode.replace('-', ''))]).toEqual([
      false,
      false,
      false,
    ])
    // Another server's key makes nothing of it.
    const other = createDevices({ ...instance, sealer: createSealer(randomBytes(32)) })
    expect(await other.poll(deviceCode)).toEqual({ kind: 'refused', error: 'expired_token' })
  })

  test('codes cannot be guessed, and one that is right does not make the wrong ones forgotten', async () => {
    const guesser = { userId: (await instance.user('mallory')).id }
    const { userCode } = await begin()
    const guesses = await Promise.allSettled(
      Array.from({ length: 9 }, (_, at) => devices.show(`BBBB-BBB${'BCDFGHJKL'[at]}`, guesser)),
    )
    expect(guesses.map((one) => one.status === 'rejected' && one.reason.code)).toEqual(Array(9).fill('NOT_FOUND'))
    await devices.show(userCode, guesser)
    await expect(devices.show('BBBB-BBBM', guesser)).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await expect(devices.show(userCode, guesser)).rejects.toMatchObject({
      code: 'TOOMANYREQUESTS',
      detail: { retryAfterSeconds: 300 },
    })
    expect((await devices.show(userCode, user)).address).toBe('203.0.113.7')
    later(301)
    expect((await devices.show(userCode, guesser)).address).toBe('203.0.113.7')
  })

  test('of one network only so many wait', async () => {
    later(600)
    for (let times = 0; times < 20; times++) await begin('2001:db8:1:2::1')
    await expect(begin('2001:db8:1:2:ffff::9')).rejects.toMatchObject({ code: 'TOOMANYREQUESTS' })
    await begin('2001:db8:1:3::1')
    later(600)
    await begin('2001:db8:1:2::1')
  })
})
