import { type AppError, isAppError, isCancelled } from '../errors.ts'
import { createRedactor } from '../lib/redact.ts'
import { redactError } from '../lib/redact-error.ts'
import { isPublicAddress } from '../net/address-guard.ts'
import { discard } from '../net/bounded-body.ts'
import type { HttpRequest, HttpResponse } from '../net/guarded-fetch.ts'
import { pacedBody } from '../net/paced-body.ts'
import type { Spend } from '../net/request-budget.ts'
import { isStreamed, type RequestBody } from '../net/sent-body.ts'
import type { Lane } from '../net/slots.ts'
import { type Account, answerChallenge, basicOf, type SendRaw } from './auth.ts'
import { chooseChallenge, parseChallenges } from './challenge.ts'
import { failureOf, readRedactable } from './failure.ts'
import type { KnownChallenge, RegistryNetwork } from './network.ts'
import { kindOfRequest } from './request-kind.ts'
import {
  accountKey,
  parseUpstreamUrl,
  resolveCredential,
  type UpstreamAddress,
  type UpstreamEndpoint,
} from './upstream.ts'

/** One request that was really sent; retries and token requests are reported too. */
export interface SentRequest {
  readonly method: string
  /** Host and path, without the query. */
  readonly target: string
  readonly status: number
}

export interface RegistryRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** One on another origin is asked without a login: the storage behind the registry, which signs its own addresses. */
  readonly url: URL
  /** For a token, e.g. `repository:app:pull`; several with spaces between. */
  readonly scope: string
  /** One that is streamed is sent once: an answer of 401, 429 or 5xx is the caller's to go on from. */
  readonly body?: RequestBody
  /** See `SendOptions`; for other methods than GET and HEAD. */
  readonly again?: (() => Promise<boolean>) | 'never' | undefined
  readonly answerTimeoutMs?: number
  /** See `HttpRequest`: of the answer that named an address on another origin. */
  readonly ledBy?: string | undefined
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal | undefined
  readonly lane?: Lane
  readonly redirect?: 'follow' | 'same-origin'
  /** Names repository and reference in errors. */
  readonly what: string
}

/** A question to an API of a registry's operator other than `/v2`: no challenge is answered there. */
export interface PlainRequest {
  readonly method?: 'GET' | 'HEAD'
  readonly url: URL
  /** What of the account goes with it: user name and password, the password as a bearer's token, or nothing. */
  readonly as: 'basic' | 'bearer' | 'nobody'
  readonly headers?: Readonly<Record<string, string>>
  /** See `HttpRequest`. */
  readonly ledBy?: string | undefined
  readonly signal?: AbortSignal | undefined
  readonly what: string
}

/** Authenticated, budgeted requests to one registry under one account. */
export interface RegistrySession {
  readonly network: RegistryNetwork
  readonly address: UpstreamAddress
  /** The account's key with budgets, tokens and capabilities. */
  key(): Promise<string>
  /** An answer of any status; 401 when the registry refuses what we have. */
  send(request: RegistryRequest): Promise<HttpResponse>
  ask(request: PlainRequest): Promise<HttpResponse>
  /** How the registry wants this account to authenticate, as far as it has said. */
  challenge(): Promise<KnownChallenge | undefined>
  /** The error that an unwanted answer stands for, without secrets. */
  failure(response: HttpResponse, request: { readonly what: string }): Promise<AppError>
  /** What was thrown, without secrets: every error passes it on its way out of `remote/`. */
  redacted(error: unknown): Promise<unknown>
  /** True when the text holds no secret of the account, so that it may be kept. */
  isPlain(text: string): Promise<boolean>
}

