/** Where the attestations of an image are that tell what it holds: in all the places in which tools leave them. */
import { findManifest, findTaggedManifest } from '../db/content/manifests.ts'
import { listReferrerTypes } from '../db/content/referrer-types.ts'
import type { Queries } from '../db/engine/engine.ts'
import { createTurns } from '../lib/turns.ts'
import { type DocumentForm, formOf, predicateTypeOf } from '../oci/attestation-types.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { algorithmOf, type Digest, encodedOf } from '../oci/digest.ts'
import { type ParsedManifest, parseManifest } from '../oci/manifest.ts'
import type { Tag } from '../oci/reference.ts'

export type DocumentKind = 'cyclonedx' | 'spdx' | 'vulns' | 'scout' | 'vex' | 'sarif'

export interface Document {
  readonly kind: DocumentKind
  readonly form: DocumentForm
  readonly blob: Digest
  readonly sizeBytes: number
  /** The manifest that it has to be about. */
  readonly subject: Digest
  /** The manifest that it is a layer of. */
  readonly manifest: Digest
}

/** Real images have some 15 attestations; whoever attaches more decides nothing by it but what is looked at. */
const MAX_REFERRERS = 200
const MAX_DOCUMENTS = 24
/** Of the manifests that are looked at; real ones have some kilobytes each. */
const MAX_MANIFEST_BYTES = 16 * 1024 * 1024

const PREDICATES: readonly (readonly [start: string, kind: DocumentKind])[] = [
  ['https://cyclonedx.org/bom', 'cyclonedx'],
  ['https://spdx.dev/Document', 'spdx'],
  ['https://in-toto.io/attestation/vulns', 'vulns'],
  ['https://cosign.sigstore.dev/attestation/vuln/', 'vulns'],
  ['https://scout.docker.com/vulnerabilities', 'scout'],
  ['https://openvex.dev/ns', 'vex'],
]

/** What an attestation with this predicate type tells; undefined: nothing that is compared. */
export function kindOfPredicate(type: string | undefined): DocumentKind | undefined {
  return PREDICATES.find(([start]) => type?.startsWith(start))?.[1]
}

function kindOfMediaType(type: string): DocumentKind | undefined {
  if (/^(application\/vnd\.cyclonedx|application\/cyclonedx)\+json\b/.test(type)) return 'cyclonedx'
  if (/^(application|text)\/spdx\+json\b/.test(type)) return 'spdx'
  if (/^application\/sarif\+json\b/.test(type)) return 'sarif'
  if (/^(application|text)\/(vnd\.)?openvex\+json\b/.test(type)) return 'vex'
  return undefined
}

/** The documents about one image in digest order, so that the same content gives the same answer. @param index the index that lists it */
export async function listDocuments(
  db: Queries,
  repositoryId: string,
  image: Digest,
  index: ParsedManifest | undefined,
): Promise<Document[]> {
  const turns = createTurns()
  let bytes = 0
  const read = async (digest: Digest) => {
    if (bytes > MAX_MANIFEST_BYTES) return undefined
    const turn = turns()
    if (turn !== undefined) await turn
    const row = await findManifest(db, repositoryId, digest)
    bytes += row?.sizeBytes ?? 0
    return bytes > MAX_MANIFEST_BYTES ? undefined : parsed(row?.bytes)
  }
  const found: Document[] = []
  const add = (subject: Digest, manifest: ParsedManifest | undefined) => {
    for (const layer of manifest?.layers ?? []) {
      const document = documentOf(layer, manifest?.annotations)
      if (document !== undefined) found.push({ ...document, subject, manifest: manifest?.descriptor.digest ?? subject })
    }
  }
  for (const digest of await referrersWorthReading(db, repositoryId, image)) add(image, await read(digest))
  // BuildKit: beside the image in its index.
  const beside = (index?.children ?? []).filter(
    ({ annotations }) =>
      annotations?.['vnd.docker.reference.type'] === 'attestation-manifest' &&
      annotations['vnd.docker.reference.digest'] === image,
  )
  for (const { digest } of beside.slice(0, MAX_DOCUMENTS)) add(image, await read(digest))
  // Classic cosign: tags that are named after the digest.
  for (const end of ['att', 'sbom']) {
    const tag = `${algorithmOf(image)}-${encodedOf(image)}.${end}` as Tag
    add(image, parsed((await findTaggedManifest(db, repositoryId, tag))?.bytes))
  }
  return [...new Map(found.map((one) => [one.blob, one])).values()]
    .sort((a, b) => (a.blob < b.blob ? -1 : 1))
    .slice(0, MAX_DOCUMENTS)
}

/** Those whose list entry does not rule out that there is something to compare in them: signatures are many. */
async function referrersWorthReading(db: Queries, repositoryId: string, image: Digest): Promise<Digest[]> {
  const referrers = await listReferrerTypes(db, repositoryId, [image], MAX_REFERRERS)
  return referrers
    .filter(({ artifactType, annotations }) => {
      const predicate = predicateTypeOf(annotations)
      if (predicate !== undefined) return kindOfPredicate(predicate) !== undefined
      return artifactType !== undefined && (isAttestation(artifactType) || kindOfMediaType(artifactType) !== undefined)
    })
    .map(({ digest }) => digest)
}

function isAttestation(type: string): boolean {
  return formOf(type) !== undefined
}

function documentOf(
  layer: Descriptor,
  ofManifest: Readonly<Record<string, string>> | undefined,
): Omit<Document, 'subject' | 'manifest'> | undefined {
  const place = { blob: layer.digest, sizeBytes: layer.size }
  const bare = kindOfMediaType(layer.mediaType)
  if (bare !== undefined) return { ...place, kind: bare, form: 'bare' }
  const form = formOf(layer.mediaType)
  const kind = kindOfPredicate(predicateTypeOf(layer.annotations) ?? predicateTypeOf(ofManifest))
  return form === undefined || kind === undefined ? undefined : { ...place, kind, form }
}

/** Undefined for what cannot be read: it is somebody's content, and tells nothing then. */
function parsed(bytes: Uint8Array | undefined): ParsedManifest | undefined {
  if (bytes === undefined) return undefined
  try {
    return parseManifest(bytes)
  } catch {
    return undefined
  }
}
