/** Address, login and trust of a registry that is read from or written to, as people give them and as they are kept. No I/O. */
import type { UpstreamRow } from '../db/schema.ts'
import { AppError } from '../errors.ts'
import { certificatesOf } from '../lib/certificates.ts'
import type { Sealer } from '../lib/seal.ts'
import type { Secret } from '../lib/secret.ts'
import { isLoopbackAddress } from '../net/address-guard.ts'
import { readUpstreamUrl } from '../remote/pasted-url.ts'
import { parseUpstreamUrl, type UpstreamEndpoint } from '../remote/upstream.ts'

/** How an upstream or a target is reached. */
export type Connection = Pick<UpstreamRow, 'url' | 'username' | 'sealed_password' | 'ca' | 'plain_http'>

/** What is given of it; what is left out stays as it is. */
export interface ConnectionChange {
  readonly url?: string | undefined
  /** Null: none from now on. Without a user name the one of before. */
  readonly credential?: { readonly username?: string | undefined; readonly password: Secret } | null | undefined
  /** PEM; null: the system's only. */
  readonly ca?: string | null | undefined
  readonly plainHttp?: boolean | undefined
}

/** What a password is sealed as: one that was sealed for an upstream opens as no target's. */
export type Sealed = 'upstream password' | 'target password'

const NEW: Connection = { url: '', username: null, sealed_password: null, ca: null, plain_http: 0 }

/** @throws AppError INVALID_REQUEST (url, ca, plain http, half a login) */
export function newConnection(
  sealer: Sealer,
  as: Sealed,
  given: ConnectionChange & { readonly url: string },
): Connection {
  return changedConnection(sealer, as, NEW, given)
}

/**
 * The connection after a change. A password is given to nobody new: whoever may change the address may not thereby read a password
 * that somebody else has given, so that it must be given again with another registry's address.
 * @throws AppError INVALID_REQUEST
 */
export function changedConnection(
  sealer: Sealer,
  as: Sealed,
  before: Connection,
  change: ConnectionChange,
): Connection {
  const url =
    change.url === undefined
      ? before.url
      : readUpstreamUrl(change.url, as === 'target password' ? 'replicate to' : 'mirror')
  const plainHttp = change.plainHttp ?? before.plain_http === 1
  const { base } = parseUpstreamUrl(url)
  if (base.protocol === 'http:' && !plainHttp && !isLoopbackHost(base.hostname)) {
    throw new AppError(
      'INVALID_REQUEST',
      `url: got plain http to ${base.host}, want https, or plainHttp (--plain-http): passwords and tokens would travel in the clear`,
      { about: { reason: 'plain-http', where: 'url' } },
    )
  }
  const ca = typeof change.ca === 'string' ? certificatesOf(change.ca, 'ca') : change.ca
  const keepsPassword = change.credential === undefined && before.sealed_password !== null
  if (keepsPassword && parseUpstreamUrl(before.url).base.origin !== base.origin) {
    throw new AppError(
      'INVALID_REQUEST',
      `url: ${base.host} is another registry than ${parseUpstreamUrl(before.url).host}, and the password is kept for that one: give the login for the new one (--username, --password-stdin), or none (--no-credential)`,
      { about: { reason: 'empty', where: 'password' } },
    )
  }
  return {
    url,
    ...loginAfter(sealer, as, before, change.credential),
    ca: ca === undefined ? before.ca : ca,
    plain_http: plainHttp ? 1 : 0,
  }
}

type Login = Pick<Connection, 'username' | 'sealed_password'>

function loginAfter(sealer: Sealer, as: Sealed, before: Login, given: ConnectionChange['credential']): Login {
  const { username: usernameBefore, sealed_password: sealedBefore } = before
  if (given === undefined) return { username: usernameBefore, sealed_password: sealedBefore }
  if (given === null) return { username: null, sealed_password: null }
  const username = given.username ?? usernameBefore
  if (username === null)
    throw new AppError('INVALID_REQUEST', 'password: there is no user name that it belongs to', {
      about: { reason: 'empty', where: 'username' },
    })
  // The same login sealed anew would look like another: what was fetched by it would count for nothing.
  const isSame =
    username === usernameBefore && sealedBefore !== null && opensTo(sealer, as, sealedBefore, given.password.reveal())
  return { username, sealed_password: isSame ? sealedBefore : sealer.seal(given.password, as) }
}

/** A text that was sealed under a key that is lost opens to nothing. */
function opensTo(sealer: Sealer, as: Sealed, sealed: string, text: string): boolean {
  try {
    return sealer.unseal(sealed, as).reveal() === text
  } catch {
    return false
  }
}

/** Whether what is read there, or as whom, is another than before. */
export function isOtherSource(a: Connection, b: Connection): boolean {
  return a.url !== b.url || a.username !== b.username || a.sealed_password !== b.sealed_password
}

/** As the client for other registries takes it; the password is unsealed when it is needed. */
export function endpointOf(sealer: Sealer, as: Sealed, row: Connection): UpstreamEndpoint {
  const { username, sealed_password: sealed, ca } = row
  return {
    url: row.url,
    plainHttp: row.plain_http === 1,
    ...(ca === null ? {} : { ca }),
    ...(username === null || sealed === null ? {} : { username, password: () => sealer.unseal(sealed, as).reveal() }),
  }
}

function isLoopbackHost(hostname: string): boolean {
  return hostname === 'localhost' || isLoopbackAddress(hostname.replace(/^\[|\]$/g, ''))
}
