import { AppError, isAppError } from '../errors.ts'

/** Why there was no answer, or no whole one; `detail.reason` of UPSTREAM_UNAVAILABLE errors of `net/`. */
export type FailureReason = 'not-found' | 'dns' | 'refused' | 'unreachable' | 'reset' | 'tls' | 'timeout' | 'other'

const REASON_OF_CODE: Readonly<Record<string, FailureReason>> = {
  ECONNREFUSED: 'refused',
  ENETUNREACH: 'unreachable',
  EHOSTUNREACH: 'unreachable',
  EADDRNOTAVAIL: 'unreachable',
  ECONNRESET: 'reset',
  ECONNABORTED: 'reset',
  EPIPE: 'reset',
  ETIMEDOUT: 'timeout',
  ENOTFOUND: 'not-found',
  EAI_AGAIN: 'dns',
  ConnectionRefused: 'refused',
  ConnectionClosed: 'reset',
  ConnectionReset: 'reset',
  Timeout: 'timeout',
}

/** What the runtime says in its own words where no reason of ours fits; its words are for who writes programs. */
const OTHER_PHRASE: Readonly<Record<string, string>> = {
  Malformed_HTTP_Response: 'the answer is not HTTP',
  InvalidHTTPResponse: 'the answer is not valid HTTP',
  FailedToOpenSocket: 'no connection could be opened',
  ERR_INVALID_URL: 'the address is not valid',
  ERR_INVALID_ARG_VALUE: 'the address is not one of http or https',
}

const PHRASE: Record<FailureReason, string> = {
  'not-found': 'the name does not exist',
  dns: 'the name cannot be resolved',
  refused: 'connection refused',
  unreachable: 'network unreachable',
  reset: 'the connection was closed before the answer was complete',
  tls: 'TLS failed',
  timeout: 'timed out',
  other: 'the request failed',
}

/** UPSTREAM_UNAVAILABLE with its reason in `detail`. */
export function unavailable(
  reason: FailureReason,
  message: string,
  detail: Readonly<Record<string, unknown>>,
  cause?: unknown,
): AppError {
  return new AppError('UPSTREAM_UNAVAILABLE', message, { detail: { ...detail, reason }, cause })
}

/** What a failed `fetch` to `url` at `address` means. */
export function connectionFailure(error: unknown, url: URL, address: string): AppError {
  if (isAppError(error)) return error
  const { reason, phrase } = explainFailure(error, url)
  const hint = hintOf(error, url, reason)
  return unavailable(reason, `${url.host} (${address}): ${phrase}${hint}`, { host: url.host, address }, error)
}

/**
 * The one place that reads errors of the runtime's `fetch`: what happened, in words for people. The runtime's own message is
 * never passed on; what is not known is told by its code.
 */
export function explainFailure(error: unknown, url: URL): { readonly reason: FailureReason; readonly phrase: string } {
  const code = codeOf(error)
  const reason = REASON_OF_CODE[code] ?? (isTlsCode(code) ? 'tls' : 'other')
  if (reason === 'tls') return { reason, phrase: `${PHRASE.tls}: ${tlsPhrase(code, url.hostname)}` }
  if (reason !== 'other') return { reason, phrase: PHRASE[reason] }
  return { reason, phrase: OTHER_PHRASE[code] ?? (code === '' ? PHRASE.other : `${PHRASE.other} (${code})`) }
}

function codeOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null ? (error as { code?: unknown }).code : undefined
  return typeof code === 'string' && /^\w{1,64}$/.test(code) ? code : ''
}

/** What to do about it, where that is known. */
function hintOf(error: unknown, url: URL, reason: FailureReason): string {
  if (reason === 'tls' && isUntrusted(codeOf(error))) return '; give its CA with --ca-file'
  if (reason === 'reset' && url.protocol === 'http:') return ' (a port that speaks TLS does so: is it https?)'
  return ''
}

/** The reason of an UPSTREAM_UNAVAILABLE that `net/` made, else undefined. */
export function failureReason(error: unknown): FailureReason | undefined {
  if (!isAppError(error, 'UPSTREAM_UNAVAILABLE')) return undefined
  return (error.detail as { reason?: FailureReason } | undefined)?.reason
}

/** The same failure of a connection, with what was being read in front; any other error unchanged. */
export function brokenOff(error: unknown, what: string): unknown {
  if (!isAppError(error) || failureReason(error) === undefined) return error
  return new AppError(error.code, `${what}: ${error.message}`, { detail: error.detail, cause: error })
}

/** Nothing was sent yet, so another address of the same name may answer. */
export function isNextAddressWorthATry(error: AppError): boolean {
  const reason = failureReason(error)
  return reason === 'refused' || reason === 'unreachable'
}

/** A certificate or a name does not get right by asking again; everything else may. */
export function isPassing(error: unknown): boolean {
  const reason = failureReason(error)
  return reason !== undefined && reason !== 'tls' && reason !== 'not-found'
}

function isTlsCode(code: string): boolean {
  return /^(ERR_TLS|ERR_SSL|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|HOSTNAME_MISMATCH|INVALID_CA|EPROTO)/.test(code)
}

function isUntrusted(code: string): boolean {
  return /SELF_SIGNED|UNABLE_TO_(VERIFY|GET_ISSUER)/.test(code)
}

function tlsPhrase(code: string, host: string): string {
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID' || code === 'HOSTNAME_MISMATCH')
    return `the certificate is not for ${host}`
  if (code === 'CERT_HAS_EXPIRED') return 'the certificate has expired'
  if (code === 'CERT_NOT_YET_VALID') return 'the certificate is not valid yet, or the clock here is wrong'
  if (code === 'CERT_REVOKED') return 'the certificate was revoked'
  if (code === 'EPROTO') {
    return 'no agreement with the server, which speaks no TLS on this port, another version of it, or wants a certificate'
  }
  if (isUntrusted(code)) return `the certificate is not signed by a CA that is trusted here (${code})`
  return code
}