/** @throws AppError INVALID_REQUEST when the endpoint's URL is not valid */
export function openSession(
  network: RegistryNetwork,
  endpoint: UpstreamEndpoint,
  onRequest: (request: SentRequest) => void = () => {},
): RegistrySession {
  const address = parseUpstreamUrl(endpoint.url)
  const { host } = address
  let account: Promise<Account> | undefined
  /** Once the registry was at a public address, no other answer of its name server leads this session into a private network. */
  let publicLeader: string | undefined

  async function openAccount(): Promise<Account> {
    const credential = await resolveCredential(endpoint)
    const key = accountKey(address, credential)
    const secrets = credential === undefined ? [] : [credential.password, basicOf(credential)]
    const redactor = network.redactors.get(key) ?? createRedactor(secrets)
    network.redactors.set(key, redactor)
    return { address, credential, key, redactor, ca: endpoint.ca, plainHttp: endpoint.plainHttp ?? false }
  }

  function getAccount(): Promise<Account> {
    account ??= openAccount().catch((error) => {
      account = undefined
      throw error
    })
    return account
  }

  const sendRaw: SendRaw = async (url, request, what, again) => {
    const { key, ca, plainHttp, redactor } = await getAccount()
    const { organization, rates, about, priority } = network
    const payer = organization === undefined ? undefined : { organization, registry: address.base.origin }
    const { signal, lane = 'small', method = 'GET', body } = request
    const whole: HttpRequest = { ...request, payer, plainHttp, ...(ca === undefined ? {} : { ca }) }
    return await network.budgets.of(key).send(
      async (onEnd, onBegin, spend) => {
        const ledBy = whole.ledBy ?? publicLeader
        const paced = spend === undefined || body === undefined ? {} : { body: await pacedRequest(body, spend) }
        const response = await network.http.request(url, { ...whole, ...paced, ledBy, onEnd, onBegin })
        const isRegistry = response.url.origin === address.base.origin
        if (isRegistry && isPublicAddress(response.address)) publicLeader ??= response.address
        onRequest({ method, target: `${url.host}${url.pathname}`, status: response.status })
        return response
      },
      {
        lane,
        what,
        organization,
        target: url.origin,
        kind: kindOfRequest(method, url, address.base),
        priority: priority?.(),
        rates,
        about,
        redact: (text) => redactor.redact(text),
        again: isStreamed(body) ? 'never' : again,
        ...(signal === undefined ? {} : { signal }),
      },
    )
  }

  const sendOnce = (
    { url, what, signal, scope: _, headers, again, ...rest }: RegistryRequest,
    authorization?: string,
  ) =>
    sendRaw(
      url,
      {
        ...rest,
        ...(signal === undefined ? {} : { signal }),
        headers: { ...headers, ...(authorization === undefined ? {} : { authorization }) },
      },
      `${host}: ${what}`,
      again,
    )

  /** A challenge in an answer from where a redirect led is not the registry's: that gets no credentials. */
  function challengeIn(response: HttpResponse): KnownChallenge | undefined {
    if (response.status !== 401 || response.url.origin !== address.base.origin) return undefined
    const challenge = chooseChallenge(parseChallenges(response.headers.get('www-authenticate')))
    return challenge && { challenge, ledBy: response.ledBy }
  }

  /** Some registries answer 401 without saying how; `/v2/` then does (gcr.io). */
  async function pingForChallenge(request: RegistryRequest): Promise<KnownChallenge | undefined> {
    const url = new URL('/v2/', address.base)
    const response = await sendOnce({ method: 'GET', url, scope: '', what: 'ping', signal: request.signal })
    await discard(response)
    return challengeIn(response)
  }

  return {
    network,
    address,
    key: async () => (await getAccount()).key,
    challenge: async () => network.challenges.get((await getAccount()).key),
    async ask({ method = 'GET', url, as, headers, ledBy, signal, what }) {
      const { credential } = await getAccount()
      const proof =
        credential === undefined || as === 'nobody'
          ? {}
          : { authorization: as === 'basic' ? `Basic ${basicOf(credential)}` : `Bearer ${credential.password}` }
      const more = { ...(signal === undefined ? {} : { signal }), ...(ledBy === undefined ? {} : { ledBy }) }
      const sent = { accept: 'application/json', ...headers, ...proof }
      // Whoever is sent elsewhere is not followed with a password.
      return await sendRaw(url, { ...more, method, headers: sent, redirect: 'same-origin' }, `${host}: ${what}`)
    },
    async failure(response, { what }) {
      const { redactor } = await getAccount()
      return await failureOf(response, `${host}: ${what}`, redactor)
    },
    async redacted(error) {
      const me = await account?.catch(() => undefined)
      return me === undefined ? error : redactError(error, me.redactor)
    },
    async isPlain(text) {
      const { redactor } = await getAccount()
      return redactor.redact(text) === text
    },
    async send(request) {
      const me = await getAccount()
      const { signal } = request
      if (request.url.origin !== address.base.origin) return await sendOnce(request)
      const scopeKey = `${me.key} ${request.scope}`
      const answer = (known: KnownChallenge, scope: string, refused?: string) =>
        answerChallenge(network, me, known, { scope, refused, signal, send: sendRaw })

      const forget = (known: KnownChallenge) => {
        if (network.challenges.get(me.key) === known) network.challenges.delete(me.key)
        network.scopes.delete(scopeKey)
      }

      const before = network.challenges.get(me.key)
      let tried: string | undefined
      let failed: { readonly error: unknown; readonly question: string } | undefined
      if (before !== undefined) {
        const scope = network.scopes.get(scopeKey) ?? request.scope
        try {
          tried = await answer(before, scope)
        } catch (error) {
          if (isCancelled(error) || signal?.aborted) throw error
          // Token services move, and what was learned of the old one is worth nothing: the registry is asked again.
          forget(before)
          if (isAppError(error, 'UPSTREAM_RATE_LIMITED')) throw error
          failed = { error, question: questionOf(before, scope) }
        }
      }
      let response = await sendOnce(request, tried)
      if (response.status !== 401 || response.url.origin !== address.base.origin) return response
      if (isStreamed(request.body)) return response

      let known = challengeIn(response)
      if (parseChallenges(response.headers.get('www-authenticate')).length === 0) {
        // The place in the budget must be free before the next request, or eight of these would wait for each other.
        response = await detach(response)
        known = await pingForChallenge(request)
      }
      if (known === undefined) return response
      const { scheme, params } = known.challenge
      if (scheme === 'basic' && (me.credential === undefined || tried?.startsWith('Basic '))) return response
      await discard(response)
      // An empty scope says as little as none (registries send `scope=""` with an expired token): we know what we need.
      const told = params.scope?.trim() ?? ''
      const scope = scopeToAsk(told, request.scope)
      if (failed?.question === questionOf(known, scope)) throw failed.error
      network.challenges.set(me.key, known)
      if (scope === request.scope) network.scopes.delete(scopeKey)
      else network.scopes.set(scopeKey, scope)
      try {
        tried = await answer(known, scope, tried)
      } catch (error) {
        if (!isCancelled(error)) forget(known)
        throw error
      }
      return await sendOnce(request, tried)
    },
  }
}

