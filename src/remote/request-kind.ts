import type { RequestKind } from '../net/registry-windows.ts'

/** As registries count requests. @param base of the registry; what is read elsewhere is for a token, what is written there a part of an upload */
export function kindOfRequest(method: string, url: URL, base: URL): RequestKind {
  // Where an upload goes on is the registry's to say: any path there, or the storage behind it.
  if (method === 'PATCH') return 'upload-part'
  const [, part] = /\/(manifests|blobs|tags|referrers)\/[^/]+$/.exec(url.pathname) ?? []
  if (method === 'PUT') return url.origin === base.origin && part === 'manifests' ? 'manifest-put' : 'upload-end'
  if (url.origin !== base.origin) return 'token'
  if (method === 'POST') return /\/blobs\/uploads\/?$/.test(url.pathname) ? 'upload-begin' : 'other'
  if (method === 'DELETE') return 'other'
  if (part === 'manifests') return method === 'HEAD' ? 'manifest-head' : 'manifest-get'
  if (part === 'blobs') return method === 'HEAD' ? 'blob-head' : 'blob'
  return part === 'tags' || part === 'referrers' ? part : 'other'
}
