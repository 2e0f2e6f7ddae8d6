// Deliveries of an older version keep their attempts.
import { expect, test } from 'bun:test'
import { CompiledQuery } from 'kysely'
import { migrate } from '../../src/db/engine/migrate.ts'
import { describeOnEachEngine } from '../support/engines.ts'

describeOnEachEngine('deliveries of before they stood alone', (openFresh) => {
  test('are all there, with their attempts, which go with them', async () => {
    const db = await openFresh()
    const run = (text: string) => db.accounts.executeQuery(CompiledQuery.raw(text))
    // As an older version left it.
    await run(`ALTER TABLE webhook_deliveries DROP COLUMN generation`)
    await run(`DELETE FROM migrations WHERE name = '0037-deliveries-alone'`)
    for (const id of ['a', 'b']) {
      await run(`INSERT INTO webhook_deliveries (id, webhook_id, event_seq, event_id, kind, event_at, waits, status, attempts, tries,
        created_at, expires_at) VALUES ('${id}', 'w', 1, 'e', 'tag.moved', '-', 0, 'failed', 1, 1, '-', '-')`)
      await run(`INSERT INTO webhook_attempts (delivery_id, number, at, duration_ms, request_headers, answer_headers, answer)
        VALUES ('${id}', 1, '-', 5, '{}', '{}', 'said to ${id}')`)
    }
    await migrate(db.accounts, db.engine)
    const rows = await db.read.selectFrom('webhook_deliveries').selectAll().orderBy('id').execute()
    expect(rows.map(({ id, generation, finished_at: ended }) => [id, Number(generation), ended])).toEqual([
      ['a', 0, null],
      ['b', 0, null],
    ])
    await db.write((tx) => tx.deleteFrom('webhook_deliveries').where('id', '=', 'a').execute())
    const attempts = await db.read.selectFrom('webhook_attempts').select(['delivery_id', 'answer']).execute()
    expect(attempts).toEqual([{ delivery_id: 'b', answer: 'said to b' }])
  })
})
