// What a request to a registry is for, told from its method and path alone (Distribution 1.1, "Endpoints").

export type RequestKind =
  | 'ping'
  | 'token'
  | 'tags'
  | 'catalog'
  | 'manifest-head'
  | 'manifest-get'
  | 'manifest-put'
  | 'blob-head'
  | 'blob-get'
  | 'upload'
  | 'referrers'
  | 'delete'
  | 'other'

/** Says what a request to a registry is for, and which reference it names. */
export function classify(method: string, path: string): { kind: RequestKind; reference: string } {
  const plain = path.split('?')[0] ?? ''
  if (/^\/v2\/?$/.test(plain)) return { kind: 'ping', reference: '' }
  if (plain === '/v2/_catalog') return { kind: 'catalog', reference: '' }
  if (/^\/v2\/.+\/tags\/list$/.test(plain)) return { kind: 'tags', reference: '' }
  if (/^\/v2\/.+\/blobs\/uploads(\/|$)/.test(plain)) return { kind: 'upload', reference: '' }
  const [, noun = '', encoded = ''] = /^\/v2\/.+\/(manifests|blobs|referrers)\/([^/]+)$/.exec(plain) ?? []
  const reference = decodeURIComponent(encoded)
  if (noun !== '' && method === 'DELETE') return { kind: 'delete', reference }
  if (noun === 'referrers') return { kind: 'referrers', reference }
  if (noun === 'manifests') {
    return { kind: method === 'HEAD' ? 'manifest-head' : method === 'PUT' ? 'manifest-put' : 'manifest-get', reference }
  }
  if (noun === 'blobs') return { kind: method === 'HEAD' ? 'blob-head' : 'blob-get', reference }
  return { kind: /token|auth/.test(plain) ? 'token' : 'other', reference: '' }
}
