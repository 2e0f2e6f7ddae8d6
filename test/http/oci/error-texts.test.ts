import { describe, expect, test } from 'bun:test'
import pino from 'pino'
import { AppError, type RegistryErrorCode } from '../../../src/errors.ts'
import { renderError } from '../../../src/http/oci/errors.ts'

/** Distribution-spec 1.1 "Error Codes", then distribution's `errcode`; the last three are our own. A missing code does not compile. */
const WANT: Record<RegistryErrorCode, string> = {
  BLOB_UNKNOWN: 'blob unknown to registry',
  BLOB_UPLOAD_INVALID: 'blob upload invalid',
  BLOB_UPLOAD_UNKNOWN: 'blob upload unknown to registry',
  DIGEST_INVALID: 'provided digest did not match uploaded content',
  MANIFEST_BLOB_UNKNOWN: 'manifest references a manifest or blob unknown to registry',
  MANIFEST_INVALID: 'manifest invalid',
  MANIFEST_UNKNOWN: 'manifest unknown',
  NAME_INVALID: 'invalid repository name',
  NAME_UNKNOWN: 'repository name not known to registry',
  SIZE_INVALID: 'provided length did not match content length',
  UNAUTHORIZED: 'authentication required',
  DENIED: 'requested access to the resource is denied',
  UNSUPPORTED: 'the operation is unsupported',
  TOOMANYREQUESTS: 'too many requests',
  PAGINATION_NUMBER_INVALID: 'invalid number of results requested',
  RANGE_INVALID: 'invalid content range',
  TAG_INVALID: 'manifest tag did not match URI',
  UNAVAILABLE: 'service unavailable',
  MANIFEST_TOO_LARGE: 'manifest too large',
  PRECONDITION_FAILED: 'precondition failed',
  TOO_MANY_TAGS: 'too many tags',
}

const logger = pino({ level: 'silent' })
const render = (error: unknown, method = 'GET') => renderError(error, new Request('http://h/v2/', { method }), logger)
const messageOf = async (error: unknown) =>
  ((await render(error).json()) as { errors: { message: string }[] }).errors[0]?.message

describe('messages of /v2 begin with the text of their code (distribution-spec "Error Codes")', () => {
  for (const [code, text] of Object.entries(WANT) as [RegistryErrorCode, string][]) {
    test(code, async () => {
      expect(await messageOf(new AppError(code, 'what happened here'))).toBe(`${text}: what happened here`)
      expect(await render(new AppError(code, 'what happened here'), 'HEAD').text()).toBe('')
    })
  }

  test('a bug is an unknown error', async () => {
    expect(await messageOf(new Error('secret'))).toMatch(/^unknown error: internal error, request \S+$/)
  })

  test('a code that no registry knows keeps its message', async () => {
    expect(await messageOf(new AppError('STORAGE_FULL', 'the disk is full'))).toBe('the disk is full')
  })
})
