/**
 * Everything that hangs on an image: referrers of every level, what cosign keeps under tags, what BuildKit lists beside the image. By what
 * manifests say of themselves; that a signature hangs on something does not say that it is a good one.
 */
import { findManifest } from '../db/content/manifests.ts'
import { listReferrerDigests } from '../db/content/referrer-types.ts'
import { findTags } from '../db/content/tags.ts'
import type { Queries } from '../db/engine/engine.ts'
import { clipped } from '../lib/quoted.ts'
import { createTurns } from '../lib/turns.ts'
import { formOf, predicateTypeOf } from '../oci/attestation-types.ts'
import { isSignatureType, isSigningPredicate } from '../oci/attested.ts'
import { algorithmOf, type Digest, encodedOf } from '../oci/digest.ts'
import type { ParsedManifest } from '../oci/manifest.ts'
import type { Tag } from '../oci/reference.ts'
import { kindOfPredicate } from './documents.ts'
import { isPlatform, parsed } from './indexes.ts'

export type AttachedKind = 'attestation' | 'signature' | 'sbom' | 'report' | 'artifact'

export interface Attached {
  readonly digest: Digest
  /** The manifest that it hangs on: the image, one of its platforms, or something that hangs there itself. */
  readonly parent: Digest
  readonly kind: AttachedKind
  readonly via: 'referrer' | 'tag' | 'index'
  readonly artifactType: string | undefined
  readonly sizeBytes: number
  readonly documents: readonly AttachedDocument[]
  readonly annotations: Readonly<Record<string, string>>
  /** A signature is part of it: a DSSE envelope, a Sigstore bundle. */
  readonly isEnveloped: boolean
}

export interface AttachedDocument {
  readonly blob: Digest
  readonly mediaType: string
  readonly sizeBytes: number
  readonly predicateType: string | undefined
}

export interface AttachedTree {
  readonly nodes: readonly Attached[]
  /** There is more than is told. */
  readonly isPartial: boolean
}

/** Real images have some thirty, with signatures, for each platform. */
const MAX_NODES = 500
const MAX_LOOKED = 2 * MAX_NODES
/** Of all their manifests, which are parsed: real ones have some kilobytes each. */
const MAX_BYTES = 8 * 1024 * 1024
const MAX_DEPTH = 8
const MAX_ROOTS = 60
const MAX_DOCUMENTS = 20
const MAX_TEXT = 300
const MAX_ANNOTATIONS = 30

/** In the order in which it hangs: of the image first, then of its platforms, each before what hangs on it. */
export async function listAttached(
  db: Queries,
  repositoryId: string,
  digest: Digest,
  image: ParsedManifest,
): Promise<AttachedTree> {
  const nodes: Attached[] = []
  const seen = new Set<Digest>([digest])
  const turns = createTurns()
  let isPartial = false
  /** Manifests that were looked for, whether they are here or not, and the bytes of those that are. */
  let [looked, bytes] = [0, 0]

  async function add(found: Digest, parent: Digest, via: Attached['via'], depth: number) {
    if (seen.has(found)) return
    if (nodes.length >= MAX_NODES || depth > MAX_DEPTH || looked >= MAX_LOOKED || bytes > MAX_BYTES) {
      isPartial = true
      return
    }
    looked++
    const turn = turns()
    if (turn !== undefined) await turn
    const row = await findManifest(db, repositoryId, found)
    if (row === undefined) return
    bytes += row.sizeBytes
    if (bytes > MAX_BYTES) {
      isPartial = true
      return
    }
    const manifest = parsed(row.bytes)
    if (manifest === undefined) return
    seen.add(found)
    nodes.push(nodeOf({ digest: found, parent, via, manifest, sizeBytes: row.sizeBytes }))
    await hang(found, depth + 1)
  }

  async function hang(subject: Digest, depth: number) {
    const limit = MAX_NODES + 1 - nodes.length
    const found = limit <= 0 ? [] : await listReferrerDigests(db, repositoryId, subject, limit)
    for (const one of found) await add(one, subject, 'referrer', depth)
    const ends = ['sig', 'att', 'sbom'].map((end) => `${algorithmOf(subject)}-${encodedOf(subject)}.${end}` as Tag)
    const tagged = await findTags(db, repositoryId, ends)
    for (const tag of ends) {
      const one = tagged.get(tag)
      if (one !== undefined) await add(one, subject, 'tag', depth)
    }
  }

  await hang(digest, 1)
  const parts = image.children.filter(isPlatform)
  if (parts.length > MAX_ROOTS) isPartial = true
  for (const part of parts.slice(0, MAX_ROOTS)) {
    if (seen.has(part.digest)) continue
    seen.add(part.digest)
    await hang(part.digest, 1)
  }
  const platforms = new Set<string>(parts.map((part) => part.digest))
  for (const child of image.children) {
    const { 'vnd.docker.reference.type': type, 'vnd.docker.reference.digest': about } = child.annotations ?? {}
    if (type !== 'attestation-manifest' || about === undefined || !platforms.has(about)) continue
    await add(child.digest, about as Digest, 'index', 1)
  }
  return { nodes, isPartial }
}

interface Found {
  readonly digest: Digest
  readonly parent: Digest
  readonly via: Attached['via']
  readonly manifest: ParsedManifest
  readonly sizeBytes: number
}

export function nodeOf({ digest, parent, via, manifest, sizeBytes }: Found): Attached {
  const { layers, artifactType, annotations } = manifest
  const ofManifest = predicateTypeOf(annotations)
  const documents = layers.slice(0, MAX_DOCUMENTS).map((layer) => ({
    blob: layer.digest,
    mediaType: clipped(layer.mediaType, MAX_TEXT),
    sizeBytes: layer.size,
    predicateType: shortOf(predicateTypeOf(layer.annotations) ?? ofManifest),
  }))
  return {
    digest,
    parent,
    via,
    kind: kindOf(manifest, documents),
    artifactType: shortOf(artifactType),
    sizeBytes: layers.reduce((sum, { size }) => sum + size, sizeBytes),
    documents,
    annotations: Object.fromEntries(
      Object.entries(annotations ?? {})
        .slice(0, MAX_ANNOTATIONS)
        .map(([name, value]) => [clipped(name, MAX_TEXT), clipped(value, MAX_TEXT)]),
    ),
    isEnveloped: documents.some(({ mediaType }) => formOf(mediaType) === 'envelope'),
  }
}

function kindOf({ layers, artifactType = '' }: ParsedManifest, documents: readonly AttachedDocument[]): AttachedKind {
  const types = [artifactType, ...layers.map(({ mediaType }) => mediaType)]
  if (documents.length > 0 && documents.every(({ predicateType }) => isSigningPredicate(predicateType)))
    return 'signature'
  if (types.some(isSignatureType)) return 'signature'
  // A bundle of a bare signature names no predicate.
  const isBundle = types.some((type) => type.startsWith('application/vnd.dev.sigstore.bundle'))
  if (isBundle && documents.every(({ predicateType }) => predicateType === undefined)) return 'signature'
  const kinds = documents.map(({ predicateType }) => kindOfPredicate(predicateType))
  if (types.some((type) => /spdx|cyclonedx/.test(type))) return 'sbom'
  if (types.some((type) => /sarif/.test(type))) return 'report'
  if (types.some((type) => formOf(type) !== undefined) || kinds.some((kind) => kind !== undefined)) return 'attestation'
  return 'artifact'
}

function shortOf(text: string | undefined): string | undefined {
  return text === undefined ? undefined : clipped(text, MAX_TEXT)
}
