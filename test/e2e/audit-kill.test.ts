// kill -9 between changes: each of them has its entry, and each entry its change.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { auditEntrySchema } from '../../src/api/audit.ts'
import { type Kagami, startKagami } from '../support/kagami.ts'
import { randomNumbers } from './random-numbers.ts'

const ROUNDS = Number(process.env.KAGAMI_TEST_AUDIT_KILLS ?? 3)
setDefaultTimeout(60_000 + ROUNDS * 10_000)

let kagami: Kagami
beforeAll(async () => {
  kagami = await startKagami()
})
afterAll(async () => {
  await kagami?.stop()
})

function call(method: string, path: string, body?: unknown): Promise<Response> {
  const { username, password } = kagami.owner
  return fetch(`${kagami.url}/api/v1${path}`, {
    method,
    headers: {
      authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`,
      'content-type': 'application/json',
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
}

test(`a server killed ${ROUNDS} times among changes has an entry for each, and no other`, async () => {
  const seed = Number(process.env.KAGAMI_TEST_SEED ?? Date.now() % 1_000_000)
  const random = randomNumbers(seed)
  expect((await call('POST', '/repositories', { name: 'acme/box' })).status).toBe(201)
  let acknowledged = 0
  for (let round = 0; round < ROUNDS; round++) {
    let left = random(60)
    const reached = Promise.withResolvers<void>()
    const change = async (writer: number) => {
      for (let i = 0; ; i++) {
        const answer = await call('PATCH', '/repositories/acme/box', { description: `${round}-${writer}-${i}` })
        if (answer.status !== 200) throw new Error(await answer.text())
        acknowledged++
        if (--left === 0) reached.resolve()
      }
    }
    const writers = [0, 1, 2].map((writer) => change(writer).catch(() => {}))
    await reached.promise
    await kagami.kill()
    await Promise.all(writers)
    const { dataDirectory, port } = kagami
    kagami = await startKagami({ dataDirectory, port })

    const text = await (await call('GET', '/organizations/acme/audit/export?object=acme/box')).text()
    const entries = text
      .trim()
      .split('\n')
      .map((line) => auditEntrySchema.parse(JSON.parse(line)))
      .reverse()
    const { repository } = (await (await call('GET', '/repositories/acme/box')).json()) as {
      repository: { description: string }
    }
    expect([seed, entries.at(-1)?.after?.description]).toEqual([seed, repository.description])
    expect(entries.map(({ before }) => before)).toEqual([null, ...entries.slice(0, -1).map(({ after }) => after)])
    // What was under way when it was killed may have come through without an answer.
    const changes = entries.length - 1
    expect(changes).toBeGreaterThanOrEqual(acknowledged)
    expect(changes).toBeLessThanOrEqual(acknowledged + 3 * (round + 1))
  }
})
