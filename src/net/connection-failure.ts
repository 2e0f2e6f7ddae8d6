import { AppError, isAppError, messageOf } from '../errors.ts'

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
  const code = String((error as { code?: unknown }).code ?? '')
  const reason = REASON_OF_CODE[code] ?? (isTlsCode(code) ? 'tls' : 'other')
  const told =
    reason === 'tls' ? `: ${tlsPhrase(code, url.hostname)}` : reason === 'other' ? `: ${messageOf(error)}` : ''
  return unavailable(reason, `${url.host} (${address}): ${PHRASE[reason]}${told}`, { host: url.host, address }, error)
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

function tlsPhrase(code: string, host: string): string {
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return `the certificate is not for ${host}`
  if (code === 'CERT_HAS_EXPIRED') return 'the certificate has expired'
  if (/SELF_SIGNED|UNABLE_TO_(VERIFY|GET_ISSUER)/.test(code)) {
    return `the certificate is not signed by a CA that is trusted here (${code}); give its CA with --ca-file`
  }
  return code
}
