/** What hangs on an image, and one of it to read, as the API tells it. */
import type { AttachedFacts, AttachedList, AttestationAnswer, ReadableDocument } from '../api/image-attestations.ts'
import { findManifest } from '../db/content/manifests.ts'
import type { RepositoryRow } from '../db/schema.ts'
import { AppError } from '../errors.ts'
import { saturate } from '../lib/saturate.ts'
import type { Digest } from '../oci/digest.ts'
import { type Attached, type AttachedTree, listAttached } from './attached.ts'
import type { ImageDeps } from './describe-image.ts'
import { type FoundImage, getImage } from './find-image.ts'
import { parsed } from './indexes.ts'
import { type Readable, readReadable } from './readable.ts'

/** @throws AppError NOT_FOUND */
export async function listAttestations(
  { db }: ImageDeps,
  repository: RepositoryRow,
  reference: string,
): Promise<AttachedList> {
  const image = await getImage(db.read, repository, reference)
  const tree = await listAttached(db.read, repository.id, image.digest, image.manifest)
  return { digest: image.digest, attached: factsOf(tree, image), isPartial: tree.isPartial }
}

/** @throws AppError NOT_FOUND when it does not hang on the image */
export async function showAttestation(
  deps: ImageDeps,
  repository: RepositoryRow,
  reference: string,
  digest: Digest,
): Promise<AttestationAnswer> {
  const { db } = deps
  const image = await getImage(db.read, repository, reference)
  const tree = await listAttached(db.read, repository.id, image.digest, image.manifest)
  const attestation = factsOf(tree, image).find((one) => one.digest === digest)
  const manifest = parsed((await findManifest(db.read, repository.id, digest))?.bytes)
  if (attestation === undefined || manifest === undefined) {
    throw new AppError('NOT_FOUND', `nothing of the digest ${digest} is attached to ${repository.name} ${reference}`)
  }
  const documents: ReadableDocument[] = []
  for (const { predicateType, ...one } of attestation.documents) {
    const document = { ...one, blob: one.blob as Digest, predicateType: predicateType ?? undefined }
    documents.push(toldOf(await readReadable(deps, repository.id, document, attestation.parent as Digest)))
  }
  return { attestation, documents }
}

function toldOf(one: Readable): ReadableDocument {
  return {
    blob: one.blob,
    mediaType: one.mediaType,
    sizeBytes: saturate(one.sizeBytes),
    predicateType: one.predicateType ?? null,
    form: one.form ?? null,
    saidType: one.saidType ?? null,
    subjects: [...one.subjects],
    isAboutParent: one.isAboutParent ?? null,
    value: (one.value ?? null) as ReadableDocument['value'],
    isCut: one.isCut,
    problem: one.problem ?? null,
  }
}

function factsOf({ nodes }: AttachedTree, image: FoundImage): AttachedFacts[] {
  const platforms = new Map<Digest, string>(image.platforms.map(({ digest, platform }) => [digest, platform]))
  const parents = new Map(nodes.map(({ digest, parent }) => [digest, parent]))
  const signed = new Set(nodes.flatMap(({ kind, parent }) => (kind === 'signature' ? [parent] : [])))
  const platformOf = (digest: Digest): string | null => {
    let one: Digest | undefined = digest
    while (one !== undefined) {
      const platform = platforms.get(one)
      if (platform !== undefined) return platform
      one = parents.get(one)
    }
    return null
  }
  return nodes.map((one: Attached) => ({
    digest: one.digest,
    parent: one.parent,
    platform: platformOf(one.parent),
    kind: one.kind,
    via: one.via,
    artifactType: one.artifactType ?? null,
    sizeBytes: saturate(one.sizeBytes),
    isSigned: signed.has(one.digest) || (one.isEnveloped && one.kind !== 'signature'),
    documents: one.documents.map((document) => ({
      ...document,
      sizeBytes: saturate(document.sizeBytes),
      predicateType: document.predicateType ?? null,
    })),
    annotations: { ...one.annotations },
  }))
}
