// The code of the first run: who may use it, how often, and until when.
import { expect, test } from 'bun:test'
import { bootstrap } from '../../src/access/bootstrap.ts'
import { decideInstance, decideOrganization } from '../../src/access/rights.ts'
import { createSetup } from '../../src/access/setup.ts'
import { createSecret } from '../../src/lib/secret.ts'
import { describeOnEachEngine } from '../support/engines.ts'
import { type AccessInstance, basic, openAccessInstance, PASSWORD } from './access-instance.ts'

const HOUR_MS = 3_600_000
const NETWORK = '192.0.2.7'
const account = (username: string) => ({ username, organization: 'harbour', password: createSecret(PASSWORD) })

async function codeOf(on: AccessInstance): Promise<string> {
  return (await on.setup.makeCode())?.reveal() ?? ''
}

const codes = (on: AccessInstance) => on.db.read.selectFrom('setup_codes').selectAll().execute()
const outcomes = (all: readonly PromiseSettledResult<unknown>[]) =>
  all.map((one) => (one.status === 'fulfilled' ? 'done' : one.reason.code)).sort()

describeOnEachEngine('the code of the first run', (openFresh) => {
  test('makes the owner and the organization once, whatever its spelling; nothing of it is kept', async () => {
    const on = await openAccessInstance(await openFresh())
    expect(await on.setup.isWanted()).toBe(true)
    const code = await codeOf(on)
    expect(code).toMatch(/^[B-Z]{4}(-[B-Z]{4}){3}$/)
    expect(JSON.stringify(await codes(on))).not.toContain(code)
    const typed = ` ${code.toLowerCase().replaceAll('-', ' ')}`
    await on.setup.check(typed, NETWORK)
    await on.setup.run(typed, account('ann'), NETWORK)
    const who = await on.authenticator.authenticate(basic('ann', PASSWORD))
    expect(await decideInstance(on.db.read, who, 'user.create')).toMatchObject({ allowed: true })
    expect(await decideOrganization(on.db.read, who, 'harbour', 'mirror.start')).toMatchObject({ role: 'owner' })
    expect([await on.setup.isWanted(), await codes(on), await on.setup.makeCode()]).toEqual([false, [], undefined])
    expect(await on.setup.run(code, account('bob'), NETWORK).catch((error) => error.code)).toBe('DENIED')
    expect(await on.accounts.findId('bob')).toBeUndefined()
    expect(
      await bootstrap(on.db, on.accounts, on.clock, { owner: 'owner', organization: 'acme', ownerPassword: undefined }),
    ).toBeUndefined()
  })

  test('of several at once, by the codes of two servers, one makes the owner', async () => {
    const on = await openAccessInstance(await openFresh())
    const second = createSetup(on)
    const [first, other] = [await codeOf(on), (await second.makeCode())?.reveal() ?? '']
    const all = await Promise.allSettled([
      on.setup.run(first, account('ann'), NETWORK),
      second.run(first, account('bob'), NETWORK),
      on.setup.run(other, account('cid'), NETWORK),
      second.run(other, account('dan'), NETWORK),
    ])
    expect(outcomes(all)).toEqual(['DENIED', 'DENIED', 'DENIED', 'done'])
    const { length } = await on.db.read.selectFrom('users').select('id').execute()
    expect([length, (await on.db.read.selectFrom('organizations').select('id').execute()).length]).toEqual([1, 1])
  })

  test('a server that makes its own owner at the same moment, and the page, make one', async () => {
    const on = await openAccessInstance(await openFresh())
    const code = await codeOf(on)
    const all = await Promise.allSettled([
      on.setup.run(code, account('ann'), NETWORK),
      bootstrap(on.db, on.accounts, on.clock, { owner: 'owner', organization: 'acme', ownerPassword: undefined }),
    ])
    const operators = await on.db.read.selectFrom('users').select('username').where('is_operator', '=', 1).execute()
    expect([operators.length, ['DENIED,done', 'done,done'].includes(outcomes(all).join())]).toEqual([1, true])
  })

  test('is over after a day; a name that is taken and a bad password use it up as little as they leave anything', async () => {
    const on = await openAccessInstance(await openFresh())
    const code = await codeOf(on)
    await on.user('taken')
    const failure = (username: string, password = PASSWORD) =>
      on.setup.run(code, { ...account(username), password: createSecret(password) }, NETWORK).catch(({ code }) => code)
    expect([await failure('taken'), await failure('ann', 'short')]).toEqual(['CONFLICT', 'INVALID_REQUEST'])
    expect(await on.db.read.selectFrom('organizations').select('id').execute()).toEqual([])
    on.clock.advance(23 * HOUR_MS)
    await on.setup.check(code, NETWORK)
    on.clock.advance(HOUR_MS)
    expect(await on.setup.check(code, NETWORK).catch((error) => error.code)).toBe('DENIED')
    expect(await failure('ann')).toBe('DENIED')
    await codeOf(on)
    expect((await codes(on)).length).toBe(1)
  })

  test('guesses of a network are counted, at once too, and hinder no other; many starts leave few codes', async () => {
    const on = await openAccessInstance(await openFresh())
    for (let start = 0; start < 12; start++) await codeOf(on)
    expect((await codes(on)).length).toBe(10)
    const code = await codeOf(on)
    const guess = (network: string, text = 'BCDF-GHJK-LMNP-QRST') => on.setup.check(text, network)
    const guesses = outcomes(await Promise.allSettled(Array.from({ length: 12 }, () => guess(NETWORK))))
    expect(guesses).toEqual([...Array(10).fill('DENIED'), ...Array(2).fill('TOOMANYREQUESTS')])
    expect(await guess(NETWORK, code).catch(({ detail }) => detail)).toEqual({ retryAfterSeconds: 300 })
    await guess('192.0.2.8', code)
    expect((await on.db.read.selectFrom('failed_logins').selectAll().execute()).length).toBe(1)
    on.clock.advance(300_000)
    await guess(NETWORK, code)
  })
})
