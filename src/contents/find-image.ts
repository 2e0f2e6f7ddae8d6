/** What a tag or a digest stands for in a repository, and which of its platforms is meant. */
import { findManifest, findTaggedManifest, listManifests } from '../db/content/manifests.ts'
import type { Queries } from '../db/engine/engine.ts'
import type { RepositoryRow } from '../db/schema.ts'
import { AppError } from '../errors.ts'
import { clipped, quoted } from '../lib/quoted.ts'
import { cutPlatform, type Descriptor, formatPlatform } from '../oci/descriptor.ts'
import { type Digest, parseDigest } from '../oci/digest.ts'
import type { ParsedManifest } from '../oci/manifest.ts'
import { parseTag, type Tag } from '../oci/reference.ts'
import { isPlatform, parsed } from './indexes.ts'

export interface FoundImage {
  readonly tag: Tag | undefined
  readonly digest: Digest
  readonly mediaType: string
  readonly sizeBytes: number
  readonly manifest: ParsedManifest
  readonly platforms: readonly ListedPlatform[]
}

export interface ListedPlatform {
  readonly platform: string
  readonly digest: Digest
  readonly isHere: boolean
  /** Of the manifest; 0: it is not here. */
  readonly manifestBytes: number
}

/** One manifest that can be run, or the index itself. */
export interface ChosenImage {
  readonly digest: Digest
  readonly mediaType: string
  readonly sizeBytes: number
  readonly manifest: ParsedManifest
  /** Empty: the index, or nothing says it. */
  readonly platform: string
}

/** For what is attached to the index itself. */
export const INDEX = 'index'
const MAX_PLATFORMS = 100

/** @param reference a tag, or a whole digest @throws AppError NOT_FOUND, TAG_INVALID, DIGEST_INVALID */
export async function getImage(db: Queries, repository: RepositoryRow, reference: string): Promise<FoundImage> {
  const isDigest = reference.includes(':')
  const tag = isDigest ? undefined : parseTag(reference)
  const found =
    tag === undefined
      ? await findManifest(db, repository.id, parseDigest(reference))
      : await findTaggedManifest(db, repository.id, tag)
  const name = `${repository.name}${isDigest ? '@' : ':'}${clipped(reference, 200)}`
  if (found === undefined)
    throw new AppError('NOT_FOUND', `there is no image ${name}`, { about: { reason: 'absent', what: 'image', name } })
  const manifest = parsed(found.bytes)
  if (manifest === undefined)
    throw new AppError('NOT_FOUND', `${name} holds a manifest that cannot be read`, {
      about: { reason: 'absent', what: 'image', name },
    })
  const { digest, mediaType, sizeBytes } = found
  return { tag, digest, mediaType, sizeBytes, manifest, platforms: await platformsOf(db, repository.id, manifest) }
}

/** The platform that is asked for; else linux/amd64, else the first that is here. Undefined: there is none. @throws AppError NOT_FOUND */
export async function choosePlatform(
  db: Queries,
  repository: RepositoryRow,
  image: FoundImage,
  wanted: string | undefined,
): Promise<ChosenImage | undefined> {
  const { digest, mediaType, sizeBytes, manifest, platforms } = image
  const itself = { digest, mediaType, sizeBytes, manifest, platform: '' }
  if (manifest.children.length === 0 || wanted === INDEX) return itself
  const here = platforms.filter(({ isHere }) => isHere)
  const chosen =
    wanted === undefined
      ? (here.find(({ platform }) => platform === 'linux/amd64') ?? here[0])
      : here.find(({ platform, digest }) => platform === wanted || digest === wanted)
  if (chosen === undefined) {
    if (wanted === undefined) return undefined
    const all = here.map(({ platform }) => platform).join(', ') || 'none'
    throw new AppError('NOT_FOUND', `platform: got ${quoted(wanted, 80)}, want one that is here: ${all}`, {
      about: { reason: 'absent', what: 'platform', name: wanted.slice(0, 80) },
    })
  }
  const found = await findManifest(db, repository.id, chosen.digest)
  const part = parsed(found?.bytes)
  if (found === undefined || part === undefined) return undefined
  return {
    digest: chosen.digest,
    mediaType: found.mediaType,
    sizeBytes: found.sizeBytes,
    manifest: part,
    platform: chosen.platform,
  }
}

async function platformsOf(db: Queries, repositoryId: string, manifest: ParsedManifest): Promise<ListedPlatform[]> {
  const parts: readonly Descriptor[] = manifest.children.filter(isPlatform).slice(0, MAX_PLATFORMS)
  const present = await listManifests(
    db,
    repositoryId,
    parts.map(({ digest }) => digest),
  )
  return parts.flatMap(({ platform, digest }) =>
    platform === undefined
      ? []
      : [
          {
            platform: formatPlatform(cutPlatform(platform)),
            digest,
            isHere: present.has(digest),
            manifestBytes: present.get(digest)?.size ?? 0,
          },
        ],
  )
}
