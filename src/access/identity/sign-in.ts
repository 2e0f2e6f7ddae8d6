/**
 * Sign-in by OpenID Connect: authorization code with PKCE, state and nonce, through `openid-client`. A state is used once, by the
 * browser that began; it ends in a session of that browser, or in a code for the command line that waits on the same machine.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type * as client from 'openid-client'
import type { Database } from '../../db/engine/engine.ts'
import { findProviderToSignIn, type ProviderRecord, touchProvider } from '../../db/people/identity-providers.ts'
import { findProviderGroups } from '../../db/people/provider-groups.ts'
import {
  insertAttempt,
  insertCode,
  type Loopback,
  takeAttempt,
  takeCode,
  type VouchedPerson,
} from '../../db/people/sign-ins.ts'
import type { User } from '../../db/people/users.ts'
import { AppError } from '../../errors.ts'
import { type Clock, isoTime } from '../../lib/clock.ts'
import { randomBase62 } from '../../lib/ids.ts'
import { networkOf } from '../login-limit.ts'
import { groupsOf } from './groups.ts'
import { linkPerson, signInPerson } from './people.ts'
import { explainFailure, issuerOf, openidClient, openProvider, type ProviderClientDeps } from './provider-client.ts'
import { verifyJwt } from './verify-jwt.ts'

export interface SignInDeps extends ProviderClientDeps {
  readonly db: Database
  readonly clock: Clock
}

export interface Begun {
  /** Where the browser goes. */
  readonly url: string
  /** What tells this browser, and no other, when it comes back. */
  readonly cookie: { readonly name: string; readonly value: string; readonly maxAgeSeconds: number }
}

/** How a sign-in ended: somebody is to get a session, or a command line a code. */
export type SignedIn =
  | { readonly kind: 'session'; readonly user: User; readonly providerId: string; readonly next: string | null }
  | { readonly kind: 'linked'; readonly next: string | null }
  | { readonly kind: 'loopback'; readonly url: string }

const LIFE_SECONDS = 600
const CODE_LIFE_MS = 60_000
const MOST = { ofNetwork: 100, inAll: 10_000 }
/** About 256 bits. */
const SECRET_LENGTH = 43
const MAX_SUBJECT_LENGTH = 255

const hash = (text: string) => createHash('sha256').update(text).digest('hex')

/** What belongs to one state, so that none of it needs to be kept. */
function partOf(deps: SignInDeps, part: 'pkce' | 'nonce' | 'browser', state: string): string {
  return createHmac('sha256', deps.sealer.derive(`sign-in ${part}`).reveal())
    .update(state)
    .digest('base64url')
}

function cookieName(state: string): string {
  return `kagami_sign_in_${hash(state).slice(0, 12)}`
}

export interface BeginSignIn {
  /** Id of the provider, or the name of one of the instance. */
  readonly provider: string
  readonly loopback?: Loopback | undefined
  /** The page's address that it leads back to; undefined: the start. */
  readonly next?: string | undefined
  /** Who is signed in already, and wants to sign in by the provider from now on. */
  readonly linkTo?: Pick<User, 'id'> | undefined
  readonly redirectUriOf: (providerId: string) => string
  readonly address: string | undefined
}

/** @throws AppError NOT_FOUND, TOOMANYREQUESTS, UPSTREAM_UNAVAILABLE when the provider cannot be asked */
export async function beginSignIn(deps: SignInDeps, o: BeginSignIn): Promise<Begun> {
  const provider = await getProvider(deps.db, o.provider)
  const configuration = await failingAs(provider, () => openProvider(deps, provider))
  const state = randomBase62(SECRET_LENGTH)
  const redirectUri = o.redirectUriOf(provider.id)
  const now = deps.clock.now()
  const attempt = {
    hash: hash(state),
    provider_id: provider.id,
    redirect_uri: redirectUri,
    loopback: o.loopback,
    next: o.next ?? null,
    user_id: o.linkTo?.id ?? null,
    network: networkOf(o.address),
    ends_at: isoTime(new Date(now.getTime() + LIFE_SECONDS * 1000)),
  }
  await deps.db.write((tx) => insertAttempt(tx, attempt, { at: isoTime(now), most: MOST }))
  const url = openidClient().buildAuthorizationUrl(configuration, {
    redirect_uri: redirectUri,
    scope: scopesOf(configuration.serverMetadata()),
    state,
    nonce: partOf(deps, 'nonce', state),
    code_challenge: await openidClient().calculatePKCECodeChallenge(partOf(deps, 'pkce', state)),
    code_challenge_method: 'S256',
  })
  const cookie = { name: cookieName(state), value: partOf(deps, 'browser', state), maxAgeSeconds: LIFE_SECONDS }
  return { url: url.href, cookie }
}

