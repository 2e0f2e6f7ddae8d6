// A small registry that takes uploads and manifests as the specification has them, and does otherwise where a test says so.
import { createHash } from 'node:crypto'
import type { Digest } from '../../../src/oci/digest.ts'

export interface Seen {
  readonly method: string
  /** Path and query. */
  readonly path: string
  readonly headers: Headers
  /** Of the body, as far as it came. */
  bytes: number
}

export interface SmallRegistry extends AsyncDisposable {
  readonly url: string
  readonly seen: Seen[]
  readonly blobs: Map<string, Uint8Array>
  readonly manifests: Map<string, { readonly bytes: Uint8Array; readonly type: string }>
  readonly tags: Map<string, string>
  /** Sessions with what they have. */
  readonly uploads: Map<string, Uint8Array>
  lines(): string[]
}

export interface Quirks {
  /** Before anything else; undefined: as usual. The body is still to be read. */
  before?(seen: Seen, request: Request, registry: SmallRegistry): Response | undefined | Promise<Response | undefined>
  /** How the Location of an upload is written. */
  location?(path: string, origin: string): string
  readonly headers?: Readonly<Record<string, string>>
  readonly hasReferrersApi?: boolean
  readonly hasTagParameter?: boolean
}

const digestOf = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}` as Digest
const problem = (status: number, code: string, message = code) =>
  Response.json({ errors: [{ code, message }] }, { status })

export function smallRegistry(quirks: Quirks = {}): SmallRegistry {
  const registry: Omit<SmallRegistry, 'url' | typeof Symbol.asyncDispose> = {
    seen: [],
    blobs: new Map(),
    manifests: new Map(),
    tags: new Map(),
    uploads: new Map(),
    lines: () => registry.seen.map(({ method, path }) => `${method} ${path}`),
  }
  const { blobs, manifests, tags, uploads } = registry
  let count = 0

  const read = async (request: Request, one: Seen): Promise<Uint8Array> => {
    const chunks: Uint8Array[] = []
    for await (const chunk of request.body ?? []) {
      one.bytes += chunk.byteLength
      chunks.push(chunk)
    }
    return Buffer.concat(chunks)
  }

  const at = (id: string, path: string, origin: string) => ({
    location: quirks.location?.(path, origin) ?? path,
    range: `0-${Math.max(0, (uploads.get(id)?.byteLength ?? 0) - 1)}`,
    ...quirks.headers,
  })

  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    idleTimeout: 60,
    async fetch(request) {
      const url = new URL(request.url)
      const one: Seen = { method: request.method, path: url.pathname + url.search, headers: request.headers, bytes: 0 }
      registry.seen.push(one)
      const early = await quirks.before?.(one, request, whole)
      if (early !== undefined) return early
      const path = url.pathname
      const [, id] = /\/blobs\/uploads\/([^/]+)$/.exec(path) ?? []
      const [, digest] = /\/blobs\/(sha256:[0-9a-f]+)$/.exec(path) ?? []
      const [, reference] = /\/manifests\/([^/]+)$/.exec(path) ?? []
      const [, subject] = /\/referrers\/([^/]+)$/.exec(path) ?? []
      if (request.method === 'POST' && path.endsWith('/blobs/uploads/')) {
        const next = `u${++count}`
        uploads.set(next, new Uint8Array())
        return new Response(null, { status: 202, headers: at(next, `${path}${next}?state=${next}%2B1`, url.origin) })
      }
      if (id !== undefined) {
        const had = uploads.get(id)
        if (had === undefined) return problem(404, 'BLOB_UPLOAD_UNKNOWN')
        if (request.method === 'DELETE') {
          uploads.delete(id)
          return new Response(null, { status: 204 })
        }
        const here = `${path}?state=${id}%2B1`
        if (request.method === 'GET') return new Response(null, { status: 204, headers: at(id, here, url.origin) })
        const range = /^(\d+)-/.exec(request.headers.get('content-range') ?? '')
        if (range !== null && Number(range[1]) !== had.byteLength) {
          return new Response(null, { status: 416, headers: at(id, here, url.origin) })
        }
        const all = Buffer.concat([had, await read(request, one)])
        uploads.set(id, all)
        if (request.method === 'PATCH') return new Response(null, { status: 202, headers: at(id, here, url.origin) })
        const wanted = url.searchParams.get('digest') ?? ''
        if (digestOf(all) !== wanted) return problem(400, 'DIGEST_INVALID')
        uploads.delete(id)
        blobs.set(wanted, all)
        return new Response(null, { status: 201, headers: { 'docker-content-digest': wanted } })
      }
      if (digest !== undefined) {
        const bytes = blobs.get(digest)
        return bytes === undefined ? problem(404, 'BLOB_UNKNOWN') : new Response(new Uint8Array(bytes))
      }
      if (subject !== undefined && quirks.hasReferrersApi === true) {
        const found = [...manifests].filter(([, { bytes }]) => subjectOf(bytes) === subject)
        const entries = found.map(([digest, { bytes, type }]) => ({ mediaType: type, digest, size: bytes.byteLength }))
        return Response.json(
          { schemaVersion: 2, mediaType: INDEX, manifests: entries },
          { headers: { 'content-type': INDEX } },
        )
      }
      if (reference !== undefined) return await manifest(request, reference, url, one)
      if (path.endsWith('/tags/list')) return Response.json({ name: 'app', tags: [...tags.keys()].sort() })
      return new Response('404 page not found', { status: 404 })
    },
  })

  async function manifest(request: Request, reference: string, url: URL, one: Seen): Promise<Response> {
    const named = reference.includes(':') ? reference : tags.get(reference)
    const found = named === undefined ? undefined : manifests.get(named)
    if (request.method === 'PUT') {
      const bytes = await read(request, one)
      const digest = digestOf(bytes)
      manifests.set(digest, { bytes, type: request.headers.get('content-type') ?? '' })
      if (!reference.includes(':')) tags.set(reference, digest)
      const set = quirks.hasTagParameter === true ? url.searchParams.getAll('tag') : []
      for (const tag of set) tags.set(tag, digest)
      const subject = quirks.hasReferrersApi === true ? subjectOf(bytes) : undefined
      return new Response(null, {
        status: 201,
        headers: {
          'docker-content-digest': digest,
          ...(set.length === 0 ? {} : { 'oci-tag': set.join(', ') }),
          ...(subject === undefined ? {} : { 'oci-subject': subject }),
        },
      })
    }
    if (named === undefined || found === undefined) return problem(404, 'MANIFEST_UNKNOWN')
    if (request.method === 'DELETE') {
      if (reference.includes(':')) {
        manifests.delete(named)
        for (const [tag, digest] of tags) if (digest === named) tags.delete(tag)
      } else tags.delete(reference)
      return new Response(null, { status: 202 })
    }
    const headers = { 'content-type': found.type, 'docker-content-digest': named, etag: `"${named}"` }
    return new Response(new Uint8Array(found.bytes), { headers })
  }

  const whole: SmallRegistry = {
    ...registry,
    url: `http://127.0.0.1:${server.port}`,
    async [Symbol.asyncDispose]() {
      await server.stop(true)
    },
  }
  return whole
}

export const INDEX = 'application/vnd.oci.image.index.v1+json'

function subjectOf(bytes: Uint8Array): string | undefined {
  return (JSON.parse(new TextDecoder().decode(bytes)) as { subject?: { digest?: string } }).subject?.digest
}
