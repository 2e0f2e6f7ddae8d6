// Plain requests to a registry for the tests of the protocol: every header is what the test says, every answer is kept as it came.
import { Buffer } from 'node:buffer'
import { createHash } from 'node:crypto'

export type Algorithm = 'sha256' | 'sha512'

export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json'
export const OCI_CONFIG = 'application/vnd.oci.image.config.v1+json'
export const OCI_LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip'

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly bytes: Uint8Array
  readonly text: string
  /** The `code` of the first error, when the body is distribution-spec's error document. */
  readonly code: string | undefined
}

export interface Content {
  readonly digest: string
  readonly bytes: Uint8Array<ArrayBuffer>
}

export interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
  readonly [field: string]: unknown
}

export interface SendOptions {
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | string
  readonly signal?: AbortSignal
}

export interface OciRequests {
  readonly repository: string
  /** `path` is inside the repository (`blobs/sha256:…`), or absolute (`/v2/…`). Never throws for a status. */
  send(method: string, path: string, options?: SendOptions): Promise<Answer>
  /** Another repository, the same server and credentials. */
  in(repository: string): OciRequests
  /** POST then PUT; throws unless it is stored. */
  pushBlob(content: Content): Promise<Content>
  /** PUT by the reference (its own digest when absent); throws unless it is stored. */
  pushManifest(manifest: unknown, mediaType: string, reference?: string, algorithm?: Algorithm): Promise<Content>
}

export function contentOf(bytes: Uint8Array<ArrayBuffer> | string, algorithm: Algorithm = 'sha256'): Content {
  const buffer = typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes
  return { bytes: buffer, digest: `${algorithm}:${createHash(algorithm).update(buffer).digest('hex')}` }
}

let made = 0

/** Content that no other call made, the same in every run. */
export function freshContent(sizeBytes: number, algorithm: Algorithm = 'sha256'): Content {
  const bytes = new Uint8Array(sizeBytes)
  let state = ++made * 2654435761
  for (let i = 0; i < sizeBytes; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    bytes[i] = state >>> 24
  }
  return contentOf(bytes, algorithm)
}

export function describeContent({ digest, bytes }: Content, mediaType: string): Descriptor {
  return { mediaType, digest, size: bytes.byteLength }
}

/** A client with Basic credentials; null: anonymous. */
export function ociRequests(
  url: string,
  repository: string,
  credentials: { readonly username: string; readonly password: string } | { readonly bearer: string } | null,
): OciRequests {
  const authorization: Record<string, string> =
    credentials === null
      ? {}
      : 'bearer' in credentials
        ? { authorization: `Bearer ${credentials.bearer}` }
        : {
            authorization: `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')}`,
          }

  const send: OciRequests['send'] = async (method, path, options = {}) => {
    const target = path.startsWith('/') ? `${url}${path}` : `${url}/v2/${repository}/${path}`
    const response = await fetch(target, {
      method,
      headers: { ...authorization, ...options.headers },
      redirect: 'manual',
      decompress: false,
      ...(options.body === undefined ? {} : { body: options.body }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    })
    const bytes = new Uint8Array(await response.arrayBuffer())
    const text = new TextDecoder().decode(bytes.subarray(0, 4096))
    return { status: response.status, headers: response.headers, bytes, text, code: errorCode(text) }
  }
  const must = async (wanted: number, method: string, path: string, options?: SendOptions) => {
    const answer = await send(method, path, options)
    if (answer.status === wanted) return answer
    throw new Error(`${method} ${path} in ${repository}: want ${wanted}, got ${answer.status} ${answer.text}`)
  }
  return {
    repository,
    send,
    in: (other) => ociRequests(url, other, credentials),
    async pushBlob(content) {
      const begun = await must(202, 'POST', 'blobs/uploads/')
      await must(201, 'PUT', withQuery(locationOf(begun), { digest: content.digest }), { body: content.bytes })
      return content
    },
    async pushManifest(manifest, mediaType, reference, algorithm = 'sha256') {
      const content = contentOf(JSON.stringify(manifest), algorithm)
      const headers = { 'content-type': mediaType }
      await must(201, 'PUT', `manifests/${reference ?? content.digest}`, { headers, body: content.bytes })
      return content
    },
  }
}

function errorCode(text: string): string | undefined {
  try {
    const { errors } = JSON.parse(text) as { errors?: { code?: string }[] }
    return errors?.[0]?.code
  } catch {
    return undefined
  }
}

/** The path of the answer's Location. */
export function locationOf(answer: Answer): string {
  const location = answer.headers.get('location')
  if (location === null) throw new Error(`answer ${answer.status} has no Location: ${answer.text}`)
  return location
}

export function withQuery(path: string, query: Readonly<Record<string, string>>): string {
  return `${path}${path.includes('?') ? '&' : '?'}${new URLSearchParams(query)}`
}

export interface Image {
  readonly manifest: Content
  readonly config: Content
  readonly layers: readonly Content[]
  readonly descriptor: Descriptor
}

/** Pushes a small image with fresh blobs by digest, or under a tag; `extra` are more fields of its manifest. */
export async function pushImage(
  client: OciRequests,
  o: {
    readonly tag?: string
    readonly layers?: number
    readonly algorithm?: Algorithm
    readonly extra?: Record<string, unknown>
  } = {},
): Promise<Image> {
  const { algorithm = 'sha256' } = o
  const config = await client.pushBlob(freshContent(200, algorithm))
  const layers: Content[] = []
  for (let i = 0; i < (o.layers ?? 1); i++) layers.push(await client.pushBlob(freshContent(1000 + i, algorithm)))
  const body = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: describeContent(config, OCI_CONFIG),
    layers: layers.map((layer) => describeContent(layer, OCI_LAYER)),
    ...o.extra,
  }
  const manifest = await client.pushManifest(body, OCI_MANIFEST, undefined, algorithm)
  if (o.tag !== undefined) await client.pushManifest(body, OCI_MANIFEST, o.tag, algorithm)
  return { manifest, config, layers, descriptor: describeContent(manifest, OCI_MANIFEST) }
}
