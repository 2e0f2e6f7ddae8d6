// Providers of a real server, and people who sign in by them with a browser of their own.
import { createHash } from 'node:crypto'
import { type IdentityProvider, identityAnswerSchema } from '../../src/api/identities.ts'
import { newBrowser } from './browser.ts'
import type { OpenIdProvider } from './openid-provider.ts'
import type { Login, WholeServer } from './whole-server.ts'

/** Adds the provider at `path` of the API, and allows at the provider what the answer says. */
export async function addProvider(
  kagami: WholeServer,
  openid: OpenIdProvider,
  o: { readonly path: string; readonly login: Login; readonly name: string } & Readonly<Record<string, unknown>>,
): Promise<IdentityProvider> {
  const { path, login, ...fields } = o
  const body = { kind: 'provider', issuer: openid.url, clientId: `kagami at ${o.name}`, ...fields }
  const { identity } = (await kagami.call('POST', path, { login, body })).as(identityAnswerSchema)
  if (identity.kind !== 'provider') throw new Error('want a provider')
  openid.allow({
    id: identity.clientId,
    ...(typeof fields.clientSecret === 'string' ? { secret: fields.clientSecret } : {}),
    redirectUris: [identity.redirectUri],
  })
  return identity
}

/** Signs in with a new browser, to its end. */
export async function signInByProvider(
  kagami: WholeServer,
  openid: OpenIdProvider,
  provider: IdentityProvider,
  person: OpenIdProvider['person'],
) {
  openid.person = person
  const browser = newBrowser()
  const landing = await browser.open(provider.signIn, { stopAt: (url) => url === `${kagami.url}/` })
  const cookie = browser.cookies(`${kagami.url}/`)
  const who = await kagami.call('GET', '/user', { headers: { cookie } })
  const username: string | undefined = who.status === 200 ? JSON.parse(who.text).user.username : undefined
  return { landing, cookie, username }
}

const LOOPBACK_PORT = '40404'
/** What only the command line knows. */
export const VERIFIER = 'v'.repeat(43)

/** As a command line does, up to what its port gets: a code, or an error. */
export async function answerAtCommandLine(
  openid: OpenIdProvider,
  provider: Pick<IdentityProvider, 'signIn'>,
  person: OpenIdProvider['person'],
): Promise<URLSearchParams> {
  openid.person = person
  const challenge = createHash('sha256').update(VERIFIER).digest('base64url')
  const query = new URLSearchParams({ port: LOOPBACK_PORT, challenge, state: 's'.repeat(20) })
  const isEnd = (url: string) => url.startsWith(`http://127.0.0.1:${LOOPBACK_PORT}/`)
  const { url } = await newBrowser().open(`${provider.signIn}?${query}`, { stopAt: isEnd })
  return new URL(url).searchParams
}
