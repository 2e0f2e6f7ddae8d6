import type { ErrorCode, RegistryErrorCode } from '../../errors.ts'

/**
 * What every message of a code begins with on `/v2` and at the token service: the words of distribution-spec 1.1 "Error Codes"
 * and, for codes that it does not have, of distribution's `registry/api/errcode`. Clients and scripts look for these words.
 * The last three are in neither. `UNKNOWN` is what a bug is called there. A code without a text does not compile.
 */
export const ERROR_TEXT: Record<RegistryErrorCode | 'UNKNOWN', string> = {
  BLOB_UNKNOWN: 'blob unknown to registry',
  BLOB_UPLOAD_INVALID: 'blob upload invalid',
  BLOB_UPLOAD_UNKNOWN: 'blob upload unknown to registry',
  DENIED: 'requested access to the resource is denied',
  DIGEST_INVALID: 'provided digest did not match uploaded content',
  MANIFEST_BLOB_UNKNOWN: 'manifest references a manifest or blob unknown to registry',
  MANIFEST_INVALID: 'manifest invalid',
  MANIFEST_UNKNOWN: 'manifest unknown',
  NAME_INVALID: 'invalid repository name',
  NAME_UNKNOWN: 'repository name not known to registry',
  SIZE_INVALID: 'provided length did not match content length',
  TOOMANYREQUESTS: 'too many requests',
  UNAUTHORIZED: 'authentication required',
  UNSUPPORTED: 'the operation is unsupported',

  PAGINATION_NUMBER_INVALID: 'invalid number of results requested',
  RANGE_INVALID: 'invalid content range',
  TAG_INVALID: 'manifest tag did not match URI',
  UNAVAILABLE: 'service unavailable',
  UNKNOWN: 'unknown error',

  MANIFEST_TOO_LARGE: 'manifest too large',
  PRECONDITION_FAILED: 'precondition failed',
  TOO_MANY_TAGS: 'too many tags',
}

/** The message as registry clients get it: the code's text, a colon, what happened here. */
export function wireMessage(code: ErrorCode | 'UNKNOWN', message: string): string {
  const text = Object.hasOwn(ERROR_TEXT, code) ? ERROR_TEXT[code as keyof typeof ERROR_TEXT] : undefined
  return text === undefined ? message : `${text}: ${message}`
}