/**
 * @param o.query what the browser brought from the provider, as it was sent
 * @param o.cookieOf the browser's cookie of a name
 * @param o.present who is signed in there
 * @param o.onBegun told where the browser goes back to, however it ends
 * @throws AppError UNAUTHORIZED in plain words; where a command line waits, it is told instead
 */
export async function endSignIn(
  deps: SignInDeps,
  o: {
    readonly provider: string
    readonly query: string
    readonly cookieOf: (name: string) => string | undefined
    readonly present: User | undefined
    readonly onBegun: (next: string | null) => void
  },
): Promise<SignedIn> {
  const provider = await getProvider(deps.db, o.provider)
  const parameters = new URLSearchParams(o.query)
  const state = parameters.get('state') ?? ''
  const at = isoTime(deps.clock.now())
  if (!isSame(o.cookieOf(cookieName(state)) ?? '', partOf(deps, 'browser', state))) {
    throw new AppError('UNAUTHORIZED', 'this sign-in was not begun by this browser, or is over: begin again', {
      about: { reason: 'expired', what: 'sign-in' },
    })
  }
  const attempt = await deps.db.write((tx) => takeAttempt(tx, { hash: hash(state), providerId: provider.id, at }))
  if (attempt === undefined) {
    throw new AppError('UNAUTHORIZED', 'this sign-in is unknown, over, or was used already: begin again', {
      about: { reason: 'expired', what: 'sign-in' },
    })
  }
  const { loopback, redirectUri, next, userId } = attempt
  o.onBegun(next)
  // Whoever signed out on the way, or came back as somebody else, links nothing.
  if (userId !== null && o.present?.id !== userId) {
    throw new AppError('UNAUTHORIZED', 'whoever began to link this account is signed in no more: begin again', {
      about: { reason: 'expired', what: 'sign-in' },
    })
  }
  try {
    const person = await failingAs(provider, () => redeem(deps, provider, `${redirectUri}?${o.query}`, state))
    deps.db.later.add(`identity provider ${provider.id}`, (tx) => touchProvider(tx, provider.id, at))
    const linkTo = userId === null ? undefined : o.present
    if (linkTo !== undefined) {
      await deps.db.write((tx) => linkPerson(tx, provider, person, linkTo, { at, takeOver: false }))
      return { kind: 'linked', next }
    }
    if (loopback === undefined) {
      const user = await deps.db.write((tx) => signInPerson(tx, provider, person, at))
      return { kind: 'session', user, providerId: provider.id, next }
    }
    const code = randomBase62(SECRET_LENGTH)
    const endsAt = isoTime(new Date(Date.parse(at) + CODE_LIFE_MS))
    const { challenge } = loopback
    await deps.db.write((tx) =>
      insertCode(tx, { hash: hash(code), providerId: provider.id, challenge, person, endsAt }, at),
    )
    return { kind: 'loopback', url: loopbackUrl(loopback, { code }) }
  } catch (error) {
    if (loopback === undefined || !(error instanceof AppError)) throw error
    return { kind: 'loopback', url: loopbackUrl(loopback, { error: error.message }) }
  }
}