/**
 * What the registry says that it wants goes before what we would ask for; to write, that is asked for too: a registry names what it wants for
 * one HEAD, and of a mount only where it goes to.
 */
function scopeToAsk(told: string, ours: string): string {
  if (told === '') return ours
  const wanted = ours.split(' ')
  const isForWriting = wanted.length > 1 || ours.endsWith(',push')
  if (!isForWriting) return told
  const covers = (all: readonly string[], scope: string) =>
    all.some((one) => one === scope || one.startsWith(`${scope},`))
  const others = told.split(/\s+/).filter((scope) => !covers(wanted, scope))
  return [...others, ...wanted.filter((scope) => !covers(others, scope))].join(' ')
}

/** The same body, no faster than limits of bytes let it. */
async function pacedRequest(body: RequestBody, spend: Spend): Promise<RequestBody> {
  if (isStreamed(body)) return { lengthBytes: body.lengthBytes, stream: () => pacedBody(body.stream(), spend) }
  await spend(typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength)
  return body
}

/** What a challenge makes us ask, and within which limits: where that has failed it fails again. */
function questionOf({ challenge, ledBy }: KnownChallenge, scope: string): string {
  const { scheme, params } = challenge
  return JSON.stringify([scheme, params.realm, params.service, scope, isPublicAddress(ledBy)])
}

/** The answer with what failureOf reads of its body read and its connection given back. */
async function detach(response: HttpResponse): Promise<HttpResponse> {
  const excerpt = await readRedactable(response)
  return { ...response, body: new Blob([excerpt]).stream() }
}
