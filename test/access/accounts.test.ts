import { expect, test } from 'bun:test'
import { createAccounts } from '../../src/access/accounts.ts'
import { createRefreshToken } from '../../src/access/refresh-tokens.ts'
import { findUserByName } from '../../src/db/people/users.ts'
import { createSecret } from '../../src/lib/secret.ts'
import { describeOnEachEngine } from '../support/engines.ts'
import { openAccessInstance, PASSWORD } from './access-instance.ts'

describeOnEachEngine('accounts', (openFresh) => {
  test('a user is found by name in any case, and signs in by name or mail address', async () => {
    const { db, accounts } = await openAccessInstance(await openFresh())
    const user = await accounts.createUser({
      username: 'ann',
      password: createSecret(PASSWORD),
      email: 'Ann@Example.test',
    })
    expect(user).toEqual({ id: user.id, username: 'ann', isOperator: false })
    expect(await findUserByName(db.read, 'Ann')).toEqual(user)
    for (const login of ['ann', 'ANN', 'ann@example.test'])
      expect(await accounts.verifyPassword(login, PASSWORD)).toEqual(user)
    for (const wrong of ['', 'correct horse batterY', `${PASSWORD} `, 'x'.repeat(5000)]) {
      expect(await accounts.verifyPassword('ann', wrong)).toBeUndefined()
    }
    expect(await accounts.verifyPassword('nobody', PASSWORD)).toBeUndefined()
  })

  test('passwords are stored hashed', async () => {
    const { db, accounts } = await openAccessInstance(await openFresh())
    await accounts.createUser({ username: 'ann', password: createSecret(PASSWORD) })
    const stored = JSON.stringify([
      await db.read.selectFrom('users').selectAll().execute(),
      await db.read.selectFrom('accounts').selectAll().execute(),
    ])
    expect(stored).not.toContain(PASSWORD)
  })

  test('a taken name is a CONFLICT and leaves no half user; so are two makers at once', async () => {
    const { db, accounts } = await openAccessInstance(await openFresh())
    const make = () => accounts.createUser({ username: 'ann', password: createSecret(PASSWORD) })
    const results = await Promise.allSettled([make(), make(), make()])
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected', 'rejected'])
    await expect(make()).rejects.toMatchObject({ code: 'CONFLICT' })
    expect(await db.read.selectFrom('users').select('username').execute()).toEqual([{ username: 'ann' }])
    expect(await db.read.selectFrom('accounts').select('provider_id').execute()).toEqual([
      { provider_id: 'credential' },
    ])
  })

  test('names that could not be told apart in a credential are refused', async () => {
    const { accounts } = await openAccessInstance(await openFresh())
    for (const username of ['', 'Ann', 'a b', 'a:b', '-a', 'a@b', 'a\n', 'ä', 'a'.repeat(65)]) {
      const failing = accounts.createUser({ username, password: createSecret(PASSWORD) })
      await expect(failing).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
    }
  })

  test('a password that is too short or too long is refused and not repeated', async () => {
    const { accounts } = await openAccessInstance(await openFresh())
    for (const password of ['short', 'x'.repeat(129)]) {
      const error = await accounts.createUser({ username: 'ann', password: createSecret(password) }).catch((it) => it)
      expect(error).toMatchObject({ code: 'INVALID_REQUEST' })
      expect(error.message).toMatch(/want 8 to 128 characters, got \d+$/)
      expect(error.message).not.toContain(password)
    }
  })

  test('a reset password refuses the old one at once, although it was just verified', async () => {
    const { db, accounts, clock, user } = await openAccessInstance(await openFresh())
    const ann = await user('ann')
    const principal = { kind: 'user', userId: ann.id, username: 'ann', isOperator: false } as const
    await createRefreshToken(db, clock, { principal, service: 'kagami' })
    expect(await accounts.verifyPassword('ann', PASSWORD)).toBeDefined()
    expect(await accounts.verifyPassword('ann', PASSWORD)).toBeDefined()
    await accounts.resetPassword('ann', createSecret('another password'))
    expect(await accounts.verifyPassword('ann', PASSWORD)).toBeUndefined()
    expect(await accounts.verifyPassword('ann', 'another password')).toMatchObject({ username: 'ann' })
    expect(await db.read.selectFrom('refresh_tokens').selectAll().execute()).toEqual([])
    await expect(accounts.resetPassword('nobody', createSecret(PASSWORD))).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  test('a password that was reset by another process (offline) is felt at once too', async () => {
    const { db, accounts, user } = await openAccessInstance(await openFresh())
    await user('ann')
    expect(await accounts.verifyPassword('ann', PASSWORD)).toBeDefined()
    await createAccounts(db).resetPassword('ann', createSecret('another password'))
    expect(await accounts.verifyPassword('ann', PASSWORD)).toBeUndefined()
  })

  test('logins beyond a bounded queue are turned away with TOOMANYREQUESTS instead of piling up', async () => {
    const { accounts, user } = await openAccessInstance(await openFresh())
    await user('ann')
    const tries = Array.from({ length: 80 }, (_, index) => accounts.verifyPassword('ann', `wrong password ${index}`))
    const results = await Promise.allSettled(tries)
    const turnedAway = results.filter((result) => result.status === 'rejected')
    // 32 find room at once, and some more where a hash was done before the last had asked.
    expect(turnedAway.length).toBeWithin(1, 49)
    for (const { reason } of turnedAway)
      expect(reason).toMatchObject({ code: 'TOOMANYREQUESTS', detail: { retryAfterSeconds: 1 } })
    expect(await accounts.verifyPassword('ann', PASSWORD)).toMatchObject({ username: 'ann' })
  })
})
