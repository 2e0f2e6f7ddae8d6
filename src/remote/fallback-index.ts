/** The index of referrers that clients keep under a tag where a registry has no API for them, as data (distribution-spec "Referrers Tag Schema"). */
import { parseForeignJson } from '../lib/json.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import { MAX_MANIFEST_BYTES, parseDescriptor, parseManifest } from '../oci/manifest.ts'
import { MediaType } from '../oci/media-types.ts'
import type { Manifest } from '../oci/repository.ts'

type Json = Readonly<Record<string, unknown>>

export interface FallbackIndex {
  /** As others wrote it, with whatever else they keep in it. */
  readonly body: Json
  readonly entries: readonly { readonly digest: Digest; readonly raw: unknown }[]
}

export const EMPTY_INDEX: FallbackIndex = {
  body: { schemaVersion: 2, mediaType: MediaType.ociIndex, manifests: [] },
  entries: [],
}

/** Undefined for what is none: then it is somebody's own, and stays as it is. */
export function readFallbackIndex({ bytes, descriptor }: Manifest): FallbackIndex | undefined {
  try {
    const parsed = parseManifest(bytes, descriptor.mediaType)
    if (parsed.descriptor.mediaType !== MediaType.ociIndex) return undefined
    const body = parseForeignJson(new TextDecoder().decode(bytes)) as Json
    const raws = Array.isArray(body.manifests) ? body.manifests : []
    const entries = raws.map((raw, i) => ({ digest: parseDescriptor(raw, `manifests[${i}]`).digest, raw }))
    return { body, entries }
  } catch {
    return undefined
  }
}

/**
 * The index with entries added and taken away, each digest once; undefined when that changes nothing.
 * @throws RangeError when it is larger than registries take
 */
export function changedIndex(
  { body, entries }: FallbackIndex,
  add: readonly Descriptor[],
  remove: ReadonlySet<Digest>,
): Uint8Array<ArrayBuffer> | undefined {
  const kept = new Map<Digest, unknown>()
  for (const { digest, raw } of entries) if (!kept.has(digest) && !remove.has(digest)) kept.set(digest, raw)
  const isChanged = kept.size < entries.length || add.some(({ digest }) => !kept.has(digest))
  if (!isChanged) return undefined
  for (const one of add) if (!kept.has(one.digest)) kept.set(one.digest, one)
  const bytes = new TextEncoder().encode(
    JSON.stringify({ ...body, schemaVersion: 2, mediaType: MediaType.ociIndex, manifests: [...kept.values()] }),
  )
  if (bytes.byteLength > MAX_MANIFEST_BYTES) throw new RangeError(`would have ${bytes.byteLength} bytes`)
  return bytes
}

/** A referrer as a list of them shows it (distribution-spec "Listing Referrers"). */
export function referrerEntry({ bytes, descriptor }: Manifest): Descriptor {
  const { artifactType, annotations } = parseManifest(bytes, descriptor.mediaType)
  return {
    mediaType: descriptor.mediaType,
    digest: descriptor.digest,
    size: bytes.byteLength,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(annotations === undefined ? {} : { annotations }),
  }
}
