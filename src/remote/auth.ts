import { AppError, messageOf } from '../errors.ts'
import { parseForeignJson } from '../lib/json.ts'
import { quoted } from '../lib/quoted.ts'
import type { Redactor } from '../lib/redact.ts'
import { discard, readText } from '../net/bounded-body.ts'
import type { HttpRequest, HttpResponse } from '../net/guarded-fetch.ts'
import type { Challenge } from './challenge.ts'
import { failureOf } from './failure.ts'
import type { KnownChallenge, RegistryNetwork } from './network.ts'
import { readAgain } from './read-again.ts'
import { type BearerToken, MAX_TOKEN_LENGTH, parseTokenAnswer } from './tokens.ts'
import type { Credential, UpstreamAddress } from './upstream.ts'

/** One account at one registry, as a session knows it. */
export interface Account {
  readonly address: UpstreamAddress
  readonly credential: Credential | undefined
  /** See accountKey. */
  readonly key: string
  /** Knows the password, and is told of every token. */
  readonly redactor: Redactor
  readonly ca: string | undefined
  readonly plainHttp: boolean
}

/** Sends one request within the account's budget. @param again see `SendOptions` */
export type SendRaw = (
  url: URL,
  request: HttpRequest,
  what: string,
  again?: 'never' | (() => Promise<boolean>),
) => Promise<HttpResponse>

/** Docker's user name for a refresh token in place of a password. */
const REFRESH_TOKEN_USER = '<token>'
const MAX_TOKEN_ANSWER_BYTES = 1024 * 1024
const CLIENT_ID = 'kagami'
/** A token service without POST says so in one of these ways. */
const POST_UNSUPPORTED: ReadonlySet<number> = new Set([400, 401, 404, 405])

/**
 * The `Authorization` header that answers a challenge.
 * @param o.scope what to ask a token for, space-separated
 * @param o.refused the header that the registry has just refused, so that it is not sent again
 * @throws AppError UPSTREAM_DENIED when the challenge wants credentials that there are not, or the token service refuses them
 */
export async function answerChallenge(
  network: RegistryNetwork,
  account: Account,
  known: KnownChallenge,
  o: {
    readonly scope: string
    readonly refused?: string | undefined
    readonly signal?: AbortSignal | undefined
    readonly send: SendRaw
  },
): Promise<string> {
  const { challenge } = known
  if (challenge.scheme === 'basic') return basicHeader(account)
  const scopes = o.scope.split(' ').filter((item) => item !== '')
  const realm = realmOf(challenge, account)
  const key = JSON.stringify([account.key, realm.href, challenge.params.service ?? '', [...scopes].sort()])
  const refused = o.refused?.startsWith('Bearer ') ? o.refused.slice('Bearer '.length) : undefined
  const fetchToken = () => requestToken(account, known, realm, scopes, o)
  const token = await network.tokens.get(key, fetchToken, { refused, signal: o.signal })
  account.redactor.add(token)
  return `Bearer ${token}`
}

function basicHeader({ credential, address }: Account): string {
  if (credential === undefined) {
    throw new AppError('UPSTREAM_DENIED', `${address.host} asks for a user name and a password, and there are none`)
  }
  return `Basic ${basicOf(credential)}`
}

/** What RFC 7617 puts behind `Basic`. */
export function basicOf({ username, password }: Credential): string {
  return Buffer.from(`${username}:${password}`).toString('base64')
}

/** The realm comes from the registry, so it is as far trusted as that: it must not weaken the transport of the credentials. */
function realmOf({ params }: Challenge, { address }: Account): URL {
  const realm = URL.parse(params.realm ?? '', address.base.href)
  const isHttp = realm?.protocol === 'http:' && address.base.protocol === 'http:'
  if (realm !== null && (realm.protocol === 'https:' || isHttp) && realm.username === '' && realm.password === '')
    return realm
  throw new AppError(
    'UPSTREAM_INVALID',
    `${address.host} names ${quoted(params.realm ?? '', 200)} as its token service, want an ${address.base.protocol === 'http:' ? 'http(s)' : 'https'} address`,
  )
}

async function requestToken(
  account: Account,
  known: KnownChallenge,
  realm: URL,
  scopes: readonly string[],
  { signal, send }: { readonly signal?: AbortSignal | undefined; readonly send: SendRaw },
): Promise<BearerToken> {
  const { credential } = account
  const { service } = known.challenge.params
  const what = `${account.address.host}: token service ${realm.host}`
  const common: HttpRequest = { ledBy: known.ledBy, ...(signal === undefined ? {} : { signal }) }

  if (credential?.username === REFRESH_TOKEN_USER) {
    const form = new URLSearchParams({
      grant_type: 'refresh_token',
      client_id: CLIENT_ID,
      refresh_token: credential.password,
    })
    if (service !== undefined) form.set('service', service)
    if (scopes.length > 0) form.set('scope', scopes.join(' '))
    const headers = { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' }
    const response = await send(realm, { ...common, method: 'POST', headers, body: form.toString() }, what)
    if (!POST_UNSUPPORTED.has(response.status)) return await tokenOf(response, account, what)
    await discard(response)
  }

  const url = new URL(realm)
  if (service !== undefined) url.searchParams.set('service', service)
  for (const scope of scopes) url.searchParams.append('scope', scope)
  url.searchParams.set('client_id', CLIENT_ID)
  if (credential !== undefined) url.searchParams.set('account', credential.username)
  const headers = {
    accept: 'application/json',
    ...(credential === undefined ? {} : { authorization: basicHeader(account) }),
  }
  return await readAgain(
    () => send(url, { ...common, headers }, what),
    (response) => tokenOf(response, account, what),
  )
}

async function tokenOf(response: HttpResponse, { redactor }: Account, what: string): Promise<BearerToken> {
  if (response.status === 200) {
    const answer = await readToken(response, what)
    // Besides the token that is used there may be one that gets others: refresh_token, id_token.
    for (const [key, text] of Object.entries(answer ?? {})) {
      if (/token/i.test(key) && typeof text === 'string' && text.length <= MAX_TOKEN_LENGTH) redactor.add(text)
    }
    return parseTokenAnswer(answer, what)
  }
  // A token service that is not found says nothing about the repository.
  const isAboutUs =
    response.status >= 300 && response.status < 500 && ![401, 403, 408, 429, 499].includes(response.status)
  throw await failureOf(response, what, redactor, isAboutUs ? 'UPSTREAM_INVALID' : undefined)
}

/** The body as JSON. One that cannot be read is not quoted: it may hold a token all the same. */
async function readToken(response: HttpResponse, what: string): Promise<unknown> {
  const text = await readText(response, MAX_TOKEN_ANSWER_BYTES, what)
  try {
    return parseForeignJson(text)
  } catch (error) {
    throw new AppError('UPSTREAM_INVALID', `${what}: the answer ${messageOf(error)}`)
  }
}
