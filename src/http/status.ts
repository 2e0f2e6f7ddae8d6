import type { ErrorCode } from '../errors.ts'

/**
 * HTTP status of each error. A code without a status does not compile.
 * Registry codes as in distribution-spec "Error Codes" and Docker's registry.
 */
export const STATUS: Record<ErrorCode, number> = {
  BLOB_UNKNOWN: 404,
  BLOB_UPLOAD_INVALID: 400,
  BLOB_UPLOAD_UNKNOWN: 404,
  DENIED: 403,
  DIGEST_INVALID: 400,
  MANIFEST_BLOB_UNKNOWN: 400,
  MANIFEST_INVALID: 400,
  MANIFEST_TOO_LARGE: 413,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  PAGINATION_NUMBER_INVALID: 400,
  PRECONDITION_FAILED: 412,
  RANGE_INVALID: 416,
  SIZE_INVALID: 400,
  TAG_INVALID: 400,
  // distribution-spec "Pushing Manifests": 414 when a digest PUT names more tags than are taken.
  TOO_MANY_TAGS: 414,
  TOOMANYREQUESTS: 429,
  UNAUTHORIZED: 401,
  UNAVAILABLE: 503,
  UNSUPPORTED: 405,

  // Nobody is left to read it; nginx's number for a client that went away.
  CANCELLED: 499,
  CONFIG_INVALID: 400,
  CONFLICT: 409,
  INTERNAL: 500,
  INVALID_REQUEST: 400,
  NOT_FOUND: 404,
  STORAGE_FULL: 507,

  ADDRESS_NOT_ALLOWED: 400,
  UPSTREAM_DENIED: 502,
  UPSTREAM_INVALID: 502,
  UPSTREAM_NOT_FOUND: 404,
  UPSTREAM_RATE_LIMITED: 503,
  UPSTREAM_SHRUNK: 502,
  UPSTREAM_UNAVAILABLE: 502,
  UPSTREAM_UNSUPPORTED: 502,

  TARGET_DENIED: 502,
  TARGET_INVALID: 502,
  TARGET_NOT_FOUND: 404,
  // Nothing is sent to where everybody may read it.
  TARGET_PUBLIC: 409,
  TARGET_RATE_LIMITED: 503,
  TARGET_UNAVAILABLE: 502,
  TARGET_UNSUPPORTED: 502,
}
