import { AppError } from '../errors.ts'
import type { HttpResponse } from '../net/guarded-fetch.ts'
import type { Digest } from '../oci/digest.ts'

/** Signed addresses of storage have some hundred characters. */
const MAX_LOCATION_LENGTH = 8192

/**
 * Where an upload goes on: absolute, below the registry's root, relative to what was asked, or a host without a scheme
 * (containerd's `pusher.go` knows of those). Its query is kept as it is: it may be signed.
 * @param base of the registry
 * @throws AppError UPSTREAM_INVALID for none, one that is no http(s) address, or one that leads from https to plain http elsewhere
 */
export function uploadLocation(response: Pick<HttpResponse, 'headers' | 'url'>, base: URL, what: string): URL {
  const text = response.headers.get('location')?.trim() ?? ''
  const invalid = (got: string) =>
    new AppError('UPSTREAM_INVALID', `${what}: the answer names ${got}, want a Location that the upload goes on at`)
  if (text === '' || text.length > MAX_LOCATION_LENGTH) throw invalid(text === '' ? 'none' : 'one that is too long')
  const url = URL.parse(isHostWithPath(text, base) ? `${base.protocol}//${text}` : text, response.url.href)
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) throw invalid('one that is not http(s)')
  url.username = ''
  url.password = ''
  url.hash = ''
  if (base.protocol === 'https:' && url.protocol === 'http:') {
    // A registry behind something that ends TLS for it and does not tell it so.
    if (url.hostname !== base.hostname) throw invalid('one over plain http')
    url.protocol = base.protocol
    url.port = base.port
  }
  return url
}

function isHostWithPath(text: string, base: URL): boolean {
  const [, first = ''] = /^([^/?#]+)\/v2\//.exec(text) ?? []
  return (
    first === base.host ||
    /^[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z0-9-]+(:\d+)?$/i.test(first) ||
    /^[a-z0-9.-]+:\d+$/i.test(first)
  )
}

/** The same address with the digest that ends the upload behind its query. */
export function withDigest(location: URL, digest: Digest): URL {
  const url = new URL(location)
  const query = location.search === '' ? '?' : `${location.search}&`
  url.search = `${query}digest=${encodeURIComponent(digest)}`
  return url
}

/**
 * How much of an upload the registry has, in bytes; undefined: it does not say. `0-0` is what registries say of nothing
 * (distribution), though it could be one byte.
 */
export function bytesTaken(headers: Headers): number | undefined {
  const match = /^\s*(?:bytes[ =])?(\d{1,15})-(\d{1,15})\s*$/i.exec(headers.get('range') ?? '')
  if (match === null || Number(match[1]) !== 0) return undefined
  const last = Number(match[2])
  return last === 0 ? 0 : last + 1
}
