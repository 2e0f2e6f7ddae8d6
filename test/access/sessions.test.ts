// Sessions and what ends them.
import { expect, test } from 'bun:test'
import { createRefreshToken, useRefreshToken } from '../../src/access/refresh-tokens.ts'
import { createSession, findValidSession, noteSessionUse } from '../../src/access/sessions.ts'
import { findProfile } from '../../src/db/people/accounts.ts'
import { endPasswordLogins, endSignIn, listSignIns } from '../../src/db/people/sessions.ts'
import { createSecret } from '../../src/lib/secret.ts'
import { describeOnEachEngine } from '../support/engines.ts'
import { openAccessInstance, PASSWORD } from './access-instance.ts'

const DAY_MS = 86_400_000
const FROM = { address: '192.0.2.7', userAgent: 'browser/1 (of a test)' }

describeOnEachEngine('sessions', (openFresh) => {
  test('stand for their user without a cap, and end 30 days after they were last seen', async () => {
    const on = await openAccessInstance(await openFresh())
    const ann = await on.user('ann')
    const session = await createSession(on.db, on.clock, ann, FROM)
    const header = `Bearer ${session.text.reveal()}`
    const principal = {
      kind: 'user',
      userId: ann.id,
      username: 'ann',
      isOperator: false,
      session: { id: session.id },
    } as const
    on.clock.advance(29 * DAY_MS)
    expect(await on.authenticator.authenticate(header, { address: '192.0.2.8' })).toEqual({ principal })
    await on.db.later.settled()
    const [seen] = await listSignIns(on.db.read, ann.id, on.clock.now().toISOString())
    expect(seen).toEqual({
      id: session.id,
      kind: 'session',
      createdAt: '2026-11-24T08:00:00.000Z',
      seenAt: on.clock.now().toISOString(),
      address: '192.0.2.8',
      userAgent: FROM.userAgent,
    })
    on.clock.advance(30 * DAY_MS - 1)
    expect(await findValidSession(on.db.read, session.text.reveal(), on.clock.now())).toBeDefined()
    on.clock.advance(1)
    await expect(on.authenticator.authenticate(header)).rejects.toMatchObject({ code: 'UNAUTHORIZED' })
    expect(await listSignIns(on.db.read, ann.id, on.clock.now().toISOString())).toEqual([])
  })

  test('are stored by hash, seen at most once a minute, and a hundred of one user', async () => {
    const on = await openAccessInstance(await openFresh())
    const ann = await on.user('ann')
    const first = await createSession(on.db, on.clock, ann, { ...FROM, userAgent: 'x'.repeat(5000) })
    const stored = await on.db.read.selectFrom('sessions').selectAll().execute()
    expect(JSON.stringify(stored)).not.toContain(first.text.reveal())
    expect(stored[0]?.user_agent).toHaveLength(200)
    on.clock.advance(59_999)
    const found = await findValidSession(on.db.read, first.text.reveal(), on.clock.now())
    if (found === undefined) throw new Error('the session is not there')
    noteSessionUse(on.db, found, on.clock.now(), {})
    await on.db.later.settled()
    expect((await findValidSession(on.db.read, first.text.reveal(), on.clock.now()))?.seenAt).toBe(found.seenAt)
    for (let index = 0; index < 100; index++) {
      on.clock.advance(1000)
      await createSession(on.db, on.clock, ann, FROM)
    }
    expect(await listSignIns(on.db.read, ann.id, on.clock.now().toISOString())).toHaveLength(100)
    expect(await findValidSession(on.db.read, first.text.reveal(), on.clock.now())).toBeUndefined()
  })

  test('are listed with what docker login keeps, and ended by their owner alone, one or all others', async () => {
    const on = await openAccessInstance(await openFresh())
    const [ann, bob] = [await on.user('ann'), await on.user('bob')]
    const principal = { kind: 'user', userId: ann.id, username: 'ann', isOperator: false } as const
    const refresh = await createRefreshToken(on.db, on.clock, { principal, service: 'kagami', from: FROM })
    await useRefreshToken(on.db, on.clock, refresh, 'kagami')
    await on.db.later.settled()
    const own = await createSession(on.db, on.clock, ann, FROM)
    const other = await createSession(on.db, on.clock, ann, FROM)
    const list = () => listSignIns(on.db.read, ann.id, on.clock.now().toISOString())
    const at = on.clock.now().toISOString()
    const registry = (await list()).find(({ kind }) => kind === 'registry')
    expect(registry).toMatchObject({ createdAt: at, seenAt: at, ...FROM })
    expect(await on.db.write((tx) => endSignIn(tx, bob.id, other.id))).toBe(false)
    expect(await on.db.write((tx) => endSignIn(tx, ann.id, other.id))).toBe(true)
    expect(await on.db.write((tx) => endSignIn(tx, ann.id, other.id))).toBe(false)
    expect(await on.db.write((tx) => endPasswordLogins(tx, ann.id, own.id))).toBe(1)
    expect((await list()).map(({ id }) => id)).toEqual([own.id])
    await expect(useRefreshToken(on.db, on.clock, refresh, 'kagami')).rejects.toMatchObject({ code: 'UNAUTHORIZED' })
  })

  test('a changed password ends the others; a wrong current one, or one that somebody else was faster with, changes nothing', async () => {
    const on = await openAccessInstance(await openFresh())
    const ann = await on.user('ann')
    const own = await createSession(on.db, on.clock, ann, FROM)
    const other = await createSession(on.db, on.clock, ann, FROM)
    const change = (current: string, password: string) =>
      on.accounts.changePassword('ann', {
        current: createSecret(current),
        password: createSecret(password),
        besides: own.id,
      })
    expect(await change('wrong password', 'another password')).toBe(false)
    await expect(change(PASSWORD, 'short')).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
    expect(await on.accounts.verifyPassword('ann', PASSWORD)).toBeDefined()
    const both = await Promise.all([change(PASSWORD, 'first password'), change(PASSWORD, 'second password')])
    expect(both.filter(Boolean)).toHaveLength(1)
    const winner = both[0] ? 'first password' : 'second password'
    expect(await on.accounts.verifyPassword('ann', winner)).toMatchObject({ id: ann.id })
    expect(await on.accounts.verifyPassword('ann', PASSWORD)).toBeUndefined()
    const find = (text: string) => findValidSession(on.db.read, text, on.clock.now())
    expect(await find(own.text.reveal())).toBeDefined()
    expect(await find(other.text.reveal())).toBeUndefined()
  })

  test('a user who had no password has one after it was reset; whoever lost the second factor gets in', async () => {
    const on = await openAccessInstance(await openFresh())
    const ann = await on.user('ann')
    await on.db.write((tx) => tx.deleteFrom('accounts').where('user_id', '=', ann.id).execute())
    await on.db.write((tx) =>
      tx
        .insertInto('two_factors')
        .values({ user_id: ann.id, secret: 'lost', created_at: 'x', confirmed_at: 'x', last_step: null })
        .execute(),
    )
    await on.accounts.resetPassword('ann', createSecret('another password'))
    await expect(on.authenticator.login('ann', 'another password')).rejects.toMatchObject({ code: 'UNAUTHORIZED' })
    expect((await findProfile(on.db.read, ann.id))?.hasTwoFactor).toBe(true)
    await on.accounts.resetPassword('ann', createSecret('another password'), { endTwoFactor: true })
    expect(await on.authenticator.login('ann', 'another password')).toMatchObject({ userId: ann.id })
  })
})
