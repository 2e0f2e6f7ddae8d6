import { describe, expect, test } from 'bun:test'
import { isAppError } from '../../../src/errors.ts'
import { parseRoute } from '../../../src/http/oci/route.ts'

const read = (path: string) => {
  try {
    const route = parseRoute(`http://host:1${path}`)
    return route === undefined ? undefined : [route.kind, route.name, route.last]
  } catch (error) {
    if (isAppError(error)) return error.code
    throw error
  }
}

describe('Paths are read from the right (distribution-spec "Endpoints")', () => {
  const rows: [string, unknown][] = [
    ['/v2', ['base', '', '']],
    ['/v2/', ['base', '', '']],
    ['/v2/_catalog', ['catalog', '', '_catalog']],
    ['/v2/a/b/manifests/v1', ['manifest', 'a/b', 'v1']],
    ['/v2/a/b/blobs/sha256:x', ['blob', 'a/b', 'sha256:x']],
    ['/v2/a/b/blobs/sha256%3Ax', ['blob', 'a/b', 'sha256:x']],
    ['/v2/a/b/tags/list', ['tags', 'a/b', 'list']],
    ['/v2/a/b/referrers/sha256:x', ['referrers', 'a/b', 'sha256:x']],
    ['/v2/a/b/blobs/uploads/', ['uploads', 'a/b', '']],
    ['/v2/a/b/blobs/uploads', ['uploads', 'a/b', 'uploads']],
    ['/v2/a/b/blobs/uploads/id', ['upload', 'a/b', 'id']],
    ['/v2/a/manifests/manifests/manifests', ['manifest', 'a/manifests', 'manifests']],
    ['/v2/a/blobs/uploads/manifests/v1', ['manifest', 'a/blobs/uploads', 'v1']],
    ['/v2/a/blobs/uploads/blobs/uploads/', ['uploads', 'a/blobs/uploads', '']],
    ['/v2/a/tags/list/tags/list', ['tags', 'a/tags/list', 'list']],
    ['/v2/blobs/referrers/tags/manifests/list', ['manifest', 'blobs/referrers/tags', 'list']],
    ['/v2/manifests/v1', ['manifest', '', 'v1']],
    ['/v2/a/manifests/', ['manifest', 'a', '']],
    ['/v2/a%2fb/manifests/v1', 'NAME_INVALID'],
    ['/v2/a/manifests/%zz', 'NAME_INVALID'],
    ['/v2/a/manifests/%ff', 'NAME_INVALID'],
    ['/v2/a', undefined],
    ['/v2/a/tags/other', undefined],
    ['/v2/a/uploads/id', undefined],
    ['/v1/a/manifests/v1', undefined],
    ['/', undefined],
  ]
  for (const [path, want] of rows) test(path, () => expect<unknown>(read(path)).toEqual(want))

  test('the query is decoded, and repeated names are kept', () => {
    const route = parseRoute('http://h/v2/a/b/blobs/uploads/?mount=sha256%3Ax&from=team/app&tag=1&tag=2#hash')
    expect(route?.query.get('mount')).toBe('sha256:x')
    expect(route?.query.get('from')).toBe('team/app')
    expect(route?.query.getAll('tag')).toEqual(['1', '2'])
  })
})
