// A registry in memory with the referrers API, made to be damaged: its contents are plain maps that a test changes as it likes.
import { digestOf, type Layout } from './fixtures.ts'

export interface MemoryRegistry {
  readonly url: string
  readonly tags: Map<string, string>
  /** Under the digest that it is asked by, which a test may make untrue. */
  readonly manifests: Map<string, { mediaType: string; bytes: Uint8Array }>
  readonly blobs: Map<string, Uint8Array>
  /** subject → descriptors. */
  readonly referrers: Map<string, Record<string, unknown>[]>
  stop(): Promise<void>
}

/** Serves one layout, whatever the repository's name, read only, on a free port of 127.0.0.1. */
export function startMemoryRegistry(layout: Layout): MemoryRegistry {
  const tags = new Map(layout.tags)
  const blobs = new Map(layout.blobs)
  const manifests = new Map(
    [...layout.manifests].map(([digest, { mediaType, bytes }]) => [digest, { mediaType, bytes }]),
  )
  const referrers = new Map<string, Record<string, unknown>[]>()
  for (const { subject, digest, mediaType, bytes, artifactType, annotations } of layout.manifests.values()) {
    if (subject === undefined) continue
    const descriptor = { mediaType, digest, size: bytes.length, artifactType, annotations }
    referrers.set(subject, [...(referrers.get(subject) ?? []), descriptor])
  }
  const missing = () => Response.json({ errors: [{ code: 'MANIFEST_UNKNOWN' }] }, { status: 404 })
  const answer = (bytes: Uint8Array | undefined, type: string, digest: string) =>
    bytes === undefined
      ? missing()
      : new Response(new Uint8Array(bytes), { headers: { 'content-type': type, 'docker-content-digest': digest } })

  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: (request) => {
      const path = new URL(request.url).pathname
      const [, kind = '', reference = ''] = /\/(manifests|blobs|referrers|tags)\/([^/]+)$/.exec(path) ?? []
      if (kind === 'tags') return Response.json({ name: 'memory', tags: [...tags.keys()].sort() })
      if (kind === 'blobs') return answer(blobs.get(reference), 'application/octet-stream', reference)
      if (kind === 'referrers') {
        const index = { schemaVersion: 2, manifests: referrers.get(reference) ?? [] }
        const bytes = new TextEncoder().encode(JSON.stringify(index))
        return answer(bytes, 'application/vnd.oci.image.index.v1+json', digestOf(bytes))
      }
      const digest = tags.get(reference) ?? reference
      const manifest = manifests.get(digest)
      return answer(manifest?.bytes, manifest?.mediaType ?? '', digest)
    },
  })
  return { url: server.url.origin, tags, manifests, blobs, referrers, stop: () => server.stop(true) }
}
