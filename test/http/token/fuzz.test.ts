import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { createTokenApp } from '../../../src/http/token/app.ts'
import { createLogger } from '../../../src/lib/logger.ts'
import { openAccessInstance, PASSWORD } from '../../access/access-instance.ts'
import { describeOnEachEngine } from '../../support/engines.ts'

/** Bytes that a header can carry. */
const headerText = fc.string({ unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)) })
const anyText = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('\0', 'ann', PASSWORD, 'kagami', 'kgm_pat_', '%00'),
)
const names = fc.constantFrom(
  'grant_type',
  'service',
  'scope',
  'username',
  'password',
  'refresh_token',
  'access_type',
  'account',
  'offline_token',
  '',
)
const values = fc.oneof(
  anyText,
  fc.constantFrom(
    'password',
    'refresh_token',
    'offline',
    'true',
    'repository:acme/app:pull,push',
    'registry:catalog:*',
  ),
)
const parameters = fc.array(fc.tuple(names, values), { maxLength: 8 }).map((pairs) => `${new URLSearchParams(pairs)}`)
const authorization = fc.option(
  fc.oneof(
    headerText,
    headerText.map((text) => `Bearer ${text}`),
    fc
      .tuple(fc.constantFrom('Basic ', 'basic  '), anyText, anyText)
      .map(([scheme, name, password]) => scheme + Buffer.from(`${name}:${password}`).toString('base64')),
  ),
  { nil: undefined },
)

describeOnEachEngine('the token service under arbitrary input', (openFresh) => {
  test('answers with a token or a refusal, never with a failure, and never a token for a wrong login', async () => {
    const on = await openAccessInstance(await openFresh())
    await on.user('ann', { acme: 'member' })
    const app = createTokenApp({ ...on, logger: createLogger('silent') })
    await fc.assert(
      fc.asyncProperty(fc.boolean(), parameters, authorization, async (isPost, text, header) => {
        const headers: Record<string, string> = { 'content-type': 'application/x-www-form-urlencoded' }
        if (header !== undefined) headers.authorization = header
        const response = await (isPost
          ? app.request('/token', { method: 'POST', headers, body: text })
          : app.request(`/token?${text}`, { headers }))
        const body = await response.json()
        expect([200, 400, 401, 429]).toContain(response.status)
        if (response.status !== 200) {
          expect(body.errors).toHaveLength(1)
          expect(body).not.toHaveProperty('token')
          return
        }
        const who = await on.authenticator.authenticate(`Bearer ${body.token}`)
        const named = isPost ? new URLSearchParams(text).get('username') : undefined
        if (named !== undefined) expect(who.principal).toMatchObject({ kind: 'user', username: 'ann' })
      }),
      { numRuns: 400 },
    )
  })
})
