import type { RequestKind } from '../net/registry-windows.ts'

/** As registries count requests. @param base of the registry; what goes elsewhere is for a token */
export function kindOfRequest(method: string, url: URL, base: URL): RequestKind {
  if (url.origin !== base.origin) return 'token'
  const [, part] = /\/(manifests|blobs|tags|referrers)\/[^/]+$/.exec(url.pathname) ?? []
  if (part === 'manifests') return method === 'HEAD' ? 'manifest-head' : 'manifest-get'
  if (part === 'blobs') return 'blob'
  return part === 'tags' || part === 'referrers' ? part : 'other'
}
