/** What a manifest says of what it refers to, held against what is there. A false word is a fault of who says it, and of nobody else. */
import { AppError, isAppError } from '../../errors.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import { algorithmOf, type Digest } from '../../oci/digest.ts'
import { parseManifest } from '../../oci/manifest.ts'
import { isManifestType, isSchema1Type } from '../../oci/media-types.ts'

/** @param size of what is there, in bytes; undefined: not known. @throws AppError SIZE_INVALID naming the parent */
export function refuseFalseSize(parent: Digest, claim: Descriptor, size: number | undefined): void {
  if (size === undefined || size === claim.size) return
  throw new AppError('SIZE_INVALID', `${parent} says that ${claim.digest} has ${claim.size} bytes, it has ${size}`)
}

/**
 * A manifest that its parent calls something else is fine as long as it reads the same either way: registries guess the type of
 * a body that does not name its own. Types that are no manifests' are not judged.
 * @param bytes of the manifest; undefined: not to be had any more
 * @throws AppError MANIFEST_INVALID naming the parent, and what `bytes` throws
 */
export async function refuseFalseType(
  parent: Digest,
  claim: Descriptor,
  found: Descriptor,
  bytes: () => Promise<Uint8Array | undefined>,
): Promise<void> {
  const isJudged = isManifestType(claim.mediaType) || isSchema1Type(claim.mediaType)
  if (claim.mediaType === found.mediaType || !isJudged) return
  const there = await bytes()
  const [said, real] = [claim, found].map(({ mediaType }) => there && readAs(there, mediaType, found.digest))
  if (said !== undefined && said === real) return
  throw new AppError(
    'MANIFEST_INVALID',
    `${parent} says that ${claim.digest} is ${claim.mediaType}, it is ${found.mediaType}`,
  )
}

/** What the manifest refers to when it is read as this type; undefined when it cannot be. */
function readAs(bytes: Uint8Array, mediaType: string, digest: Digest): string | undefined {
  try {
    const { config, layers, children, subject } = parseManifest(bytes, mediaType, algorithmOf(digest))
    return JSON.stringify([config, layers, children, subject])
  } catch (error) {
    if (isAppError(error)) return undefined
    throw error
  }
}
