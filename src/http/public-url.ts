import ipaddr from 'ipaddr.js'
import { AppError } from '../errors.ts'

const NAME =
  /^(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?$/

/** True for `name`, `name:port`, `1.2.3.4:port`, `[::1]:port`: what may be put into an URL that we send. */
export function isHost(text: string): boolean {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text)
  if (match === null) return false
  const [, address, name, port] = match
  if (port !== undefined && (Number(port) > 65535 || Number(port) === 0)) return false
  return address === undefined ? NAME.test(name ?? '') : ipaddr.IPv6.isValid(address)
}

/**
 * The origin that clients reach us at, without a slash at its end: the operator's `KAGAMI_URL`, else the request's Host.
 * Forwarding headers are not believed: behind a proxy that ends TLS the operator sets `KAGAMI_URL`.
 * @throws AppError INVALID_REQUEST when the Host is none
 */
export function publicUrl(request: Request, configured: string | undefined): string {
  if (configured !== undefined) return configured
  const host = request.headers.get('host')
  if (host === null || !isHost(host)) {
    const got = host === null ? 'none' : JSON.stringify(host.slice(0, 100))
    throw new AppError('INVALID_REQUEST', `the Host header must name a host and optionally a port, got ${got}`)
  }
  return `${new URL(request.url).protocol}//${host}`
}

/** Absolute URL of the token service, the `realm` of every challenge. @throws AppError INVALID_REQUEST */
export function tokenRealm(request: Request, configured: string | undefined): string {
  return `${publicUrl(request, configured)}/token`
}
