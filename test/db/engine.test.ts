import { expect, test } from 'bun:test'
import { isUniqueViolation } from '../../src/db/engine/engine.ts'
import { appendEvents, listEvents, type NewEvent } from '../../src/db/platform/events.ts'
import { describeOnEachEngine } from '../support/engines.ts'

const event = (actor: string): NewEvent => ({
  kind: 'repository.created',
  organizationId: 'o1',
  repositoryId: null,
  actor,
  at: '2026-11-24T00:00:00.000Z',
  payload: { actor },
})

describeOnEachEngine('db.write', (openFresh) => {
  test('commits what its work did, and read sees it afterwards', async () => {
    const db = await openFresh()
    await db.write((tx) => tx.insertInto('instance_settings').values({ key: 'a', value: '1' }).execute())
    expect(await db.read.selectFrom('instance_settings').selectAll().execute()).toEqual([{ key: 'a', value: '1' }])
  })

  test('leaves nothing behind when its work throws', async () => {
    const db = await openFresh()
    const failing = db.write(async (tx) => {
      await tx.insertInto('instance_settings').values({ key: 'a', value: '1' }).execute()
      throw new Error('after the insert')
    })
    await expect(failing).rejects.toThrow('after the insert')
    expect(await db.read.selectFrom('instance_settings').selectAll().execute()).toEqual([])
  })

  test('read does not see what is not committed yet', async () => {
    const db = await openFresh()
    const { promise: inserted, resolve: onInserted } = Promise.withResolvers<void>()
    const { promise: looked, resolve: onLooked } = Promise.withResolvers<void>()
    const writing = db.write(async (tx) => {
      await tx.insertInto('instance_settings').values({ key: 'a', value: '1' }).execute()
      onInserted()
      await looked
    })
    await inserted
    expect(await db.read.selectFrom('instance_settings').selectAll().execute()).toEqual([])
    onLooked()
    await writing
    expect(await db.read.selectFrom('instance_settings').selectAll().execute()).toHaveLength(1)
  })

  test('refuses the outer database inside its work, where waiting for it would hang', async () => {
    const db = await openFresh()
    const reading = db.write(() => db.read.selectFrom('tags').selectAll().execute())
    await expect(reading).rejects.toThrow('inside db.write')
    const nested = db.write(() => db.write(async () => 1))
    await expect(nested).rejects.toThrow('inside db.write')
    expect(await db.write(async () => 'still works')).toBe('still works')
  })

  test('fifty writers that read, then write, lose no update', async () => {
    const db = await openFresh()
    await db.write((tx) => tx.insertInto('instance_settings').values({ key: 'n', value: '0' }).execute())
    const increment = () =>
      db.write(async (tx) => {
        const { value } = await tx.selectFrom('instance_settings').selectAll().executeTakeFirstOrThrow()
        await tx
          .updateTable('instance_settings')
          .set({ value: String(Number(value) + 1) })
          .execute()
      })
    await Promise.all(Array.from({ length: 50 }, increment))
    expect((await db.read.selectFrom('instance_settings').selectAll().executeTakeFirstOrThrow()).value).toBe('50')
  })

  test('a unique violation is recognised', async () => {
    const db = await openFresh()
    const insert = () => db.write((tx) => tx.insertInto('instance_settings').values({ key: 'a', value: '1' }).execute())
    await insert()
    const error = await insert().catch((thrown: unknown) => thrown)
    expect(isUniqueViolation(error)).toBe(true)
    expect(isUniqueViolation(new Error('another'))).toBe(false)
  })

  test('text compares by code point, whatever the locale of the server', async () => {
    const db = await openFresh()
    const keys = ['b', 'B', 'a', '_', '1', 'a-b', 'a.b', 'é']
    await db.write((tx) =>
      tx
        .insertInto('instance_settings')
        .values(keys.map((key) => ({ key, value: '' })))
        .execute(),
    )
    const rows = await db.read.selectFrom('instance_settings').select('key').orderBy('key').execute()
    expect(rows.map((row) => row.key)).toEqual(['1', 'B', '_', 'a', 'a-b', 'a.b', 'b', 'é'])
  })

  test('bytes and sizes come back as they went in', async () => {
    const db = await openFresh()
    const bytes = new Uint8Array(256).map((_, i) => i)
    const size = 2 ** 52 + 1
    await db.write((tx) =>
      tx
        .insertInto('manifests')
        .values({
          digest: 'd',
          size_bytes: size,
          bytes,
          subject_digest: null,
          artifact_type: null,
          annotations: null,
          created_at: 'now',
        })
        .execute(),
    )
    const row = await db.read.selectFrom('manifests').selectAll().executeTakeFirstOrThrow()
    expect(new Uint8Array(row.bytes)).toEqual(bytes)
    expect(row.size_bytes).toBe(size)
  })
})

describeOnEachEngine('the event log', (openFresh) => {
  test('gives out seq in the order of commits', async () => {
    const db = await openFresh()
    const seen: number[] = []
    const write = (i: number) => db.write((tx) => appendEvents(tx, [event(`first-${i}`), event(`second-${i}`)]))
    const look = async () => {
      for (const row of await listEvents(db.read, seen.at(-1) ?? 0, 1000)) seen.push(row.seq)
    }
    await Promise.all(Array.from({ length: 20 }, (_, i) => write(i).then(look)))
    await look()
    // A reader that keeps a cursor missed nothing: had a lower seq been committed late, it would be absent here.
    const all = await listEvents(db.read, 0, 1000)
    expect(all).toHaveLength(40)
    expect([...new Set(seen)].sort((a, b) => a - b)).toEqual(all.map((row) => row.seq))
  })
})
