// What a quirk registry holds: plain maps, which a test reads and changes as it likes.
import { digestOf, fallbackTagOf } from '../fixtures.ts'

export interface StoredManifest {
  readonly mediaType: string
  readonly bytes: Uint8Array
}

export interface QuirkRepository {
  readonly blobs: Map<string, Uint8Array>
  readonly manifests: Map<string, StoredManifest>
  readonly tags: Map<string, string>
}

export interface ReadManifest {
  readonly mediaType?: string
  readonly artifactType?: string
  readonly annotations?: Record<string, string>
  readonly subject?: { readonly digest: string }
  readonly config?: { readonly mediaType: string; readonly digest: string }
  readonly layers?: readonly { readonly digest: string; readonly mediaType?: string }[]
  readonly manifests?: readonly { readonly digest: string }[]
}

export interface Store {
  readonly repositories: Map<string, QuirkRepository>
  find(name: string): QuirkRepository | undefined
  make(name: string): QuirkRepository
}

export const INDEX = 'application/vnd.oci.image.index.v1+json'

export function createStore(): Store {
  const repositories = new Map<string, QuirkRepository>()
  return {
    repositories,
    find: (name) => repositories.get(name),
    make(name) {
      const made = repositories.get(name) ?? { blobs: new Map(), manifests: new Map(), tags: new Map() }
      repositories.set(name, made)
      return made
    },
  }
}

export function read({ bytes }: StoredManifest): ReadManifest {
  return JSON.parse(new TextDecoder().decode(bytes)) as ReadManifest
}

export function blobsOf({ config, layers = [] }: ReadManifest): string[] {
  return [...(config === undefined ? [] : [config.digest]), ...layers.map(({ digest }) => digest)]
}

/** Whether a manifest that is there names the blob. */
export function isCommitted({ manifests }: QuirkRepository, blob: string): boolean {
  return [...manifests.values()].some((one) => blobsOf(read(one)).includes(blob))
}

/** The index that the referrers API shows. */
export function referrersOf({ manifests }: QuirkRepository, subject: string): Uint8Array {
  const listed = [...manifests].flatMap(([digest, stored]) => {
    const manifest = read(stored)
    if (manifest.subject?.digest !== subject) return []
    const { artifactType = manifest.config?.mediaType, annotations } = manifest
    return [{ mediaType: stored.mediaType, digest, size: stored.bytes.length, artifactType, annotations }]
  })
  return new TextEncoder().encode(JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: listed }))
}

/** What a reference names; `showsSubject`: see `showsSubjectAtFallbackTag`. */
export function resolve(repository: QuirkRepository, reference: string, showsSubject: boolean): string | undefined {
  if (reference.includes(':')) return repository.manifests.has(reference) ? reference : undefined
  const tagged = repository.tags.get(reference)
  if (tagged !== undefined || !showsSubject) return tagged
  return [...repository.manifests.keys()].find((digest) => fallbackTagOf(digest) === reference)
}

export { digestOf }
