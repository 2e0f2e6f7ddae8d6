// One request to the quirk registry and what becomes of it, and the count of all of them.
import type { RequestKind } from './quirks.ts'

export interface Asked {
  readonly method: string
  readonly url: URL
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: Uint8Array
  readonly kind: RequestKind
}

export interface Reply {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  /** Of a HEAD: what a GET would have brought. */
  readonly body?: Uint8Array | string
}

/** The connection ends without an answer. */
export const DROP = 'drop'

export interface Counted {
  readonly method: string
  /** Path and query. */
  readonly path: string
  readonly kind: RequestKind
  readonly host: 'registry' | 'storage'
  readonly authorization: 'none' | 'basic' | 'bearer' | 'other'
  readonly bytes: number
  readonly status: number | 'dropped'
}

export interface Counts {
  readonly requests: Counted[]
  /** Of one kind, or of all. */
  count(kind?: RequestKind): number
  /** `repository digest` → how often the blob was uploaded to its end. */
  readonly uploads: Map<string, number>
  readonly mounts: { tried: number; done: number }
  /** PUTs of manifests that changed nothing: `repository reference`. */
  readonly identicalPuts: string[]
}

export function createCounts(): Counts {
  const requests: Counted[] = []
  return {
    requests,
    count: (kind) => (kind === undefined ? requests.length : requests.filter((one) => one.kind === kind).length),
    uploads: new Map(),
    mounts: { tried: 0, done: 0 },
    identicalPuts: [],
  }
}

/** Told from method and path alone. @param tokenPath of the token service */
export function kindOf(method: string, { pathname }: URL, tokenPath: string): RequestKind {
  if (pathname === tokenPath) return 'token'
  if (/^\/v2\/?$/.test(pathname)) return 'ping'
  if (pathname.startsWith('/api/')) return 'management'
  if (/\/blobs\/uploads\/?$/.test(pathname)) return 'upload-begin'
  if (/\/blobs\/uploads\/|^\/signed\//.test(pathname)) {
    return method === 'PATCH' ? 'upload-part' : method === 'PUT' ? 'upload-end' : 'upload-status'
  }
  if (/\/tags\/list$/.test(pathname)) return 'tags'
  const [, noun] = /\/(manifests|blobs|referrers)\/[^/]+$/.exec(pathname) ?? []
  if (noun === undefined) return 'other'
  if (method === 'DELETE') return 'delete'
  if (noun === 'referrers') return 'referrers'
  if (noun === 'blobs') return method === 'HEAD' ? 'blob-head' : 'blob-get'
  return method === 'HEAD' ? 'manifest-head' : method === 'PUT' ? 'manifest-put' : 'manifest-get'
}

/** distribution-spec "Error Codes". */
export function refuse(status: number, code: string, message = code.toLowerCase(), headers = {}): Reply {
  const body = JSON.stringify({ errors: [{ code, message }] })
  return { status, headers: { 'content-type': 'application/json', ...headers }, body }
}

export function json(value: unknown, headers: Readonly<Record<string, string>> = {}): Reply {
  return { status: 200, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(value) }
}
