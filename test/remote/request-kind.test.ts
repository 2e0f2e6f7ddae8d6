// What a request counts as at a registry that counts kinds apart.
import { expect, test } from 'bun:test'
import { kindOfRequest } from '../../src/remote/request-kind.ts'

const BASE = new URL('https://registry.test')

test.each([
  ['GET', '/v2/a/b/manifests/1.0', 'manifest-get'],
  ['HEAD', '/v2/a/b/manifests/1.0', 'manifest-head'],
  ['PUT', '/v2/a/b/manifests/1.0?tag=x', 'manifest-put'],
  ['DELETE', '/v2/a/b/manifests/1.0', 'other'],
  ['GET', '/v2/a/blobs/sha256:00', 'blob'],
  ['HEAD', '/v2/a/blobs/sha256:00', 'blob-head'],
  ['POST', '/v2/a/blobs/uploads/?mount=sha256:00&from=b', 'upload-begin'],
  ['PATCH', '/v2/a/blobs/uploads/4711?state=x', 'upload-part'],
  ['PUT', '/v2/a/blobs/uploads/4711?digest=x', 'upload-end'],
  ['PATCH', 'https://storage.test/bucket/4711', 'upload-part'],
  ['PUT', 'https://storage.test/bucket/4711', 'upload-end'],
  ['GET', '/v2/a/tags/list', 'tags'],
  ['GET', '/v2/a/referrers/sha256:00', 'referrers'],
  ['POST', '/oauth2/token', 'other'],
  ['POST', 'https://auth.test/token', 'token'],
  ['GET', 'https://auth.test/token', 'token'],
  ['GET', '/v2/', 'other'],
])('%s %s: %s', (method, path, kind) => {
  expect(kindOfRequest(method, new URL(path, BASE), BASE)).toBe(kind as never)
})
