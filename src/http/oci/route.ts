/** The paths of distribution-spec "Endpoints" (end-1 … end-14), read from the right: a name may itself hold `blobs` or `tags`. */
import { AppError } from '../../errors.ts'
import { parseTarget } from '../target.ts'

export type RouteKind = 'base' | 'catalog' | 'blob' | 'manifest' | 'tags' | 'referrers' | 'uploads' | 'upload'

/** `name` and `last` (digest, tag or session id) are decoded, not yet judged. */
export interface Route {
  readonly kind: RouteKind
  readonly name: string
  readonly last: string
  readonly query: URLSearchParams
}

/**
 * The route of a request's URL; undefined when no endpoint has this path.
 * Works on the URL as it was sent: `new URL` would resolve `..` away and make another name of it.
 * @throws AppError NAME_INVALID when the path is not percent-encoded UTF-8, or hides a `/` in an escape
 */
export function parseRoute(url: string): Route | undefined {
  const target = parseTarget(url)
  const { path } = target
  const query = new URLSearchParams(target.query)
  if (path === '/v2' || path === '/v2/') return { kind: 'base', name: '', last: '', query }
  if (!path.startsWith('/v2/')) return undefined
  const segments = path.slice('/v2/'.length).split('/').map(decode)
  const last = segments.at(-1) ?? ''
  const named = (kind: RouteKind, drop: number): Route | undefined => {
    const name = segments.slice(0, -drop).join('/')
    return { kind, name, last, query }
  }
  if (segments.length === 1 && last === '_catalog') return { kind: 'catalog', name: '', last, query }
  if (last === '' && segments.at(-2) === 'uploads' && segments.at(-3) === 'blobs') return named('uploads', 3)
  switch (segments.at(-2)) {
    case 'manifests':
      return named('manifest', 2)
    case 'blobs':
      return named(last === 'uploads' ? 'uploads' : 'blob', 2)
    case 'referrers':
      return named('referrers', 2)
    case 'tags':
      return last === 'list' ? named('tags', 2) : undefined
    case 'uploads':
      return segments.at(-3) === 'blobs' ? named('upload', 3) : undefined
    default:
      return undefined
  }
}

function decode(segment: string): string {
  let decoded: string
  try {
    decoded = decodeURIComponent(segment)
  } catch (error) {
    throw new AppError('NAME_INVALID', `path segment ${JSON.stringify(segment.slice(0, 80))} is not percent-encoded`, {
      cause: error,
    })
  }
  if (decoded.includes('/')) {
    throw new AppError('NAME_INVALID', `path segment ${JSON.stringify(segment.slice(0, 80))} hides a / in an escape`)
  }
  return decoded
}
