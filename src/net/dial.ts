import { lookup as systemLookup } from 'node:dns/promises'
import { isIP, isIPv6 } from 'node:net'
import { rootCertificates } from 'node:tls'
import { LRUCache } from 'lru-cache'
import { AppError } from '../errors.ts'
import { orAborted } from '../lib/abort.ts'
import { type AddressPolicy, assertAddressAllowed, isLoopbackAddress } from './address-guard.ts'
import { connectionFailure, isNextAddressWorthATry, unavailable } from './connection-failure.ts'

/** All addresses of a host name, as the system's resolver gives them. */
export type Lookup = (host: string) => Promise<readonly string[]>

export const lookupSystem: Lookup = async (host) =>
  (await systemLookup(host, { all: true })).map((entry) => entry.address)

/** A pass asks one host for thousands of things; what is found is checked anew for each request all the same. */
const LOOKUP_TTL_MS = 30_000

/** The same answers, kept for half a minute; failures are not kept. */
export function rememberLookups(lookup: Lookup): Lookup {
  const known = new LRUCache<string, readonly string[]>({ max: 1000, ttl: LOOKUP_TTL_MS })
  return async (host) => {
    const addresses = known.get(host) ?? (await lookup(host))
    known.set(host, addresses, { noUpdateTTL: true })
    return addresses
  }
}

export interface DialOptions {
  readonly method: string
  readonly headers: Headers
  /** Asked for each address that is tried. */
  readonly body: () => BodyInit | undefined
  readonly signal: AbortSignal
  /** PEM of a CA that is trusted besides the system's. */
  readonly ca: string | undefined
  readonly plainHttp: boolean
  readonly policy: AddressPolicy
  readonly lookup: Lookup
}

/** Bun adds these to `RequestInit`. */
interface GuardedInit extends RequestInit {
  decompress: boolean
  tls?: { serverName?: string; ca?: string[] }
}

/**
 * One request to one URL without following redirects: resolves the name, checks every address, then connects to the checked
 * address itself, so that a second resolution cannot lead elsewhere (DNS rebinding). The certificate is checked against the name.
 * @throws AppError ADDRESS_NOT_ALLOWED, UPSTREAM_UNAVAILABLE, or UPSTREAM_INVALID for plain http that nobody allowed
 */
export async function dial(url: URL, options: DialOptions): Promise<{ response: Response; address: string }> {
  const host = hostOf(url)
  const addresses = await resolve(host, options)
  for (const address of addresses) assertAddressAllowed(host, address, options.policy)
  if (url.protocol === 'http:' && !options.plainHttp && !addresses.every(isLoopbackAddress)) {
    throw new AppError('UPSTREAM_INVALID', `${url.host} is asked for over plain http, want https or --plain-http`)
  }
  let failure: AppError | undefined
  for (const address of addresses) {
    try {
      return { response: await fetch(urlAt(url, address), initOf(url, host, options)), address }
    } catch (error) {
      if (options.signal.aborted) throw error
      failure = connectionFailure(error, url, address)
      if (!isNextAddressWorthATry(failure)) break
    }
  }
  throw failure ?? unavailable('dns', `${host} has no address`, { host })
}

/** The host without port, and without the brackets of an IPv6 address. */
function hostOf(url: URL): string {
  return url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname
}

async function resolve(host: string, { lookup, signal }: DialOptions): Promise<readonly string[]> {
  if (isIP(host) !== 0) return [host]
  try {
    return await orAborted(lookup(host), signal)
  } catch (error) {
    if (signal.aborted) throw error
    const code = String((error as { code?: unknown }).code ?? error)
    const reason = code === 'ENOTFOUND' ? 'not-found' : 'dns'
    throw unavailable(reason, `the name ${host} cannot be resolved: ${code}`, { host }, error)
  }
}

/** @throws AppError ADDRESS_NOT_ALLOWED when the URL does not take the address: it would still hold the name, to be resolved again */
function urlAt(url: URL, address: string): URL {
  const target = new URL(url)
  target.hostname = isIPv6(address) ? `[${address}]` : address
  if (isIP(hostOf(target)) !== 0) return target
  throw new AppError('ADDRESS_NOT_ALLOWED', `${url.host} is at ${address}, which cannot be dialled as an address`)
}

function initOf(url: URL, host: string, options: DialOptions): GuardedInit {
  const headers = new Headers(options.headers)
  headers.set('host', url.host)
  const body = options.body()
  return {
    method: options.method,
    headers,
    redirect: 'manual',
    // Bun decompresses even when identity was asked for; digests are of the bytes as they come.
    decompress: false,
    signal: options.signal,
    ...(body === undefined ? {} : { body }),
    ...(url.protocol === 'https:' ? { tls: tlsOf(host, options.ca) } : {}),
  }
}

function tlsOf(host: string, ca: string | undefined): { serverName?: string; ca?: string[] } {
  return {
    // RFC 6066 section 3: no literal addresses in SNI; Bun then checks the certificate against the address.
    ...(isIP(host) === 0 ? { serverName: host } : {}),
    ...(ca === undefined ? {} : { ca: [ca, ...rootCertificates] }),
  }
}