/** The user of a code that a command line got, or their link to an account. @throws AppError UNAUTHORIZED, DENIED, CONFLICT */
export async function useCode(
  { db, clock }: Pick<SignInDeps, 'db' | 'clock'>,
  o: {
    readonly code: string
    readonly verifier: string
    readonly link?: { readonly to: User; readonly takeOver: boolean }
  },
): Promise<{ readonly user: User; readonly provider: ProviderRecord }> {
  const at = isoTime(clock.now())
  const taken = await db.write((tx) => takeCode(tx, hash(o.code), at))
  const challenge = createHash('sha256').update(o.verifier).digest('base64url')
  const provider = taken === undefined ? undefined : await findProviderToSignIn(db.read, taken.providerId)
  if (taken === undefined || provider === undefined || !isSame(taken.challenge, challenge)) {
    throw new AppError('UNAUTHORIZED', 'the code of this sign-in is unknown, over, or was used already: begin again', {
      about: { reason: 'expired', what: 'sign-in' },
    })
  }
  const { link } = o
  const user = await db.write(async (tx) => {
    if (link === undefined) return signInPerson(tx, provider, taken.person, at)
    await linkPerson(tx, provider, taken.person, link.to, { at, takeOver: link.takeOver })
    return link.to
  })
  return { user, provider }
}

/** Unguessable ids, and names of the instance: whatever else is asked for is not there. */
async function getProvider(db: Database, idOrName: string): Promise<ProviderRecord> {
  const found = await findProviderToSignIn(db.read, idOrName)
  if (found === undefined)
    throw new AppError('NOT_FOUND', 'there is no such provider to sign in by', {
      about: { reason: 'absent', what: 'identity' },
    })
  return found
}

async function redeem(deps: SignInDeps, provider: ProviderRecord, url: string, state: string): Promise<VouchedPerson> {
  const configuration = await openProvider(deps, provider)
  const tokens = await openidClient().authorizationCodeGrant(configuration, new URL(url), {
    pkceCodeVerifier: partOf(deps, 'pkce', state),
    expectedState: state,
    expectedNonce: partOf(deps, 'nonce', state),
    idTokenExpected: true,
  })
  // The library trusts TLS for the signature; we look at it, by the same keys and algorithms as for jobs.
  const { claims } = await verifyJwt(deps, tokens.id_token ?? '', issuerOf(provider))
  const { sub } = claims
  if (typeof sub !== 'string' || sub === '' || sub.length > MAX_SUBJECT_LENGTH || /\p{Cc}/u.test(sub)) {
    throw new AppError('UPSTREAM_INVALID', 'its ID token names no subject that can be kept')
  }
  const mapped = (await findProviderGroups(deps.db.read, [provider.id])).get(provider.id) ?? []
  const groups = new Set(mapped.map(({ group }) => group))
  const hasNames = typeof claims.email === 'string' && typeof claims.preferred_username === 'string'
  const hasAll = hasNames && groups.size === 0
  const asked = hasAll || configuration.serverMetadata().userinfo_endpoint === undefined
  const more = asked ? {} : await openidClient().fetchUserInfo(configuration, tokens.access_token, sub)
  const all = { ...more, ...claims }
  return { ...personOf(sub, all), groups: groupsOf(all, provider.groups_claim, groups) }
}

/** Some providers tell the groups to whoever asks for a scope of that name alone. */
function scopesOf({ scopes_supported: supported }: client.ServerMetadata): string {
  const hasGroups = Array.isArray(supported) && supported.includes('groups')
  return ['openid', 'profile', 'email', ...(hasGroups ? ['groups'] : [])].join(' ')
}

function personOf(subject: string, claims: Readonly<Record<string, unknown>>): Omit<VouchedPerson, 'groups'> {
  const text = (value: unknown) =>
    typeof value === 'string' && value.length <= 255 && !/\p{Cc}/u.test(value) ? value : ''
  const address = text(claims.email).toLowerCase()
  const isVerified = claims.email_verified === true && /^[^\s@]+@[^\s@]+$/.test(address)
  return {
    subject,
    name: text(claims.preferred_username) || text(claims.nickname) || address.split('@', 1)[0] || 'user',
    email: isVerified ? address : null,
  }
}

/** @throws AppError UNAUTHORIZED that names the provider and what it did */
async function failingAs<T>(provider: ProviderRecord, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const reason = explainFailure(error)
    if (reason === undefined) throw error
    throw new AppError('UNAUTHORIZED', `you cannot sign in by ${provider.name}: ${reason}`, { cause: error })
  }
}

function loopbackUrl({ port, state }: Loopback, answer: Readonly<Record<string, string>>): string {
  return `http://127.0.0.1:${port}/?${new URLSearchParams({ state, ...answer })}`
}

function isSame(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}
