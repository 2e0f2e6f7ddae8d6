/** Reads the `Authorization` header. */
import { AppError } from '../errors.ts'

export type Credentials =
  | { readonly kind: 'none' }
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  | { readonly kind: 'bearer'; readonly token: string }

const MAX_LENGTH = 16 * 1024
const BASIC = /^[A-Za-z0-9+/]*={0,2}$/
/** RFC 6750, 2.1. */
const BEARER = /^[A-Za-z0-9._~+/-]+=*$/

/**
 * Absent, or `Basic` of an empty name and an empty password (skopeo and podman send `Og==` when they have none): `none`.
 * @throws AppError UNAUTHORIZED for anything that is not one Basic or Bearer credential; two headers arrive joined by a comma
 */
export function parseAuthorization(header: string | null): Credentials {
  if (header === null) return { kind: 'none' }
  const space = header.indexOf(' ')
  const scheme = header.slice(0, space).toLowerCase()
  const value = header.slice(space + 1).trim()
  if (header.length > MAX_LENGTH || space === -1) throw malformed()
  if (scheme === 'bearer' && BEARER.test(value)) return { kind: 'bearer', token: value }
  if (scheme !== 'basic' || !BASIC.test(value)) throw malformed()
  return parseBasic(value)
}

/** RFC 7617: UTF-8, the name ends at the first `:`. */
function parseBasic(encoded: string): Credentials {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(encoded, 'base64'))
  } catch {
    throw malformed()
  }
  const colon = text.indexOf(':')
  if (colon === -1 || text.includes('\0')) throw malformed()
  if (text === ':') return { kind: 'none' }
  return { kind: 'basic', username: text.slice(0, colon), password: text.slice(colon + 1) }
}

function malformed(): AppError {
  return new AppError('UNAUTHORIZED', 'the Authorization header must hold one Basic or one Bearer credential')
}
