// Two servers on one PostgreSQL: what may happen once happens once, whichever of them is asked.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { Secret, TOTP } from 'otpauth'
import { invitationCreatedSchema } from '../../src/api/invitations.ts'
import { twoFactorBegunSchema } from '../../src/api/two-factor.ts'
import { havePostgres, postgres } from '../support/postgres.ts'
import { temporaryDirectory } from '../support/process.ts'
import { type Login, OWNER, startWholeServer, type WholeServer } from '../support/whole-server.ts'

if (!havePostgres)
  console.warn('\n*** SKIPPED, NO POSTGRESQL: people at two servers (run scripts/install-test-packages as root)\n')
describe.skipIf(!havePostgres)('people at two servers', () => {
  const directory = temporaryDirectory('people-at-two-servers')
  let servers: readonly WholeServer[]
  let first: WholeServer

  beforeAll(async () => {
    const env = { KAGAMI_DATABASE: await (await postgres()).freshDatabase() }
    const start = () => startWholeServer({ directory: directory.path, env })
    first = await start()
    servers = [first, await start()]
  })
  afterAll(async () => {
    for (const server of servers ?? []) await server.stop()
    directory.remove()
  })

  /** The same request to both at once, four times each. @returns statuses, sorted */
  const atBoth = async (method: string, path: string, login: Login | undefined, body: unknown) => {
    const asked = Array.from({ length: 4 }, () => servers).flat()
    const answers = await Promise.all(asked.map((server) => server.call(method, path, { login, body })))
    return answers.map(({ status }) => status).sort()
  }

  test('a code of an authenticator, and one for recovery, opens one session', async () => {
    const ann = await first.addUser('ann')
    const begun = await first.call('POST', '/user/two-factor', { login: ann, body: { password: ann.password } })
    const totp = new TOTP({ secret: Secret.fromBase32(begun.as(twoFactorBegunSchema).secret) })
    const confirmed = await first.call('POST', '/user/two-factor/confirm', {
      login: ann,
      body: { code: totp.generate() },
    })
    const { recoveryCodes } = JSON.parse(confirmed.text)
    const next = totp.generate({ timestamp: Date.now() + 30_000 })
    for (const code of [next, recoveryCodes[0]]) {
      const statuses = await atBoth('POST', '/user/sessions', undefined, { ...ann, code })
      expect(statuses).toEqual([201, ...Array(7).fill(401)])
    }
  })

  test('a link makes one account', async () => {
    const made = await first.call('POST', '/organizations/acme/invitations', { login: OWNER, body: {} })
    const secret = new URL(made.as(invitationCreatedSchema).url).hash.slice(1)
    let number = 0
    const asked = Array.from({ length: 4 }, () => servers).flat()
    const answers = await Promise.all(
      asked.map((server) =>
        server.call('POST', '/invitations/register', {
          body: { secret, username: `guest${number++}`, password: 'a long password' },
        }),
      ),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array(7).fill(404)])
    const made2 = await Promise.all(
      answers.map((_, index) =>
        first.call('GET', '/user', { login: { username: `guest${index}`, password: 'a long password' } }),
      ),
    )
    expect(made2.filter(({ status }) => status === 200)).toHaveLength(1)
  })

  test('of two owners who leave at once, one at each server, one stays', async () => {
    for (let round = 0; round < 5; round++) {
      const organization = `pair${round}`
      const logins = [
        await first.addUser(`left${round}`, { [organization]: 'owner' }),
        await first.addUser(`right${round}`, { [organization]: 'owner' }),
      ]
      const path = `/organizations/${organization}/leave`
      expect((await first.call('POST', path, { login: OWNER })).status).toBe(204)
      const left = await Promise.all(logins.map((login, index) => servers[index]?.call('POST', path, { login })))
      expect(left.map((answer) => answer?.status).sort()).toEqual([204, 409])
    }
  })
})
