/**
 * The ground of the house: every expected failure is an AppError with a code of this union.
 * Domain code knows no HTTP; `http/status.ts` maps each code to a status, and a code without a status does not compile.
 */

/** Codes of OCI Distribution 1.1 ("Error Codes", code-1 … code-14) and the extensions that Docker's registry uses. */
export type RegistryErrorCode =
  | 'BLOB_UNKNOWN'
  | 'BLOB_UPLOAD_INVALID'
  | 'BLOB_UPLOAD_UNKNOWN'
  | 'DENIED'
  | 'DIGEST_INVALID'
  | 'MANIFEST_BLOB_UNKNOWN'
  | 'MANIFEST_INVALID'
  | 'MANIFEST_TOO_LARGE'
  | 'MANIFEST_UNKNOWN'
  | 'NAME_INVALID'
  | 'NAME_UNKNOWN'
  | 'PAGINATION_NUMBER_INVALID'
  | 'PRECONDITION_FAILED'
  | 'RANGE_INVALID'
  | 'SIZE_INVALID'
  | 'TAG_INVALID'
  | 'TOO_MANY_TAGS'
  | 'TOOMANYREQUESTS'
  | 'UNAUTHORIZED'
  | 'UNAVAILABLE'
  | 'UNSUPPORTED'

/** Codes of the management API and the command line. */
export type ManagementErrorCode =
  | 'CANCELLED'
  | 'CONFIG_INVALID'
  | 'CONFLICT'
  | 'INTERNAL'
  | 'INVALID_REQUEST'
  | 'NOT_FOUND'
  | 'STORAGE_FULL'
  | 'STORAGE_UNAVAILABLE'

/** What another registry did to us; `mirror/` keeps these as the reason of a failure. */
export type UpstreamErrorCode =
  | 'ADDRESS_NOT_ALLOWED'
  | 'UPSTREAM_DENIED'
  | 'UPSTREAM_INVALID'
  | 'UPSTREAM_NOT_FOUND'
  | 'UPSTREAM_RATE_LIMITED'
  | 'UPSTREAM_SHRUNK'
  | 'UPSTREAM_UNAVAILABLE'
  | 'UPSTREAM_UNSUPPORTED'

/** What a registry that we write to did to us; replications and copies keep these as the reason of a failure. */
export type TargetErrorCode =
  | 'TARGET_DENIED'
  | 'TARGET_INVALID'
  | 'TARGET_NOT_FOUND'
  | 'TARGET_PUBLIC'
  | 'TARGET_RATE_LIMITED'
  | 'TARGET_UNAVAILABLE'
  | 'TARGET_UNSUPPORTED'

export type ErrorCode = RegistryErrorCode | ManagementErrorCode | UpstreamErrorCode | TargetErrorCode

/** What an error is about, finer than its code. The API shows it, so that a page can word the error in its reader's language. */
export const ERROR_REASONS = [
  'absent',
  'archived',
  'changed-meanwhile',
  'disabled',
  'empty',
  'expired',
  'full',
  'immutable',
  'in-use',
  'invalid',
  'last',
  'mirrored',
  'not-confirmed',
  'not-stopped',
  'off',
  'on-already',
  'out-of-space',
  'own',
  'past',
  'paused',
  'plain-http',
  'private-only',
  'stopped',
  'taken',
  'too-big',
  'too-long',
  'too-short',
  'too-small',
  'unchanged',
  'unknown-field',
  'wrong',
] as const
export type ErrorReason = (typeof ERROR_REASONS)[number]

/** Kinds of things that errors are about. */
export const ERROR_NOUNS = [
  'account',
  'code',
  'definitions',
  'delivery',
  'device',
  'entry',
  'event',
  'grant',
  'hook',
  'identity',
  'image',
  'invitation',
  'link',
  'login',
  'member',
  'mirror',
  'operator',
  'organization',
  'owner',
  'password',
  'plan',
  'platform',
  'replication',
  'repository',
  'run',
  'session',
  'setup-code',
  'sign-in',
  'subscription',
  'tag',
  'target',
  'team',
  'token',
  'two-factor',
  'upstream',
  'user',
  'webhook',
] as const
export type ErrorNoun = (typeof ERROR_NOUNS)[number]

/** See `errorAboutSchema` of `api/`, which documents it. Undefined is as good as left out. */
export interface ErrorAbout {
  readonly reason: ErrorReason
  readonly what?: ErrorNoun | undefined
  readonly name?: string | undefined
  readonly where?: string | undefined
  readonly least?: number | undefined
  readonly most?: number | undefined
  readonly allowed?: readonly string[] | undefined
}

export interface AppErrorOptions {
  /** Structured facts for the reader of the answer; never a secret. */
  readonly detail?: unknown
  /** What `message` says, in parts. */
  readonly about?: ErrorAbout | undefined
  readonly cause?: unknown
}

/** An expected failure. `message` says what, where, got and want in one sentence; it is shown to the caller as it is. */
export class AppError extends Error {
  override readonly name = 'AppError'
  readonly code: ErrorCode
  readonly detail: unknown
  readonly about: ErrorAbout | undefined

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.detail = options.detail
    this.about = options.about
  }
}

/** True for an AppError, with the given code when one is named. */
export function isAppError(error: unknown, code?: ErrorCode): error is AppError {
  return error instanceof AppError && (code === undefined || error.code === code)
}

/** True when the work ended because its caller went away or asked it to stop; such an end is never logged as an error. */
export function isCancelled(error: unknown): boolean {
  return isAppError(error, 'CANCELLED') || (error instanceof DOMException && error.name === 'AbortError')
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
