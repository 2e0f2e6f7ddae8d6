import { expect, test } from 'bun:test'
import { openAccessInstance } from '../access/access-instance.ts'
import { describeOnEachEngine } from '../support/engines.ts'

describeOnEachEngine('what a read brings about', (openFresh) => {
  test('a login by token does not wait for a writer, and the use is noted once it is through', async () => {
    const on = await openAccessInstance(await openFresh())
    const ann = await on.user('ann')
    const token = await on.token(ann.id, 'read')
    const usedAt = () => on.db.read.selectFrom('tokens').select('last_used_at').executeTakeFirstOrThrow()
    const [inside, end] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const writing = on.db.write(async (tx) => {
      await tx.updateTable('tokens').set({ label: 'held' }).execute()
      inside.resolve()
      await end.promise
    })
    await inside.promise
    for (let times = 0; times < 3; times++) {
      expect(await on.authenticator.authenticate(`Bearer ${token.text}`)).toMatchObject({
        principal: { username: 'ann' },
      })
    }
    expect(await usedAt()).toEqual({ last_used_at: null })
    end.resolve()
    await writing
    await on.db.later.settled()
    expect(await usedAt()).toEqual({ last_used_at: on.clock.now().toISOString() })
  })

  test('one key waits once, many are one batch, and a failure harms no later one', async () => {
    const db = await openFresh()
    const done: string[] = []
    const note = (name: string) => async () => void done.push(name)
    db.later.add('a', async () => {
      throw new Error('full')
    })
    await db.later.settled()
    for (const name of ['first', 'second', 'third']) db.later.add('b', note(name))
    db.later.add('c', note('other'))
    await db.later.settled()
    expect(done.filter((name) => name !== 'first')).toEqual(['third', 'other'])
  })
})
