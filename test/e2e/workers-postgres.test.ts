// Several processes of one server over PostgreSQL.
import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { createHash, randomBytes } from 'node:crypto'
import { basicAuthorization } from '../clients/raw-http.ts'
import { startKagami } from '../support/kagami.ts'
import { connectToBoth, isAlive } from '../support/pinned-connection.ts'
import { havePostgres, postgres } from '../support/postgres.ts'
import { signIn } from './operator.ts'

setDefaultTimeout(60_000)

if (!havePostgres) console.warn('\n*** SKIPPED, NO POSTGRESQL: workers (run scripts/install-test-packages as root)\n')
describe.skipIf(!havePostgres)('workers', () => {
  test('serve one upload over PostgreSQL, and refuse what was revoked at the other process', async () => {
    const env = { KAGAMI_WORKERS: '2', KAGAMI_DATABASE: await (await postgres()).freshDatabase() }
    const kagami = await startKagami({ env })
    try {
      const operator = await signIn(kagami)
      const token = (await operator.createToken('admin')).password
      const headers = { authorization: `Bearer ${token}` }
      const [main, worker] = await connectToBoth(kagami)
      const bytes = randomBytes(300_000)
      const begun = await worker.send('POST', '/v2/acme/app/blobs/uploads/', { headers })
      const session = begun.headers.get('location') ?? ''
      expect((await worker.send('PATCH', session, { headers, body: bytes.subarray(0, 100_000) })).status).toBe(202)
      expect((await main.send('PATCH', session, { headers, body: bytes.subarray(100_000) })).status).toBe(202)
      const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
      const asked = `${session}${session.includes('?') ? '&' : '?'}digest=${encodeURIComponent(digest)}`
      expect((await worker.send('PUT', asked, { headers })).status).toBe(201)
      for (const one of [main, worker]) {
        const got = await one.send('GET', `/v2/acme/app/blobs/${digest}`, { headers })
        expect(got.body.equals(bytes)).toBe(true)
      }
      const owner = { authorization: basicAuthorization(kagami.owner) }
      const byPassword = await worker.send('GET', `/v2/acme/app/blobs/${digest}`, { headers: owner })
      expect([byPassword.headers.get('content-length'), byPassword.body.equals(bytes)]).toEqual(['300000', true])
      const { tokens } = JSON.parse((await main.send('GET', '/api/v1/tokens', { headers })).body.toString())
      const own = tokens[0]?.id
      for (const { id } of tokens) await main.send('DELETE', `/api/v1/tokens/${id}`, { headers })
      expect(own).toBeString()
      expect((await worker.send('GET', '/v2/', { headers })).status).toBe(401)
      process.kill(kagami.pid, 'SIGKILL')
      await kagami.exited
      const { dataDirectory, port } = kagami
      const again = await startKagami({ env, dataDirectory, port })
      expect(isAlive(worker.pid)).toBe(false)
      const [, next] = await connectToBoth(again)
      expect((await next.send('GET', '/v2/', { headers: owner })).status).toBe(200)
      expect(await again.stop()).toBe(0)
    } finally {
      await kagami.stop()
    }
  })
})
