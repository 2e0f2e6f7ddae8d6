import { expect, test } from 'bun:test'
import { openAccess } from '../../src/access/open.ts'
import { createFairLimiter } from '../../src/lib/fair-limiter.ts'
import { describeOnEachEngine } from '../support/engines.ts'
import { type AccessInstance, basic, openAccessInstance, PASSWORD } from './access-instance.ts'

const ADDRESS = { address: '192.0.2.1' }

function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'accepted',
    (error) => error.code,
  )
}

describeOnEachEngine('the limit of failed logins', (openFresh) => {
  const login = (on: Pick<AccessInstance, 'authenticator'>, name: string, password: string, from = ADDRESS) =>
    codeOf(on.authenticator.authenticate(basic(name, password), from))

  test('all spellings of one account are one window: case, mail address, letters that lower to the same', async () => {
    const on = await openAccessInstance(await openFresh())
    await on.user('kim')
    const spellings = ['kim', 'KIM', 'Kim', '\u212Aim', 'kim@users.invalid', 'KIM@Users.Invalid']
    for (let guess = 0; guess < 10; guess++) {
      expect(await login(on, spellings[guess % spellings.length] ?? '', `wrong ${guess}`)).toBe('UNAUTHORIZED')
    }
    for (const name of spellings) expect([name, await login(on, name, PASSWORD)]).toEqual([name, 'TOOMANYREQUESTS'])
  })

  test('names that nobody has are counted alike, with and without spaces around them', async () => {
    const on = await openAccessInstance(await openFresh())
    const spellings = ['ghost', 'GHOST', ' ghost', 'ghost ', 'ｇｈｏｓｔ']
    for (let guess = 0; guess < 10; guess++) {
      expect(await login(on, spellings[guess % spellings.length] ?? '', `wrong ${guess}`)).toBe('UNAUTHORIZED')
    }
    for (const name of spellings)
      expect([name, await login(on, name, 'wrong again')]).toEqual([name, 'TOOMANYREQUESTS'])
  })

  test('all servers of one database count together', async () => {
    const db = await openFresh()
    const one = await openAccessInstance(db)
    const other = await openAccess(db, one.sealer, one.clock)
    await one.user('ann')
    for (let guess = 0; guess < 10; guess++) {
      expect(await login(guess % 2 === 0 ? one : other, 'ann', `wrong ${guess}`)).toBe('UNAUTHORIZED')
    }
    for (const server of [one, other]) expect(await login(server, 'ann', PASSWORD)).toBe('TOOMANYREQUESTS')
  })

  test('no number of other logins pushes a count out; the end of its time does, and leaves no row', async () => {
    const on = await openAccessInstance(await openFresh())
    await on.user('ann')
    for (let guess = 0; guess < 10; guess++) await login(on, 'ann', `wrong ${guess}`)
    // What costs no hash makes no row, and so cannot fill anything either.
    for (let index = 0; index < 12_000; index++) {
      const password = index % 2 === 0 ? 'x'.repeat(200) : 'kgm_pat_nonsense'
      expect(await login(on, `name ${index}`, password)).toBe('UNAUTHORIZED')
    }
    const rows = () => on.db.read.selectFrom('failed_logins').selectAll().execute()
    expect(await rows()).toHaveLength(10)
    expect(await login(on, 'ann', PASSWORD)).toBe('TOOMANYREQUESTS')
    on.clock.advance(5 * 60_000)
    expect(await login(on, 'ann', PASSWORD)).toBe('accepted')
    expect(await login(on, 'bob', 'wrong')).toBe('UNAUTHORIZED')
    expect(await rows()).toHaveLength(1)
  })

  test('neither what was typed as a password nor a name that nobody has is kept', async () => {
    const on = await openAccessInstance(await openFresh())
    await login(on, 'typed into the wrong field', 'nearly my password')
    const kept = JSON.stringify(await on.db.read.selectFrom('failed_logins').selectAll().execute())
    expect(kept).toContain('192.0.2.1')
    for (const text of ['typed', 'nearly', 'password']) expect(kept).not.toContain(text)
  })

  test('forty connections of one client leave room for the login of another', async () => {
    const on = await openAccessInstance(await openFresh())
    await on.user('ann')
    // Passwords that no other test has tried: each takes its time.
    const flood = Array.from({ length: 40 }, (_, index) => login(on, `name ${index}`, crypto.randomUUID()))
    expect(await login(on, 'ann', PASSWORD, { address: '198.51.100.7' })).toBe('accepted')
    const answers = await Promise.all(flood)
    expect(answers.filter((code) => code === 'TOOMANYREQUESTS').length).toBeGreaterThan(10)
    expect(answers.filter((code) => code === 'UNAUTHORIZED').length).toBeGreaterThan(10)
  })
})

test('clients take turns; a full queue makes room for a newcomer at the cost of who has the most', async () => {
  const limiter = createFairLimiter({ atOnce: 1, total: 4, perClient: 4, refuse: () => new Error('full') })
  const done: string[] = []
  const gate = Promise.withResolvers<void>()
  const run = (client: string, name: string) =>
    limiter.run(client, async () => {
      await gate.promise
      done.push(name)
    })
  const tries = [
    run('a', 'a1'),
    run('a', 'a2'),
    run('a', 'a3'),
    run('a', 'a4'),
    run('b', 'b1'),
    run('b', 'b2'),
    run('a', 'a5'),
  ]
  gate.resolve()
  const results = await Promise.allSettled(tries)
  expect(results.map(({ status }) => status)).toEqual([
    'fulfilled',
    'fulfilled',
    'fulfilled',
    'rejected',
    'fulfilled',
    'rejected',
    'rejected',
  ])
  expect(done).toEqual(['a1', 'a2', 'b1', 'a3'])
  await limiter.run('a', async () => {})
})
