// ID tokens that a real provider would never give: each is refused in plain words, and nobody is signed in.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import { exportSPKI, importJWK } from 'jose'
import { type IdentityProvider, identityAnswerSchema } from '../../../src/api/identities.ts'
import { newBrowser } from '../../support/browser.ts'
import { type IdentityIssuer, startIdentityIssuer } from '../../support/identity-issuer.ts'
import { OWNER, startWholeServer, type WholeServer } from '../../support/whole-server.ts'

let kagami: WholeServer
let issuer: IdentityIssuer
let provider: IdentityProvider
beforeAll(async () => {
  issuer = await startIdentityIssuer()
  kagami = await startWholeServer()
  const body = {
    kind: 'provider',
    name: 'liar',
    issuer: issuer.url,
    clientId: 'kagami',
    clientSecret: 'a secret of it',
  }
  const path = '/organizations/acme/identities'
  const { identity } = (await kagami.call('POST', path, { login: OWNER, body })).as(identityAnswerSchema)
  if (identity.kind !== 'provider') throw new Error('want a provider')
  provider = identity
})
afterAll(async () => {
  await kagami?.stop()
  await issuer?.stop()
})

/** Signs in, with the ID token that `make` gives for the nonce of this sign-in. */
async function signInWith(make: (usual: Record<string, unknown>) => Promise<string>, o: { iss?: string | null } = {}) {
  const browser = newBrowser()
  const begun = await browser.open(provider.signIn, { stopAt: (url) => url.startsWith(issuer.url) })
  const { searchParams } = new URL(begun.url)
  const usual = { aud: 'kagami', sub: 'somebody', nonce: searchParams.get('nonce'), preferred_username: 'somebody' }
  issuer.idToken = () => make(usual)
  const back = new URL(searchParams.get('redirect_uri') ?? '')
  const iss = o.iss === undefined ? issuer.url : o.iss
  const answer = { code: 'any', state: searchParams.get('state') ?? '', ...(iss === null ? {} : { iss }) }
  back.search = String(new URLSearchParams(answer))
  const ended = await browser.open(back.href, { stopAt: (url) => url === `${kagami.url}/` })
  const { error } = ended.status === 302 ? { error: undefined } : JSON.parse(ended.text)
  return {
    status: ended.status,
    message: error?.message,
    hasSession: browser.cookies(kagami.url).includes('kagami_session'),
  }
}

const seconds = () => Math.floor(Date.now() / 1000)
const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

test('an honest answer signs in, so that the others differ in one thing each', async () => {
  expect(await signInWith((usual) => issuer.sign(usual))).toEqual({ status: 302, message: undefined, hasSession: true })
})

test.each<[string, (usual: Record<string, unknown>) => Promise<string>, string]>([
  ['for another audience', (usual) => issuer.sign({ ...usual, aud: 'another' }), 'claim aud'],
  ['of another issuer', (usual) => issuer.sign({ ...usual, iss: 'https://another.example' }), 'claim iss'],
  ['with the nonce of another sign-in', (usual) => issuer.sign({ ...usual, nonce: 'another' }), 'claim nonce'],
  ['without a nonce', (usual) => issuer.sign({ ...usual, nonce: undefined }), 'not one to this sign-in'],
  ['that has expired', (usual) => issuer.sign({ ...usual, exp: seconds() - 120 }), 'expired'],
  ['that is not valid yet', (usual) => issuer.sign({ ...usual, nbf: seconds() + 120 }), 'not valid yet'],
  ['that a stranger signed', (usual) => issuer.signByStranger(usual), 'its signature is not that of its issuer'],
  ['without a subject', (usual) => issuer.sign({ ...usual, sub: undefined }), 'not one to this sign-in'],
  [
    'whose subject cannot be kept',
    (usual) => issuer.sign({ ...usual, sub: 'a\u0000b' }),
    'no subject that can be kept',
  ],
  ['that lives for days', (usual) => issuer.sign({ ...usual, exp: seconds() + 3 * 86_400 }), 'more than 24 hours'],
  [
    'of no algorithm, which its provider says that it uses',
    async (usual) =>
      `${part({ alg: 'none' })}.${part({ ...usual, iss: issuer.url, iat: seconds(), exp: seconds() + 60 })}.`,
    '',
  ],
  [
    'signed by its public key as a shared secret',
    async (usual) => {
      const pem = await exportSPKI((await importJWK(issuer.publicKey(), 'RS256', { extractable: true })) as CryptoKey)
      const claims = { ...usual, iss: issuer.url, iat: seconds(), exp: seconds() + 60 }
      const signed = `${part({ alg: 'HS256', kid: issuer.publicKey().kid })}.${part(claims)}`
      return `${signed}.${createHmac('sha256', pem).update(signed).digest('base64url')}`
    },
    '',
  ],
  ['that is none', async () => 'nonsense', ''],
])('an ID token %s is refused', async (_, make, reason) => {
  const { status, message, hasSession } = await signInWith(make)
  expect({ status, hasSession, message }).toEqual({
    status: 401,
    hasSession: false,
    message: expect.stringContaining(`you cannot sign in by liar: `),
  })
  expect(message).toContain(reason)
  // A secret, or what the provider sent, is in no message.
  expect(message).not.toContain('a secret of it')
})

test('an answer without the issuer that its provider promises to name is refused: it may be from another', async () => {
  const { status, message } = await signInWith((usual) => issuer.sign(usual), { iss: null })
  expect([status, message]).toEqual([401, 'you cannot sign in by liar: its answer is not one to this sign-in'])
})
