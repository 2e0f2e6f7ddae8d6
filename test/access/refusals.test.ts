// Refused attempts on their way into the audit log: counted in bounded memory, and written as few entries.
import { expect, test } from 'bun:test'
import { createRefusals } from '../../src/access/refusals.ts'
import { createOrganization } from '../../src/db/people/organizations.ts'
import { listAudit } from '../../src/db/platform/audit.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { describeOnEachEngine } from '../support/engines.ts'

const one = {
  userId: 'u',
  actor: 'user:eve',
  account: 'user:eve',
  tokenId: undefined,
  isProven: true,
  organization: 'acme',
  action: 'repository.pull',
  object: 'acme/box',
  code: 'DENIED',
  address: '192.0.2.1',
  requestId: 'first',
}

describeOnEachEngine('refused attempts', (openFresh) => {
  async function open() {
    const db = await openFresh()
    const id = await db.write(async (tx) => (await createOrganization(tx, { name: 'acme', at: '' })).row.id)
    return { db, id, refusals: createRefusals(db, systemClock) }
  }

  test('are one entry that counts, with the id of the first request, however they come', async () => {
    const { db, id, refusals } = await open()
    for (let i = 0; i < 100; i++) refusals.note({ ...one, requestId: i === 0 ? 'first' : `${i}` })
    await refusals.flush()
    for (let i = 0; i < 100; i++) refusals.note({ ...one, requestId: `more ${i}` })
    await Promise.all([refusals.flush(), refusals.flush()])
    const entries = await listAudit(db.read, id, {}, { limit: 10 })
    expect(entries.map(({ requestId, after }) => [requestId, after?.attempts])).toEqual([['first', 200]])
    await refusals.close()
  })

  test('of an account that asks for ever other things are counted to the last, in few entries and little memory', async () => {
    const { db, id, refusals } = await open()
    for (let i = 0; i < 20_000; i++) refusals.note({ ...one, object: `acme/${i}`, address: `192.0.2.${i % 200}` })
    // Another who knocks at the same moment is told apart still.
    refusals.note({ ...one, actor: 'user:ada', account: 'user:ada', userId: 'a' })
    await refusals.flush()
    const own = await listAudit(db.read, id, { actor: 'user:eve' }, { limit: 1000 })
    expect(own.length).toBe(21)
    const attempts = own.map(({ after }) => Number(after?.attempts))
    expect(attempts.reduce((sum, count) => sum + count, 0)).toBe(20_000)
    const ada = await listAudit(db.read, id, { actor: 'user:ada' }, { limit: 1000 })
    expect(ada.map(({ object, address }) => [object, address])).toEqual([['acme/box', '192.0.2.1']])
    await refusals.close()
  })

  test('of more accounts than are remembered are lost, and never grow', async () => {
    const { db, refusals } = await open()
    for (let i = 0; i < 5000; i++)
      refusals.note({ ...one, actor: `user:${i}`, account: `user:${i}`, userId: `${i}`, organization: undefined })
    await refusals.flush()
    const entries = await listAudit(db.read, null, {}, { limit: 5000 })
    expect(entries.length).toBe(2000)
    await refusals.close()
  })
})
