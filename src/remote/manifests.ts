import { AppError, isAppError, messageOf } from '../errors.ts'
import { quoted } from '../lib/quoted.ts'
import { discard, readBytes } from '../net/bounded-body.ts'
import type { HttpResponse } from '../net/guarded-fetch.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { algorithmOf, digestOf, findDigest } from '../oci/digest.ts'
import { MAX_MANIFEST_BYTES, parseManifest } from '../oci/manifest.ts'
import { bareMediaType, isManifestType, isSchema1Type, MANIFEST_ACCEPT } from '../oci/media-types.ts'
import { formatReference, type Reference, type RepositoryName } from '../oci/reference.ts'
import type { Abortable, Manifest, ManifestKey } from '../oci/repository.ts'
import { readAgain } from './read-again.ts'
import type { RegistrySession } from './session.ts'

/** These speak of the registry and not of HEAD: a GET would only be one more of what it cannot take now. */
const SAME_BY_GET: ReadonlySet<number> = new Set([408, 429, 499, 500, 502, 503, 504, 522])

/**
 * Type, digest and size of what a reference names, by HEAD: Docker Hub counts GETs of manifests, not HEADs. What a HEAD says
 * is a hint. By GET where the registry fails at HEAD (Nexus answers 404 for what it has), leaves a header out, or `isRead`
 * wants what is there and not what is said.
 * @returns undefined when it is absent: 404 for the GET, never for the HEAD alone unless `isHeadBelieved`
 */
export async function resolveReference(
  session: RegistrySession,
  name: RepositoryName,
  reference: Reference,
  {
    signal,
    isRead = false,
    isHeadBelieved = false,
  }: Abortable & { readonly isRead?: boolean; readonly isHeadBelieved?: boolean },
): Promise<Descriptor | undefined> {
  if (!isRead) {
    const request = manifestRequest(session, name, reference, signal)
    const head = await session.send({ ...request, method: 'HEAD' })
    const descriptor = head.status === 200 ? descriptorOf(head, reference) : undefined
    if (descriptor !== undefined) return descriptor
    if (SAME_BY_GET.has(head.status)) throw await session.failure(head, request)
    await discard(head)
    if (head.status === 404 && isHeadBelieved) return undefined
  }
  const got = await getManifest(session, name, reference, { signal })
  return got && { mediaType: got.mediaType, digest: digestOf(got.bytes), size: got.bytes.byteLength }
}

/**
 * The exact bytes of a manifest, verified against the digest, and against the size where one is given.
 * @returns undefined when it is absent (404)
 * @throws AppError UPSTREAM_UNSUPPORTED for Docker schema 1, UPSTREAM_INVALID for bytes that are not what was asked for
 */
export async function readManifest(
  session: RegistrySession,
  name: RepositoryName,
  of: ManifestKey,
  { signal }: Abortable,
): Promise<Manifest | undefined> {
  const got = await getManifest(session, name, { digest: of.digest }, { signal })
  if (got === undefined) return undefined
  const digest = digestOf(got.bytes, algorithmOf(of.digest))
  const title = `${session.address.host}: ${name}@${of.digest}`
  if (digest !== of.digest) {
    throw new AppError(
      'UPSTREAM_INVALID',
      `${title}${got.encoding === undefined ? '' : ` ${got.encoding}`}: the bytes hash to ${digest}`,
    )
  }
  const size = got.bytes.byteLength
  if (of.size !== undefined && size !== of.size) {
    throw new AppError('UPSTREAM_INVALID', `${title} has ${size} bytes, its descriptor says ${of.size}`)
  }
  return { descriptor: { mediaType: got.mediaType, digest, size }, bytes: got.bytes }
}

interface GotManifest {
  readonly mediaType: string
  readonly bytes: Uint8Array
  /** In words, when the answer claims to be encoded though identity was asked for. The bytes are never decoded. */
  readonly encoding: string | undefined
}

async function getManifest(
  session: RegistrySession,
  name: RepositoryName,
  reference: Reference,
  { signal }: { readonly signal: AbortSignal | undefined },
): Promise<GotManifest | undefined> {
  const request = manifestRequest(session, name, reference, signal)
  const answer = await readAgain(
    () => session.send({ ...request, method: 'GET' }),
    async (response) => {
      if (response.status === 404) {
        await discard(response)
        return undefined
      }
      if (response.status !== 200) throw await session.failure(response, request)
      const bytes = await readBytes(response, MAX_MANIFEST_BYTES, `${session.address.host}: ${request.what}`)
      return { headers: response.headers, bytes }
    },
  )
  if (answer === undefined) return undefined
  const { headers, bytes } = answer
  const type = bareMediaType(headers.get('content-type') ?? '')
  const encoding = encodingOf(headers)
  if (isSchema1Type(type)) throw schema1(session, name, formatReference(reference))
  // Of an encoded body nothing is said but its digest.
  const mediaType =
    isManifestType(type) && (encoding === undefined || reference.digest !== undefined)
      ? type
      : detectType(
          session,
          name,
          reference,
          bytes,
          encoding === undefined ? quoted(type, 100) : `${quoted(type, 100)} and ${encoding}`,
        )
  return { mediaType, bytes, encoding }
}

/** What the body is when its Content-Type does not say. */
function detectType(
  session: RegistrySession,
  name: RepositoryName,
  reference: Reference,
  bytes: Uint8Array,
  shown: string,
): string {
  try {
    return parseManifest(bytes).descriptor.mediaType
  } catch (error) {
    const isSchema1 =
      isAppError(error) && (error.detail as { schemaVersion?: unknown } | undefined)?.schemaVersion === 1
    if (isSchema1) throw schema1(session, name, formatReference(reference))
    throw new AppError(
      'UPSTREAM_INVALID',
      `${session.address.host}: ${titleOf(name, reference)} is ${shown}, want a manifest: ${messageOf(error)}`,
      { cause: error },
    )
  }
}

function descriptorOf({ headers }: HttpResponse, reference: Reference): Descriptor | undefined {
  const mediaType = bareMediaType(headers.get('content-type') ?? '')
  const length = headers.get('content-length') ?? ''
  const digest = reference.digest ?? findDigest(headers.get('docker-content-digest') ?? '')
  if (digest === undefined || !/^\d{1,15}$/.test(length) || headers.has('content-encoding')) return undefined
  return isManifestType(mediaType) || isSchema1Type(mediaType) ? { mediaType, digest, size: Number(length) } : undefined
}

function manifestRequest(
  session: RegistrySession,
  name: RepositoryName,
  reference: Reference,
  signal: AbortSignal | undefined,
) {
  return {
    url: new URL(`/v2/${name}/manifests/${formatReference(reference)}`, session.address.base),
    scope: `repository:${name}:pull`,
    headers: { accept: MANIFEST_ACCEPT },
    signal,
    what: titleOf(name, reference),
  }
}

function titleOf(name: RepositoryName, reference: Reference): string {
  return `${name}${reference.digest === undefined ? ':' : '@'}${formatReference(reference)}`
}

function schema1(session: RegistrySession, name: RepositoryName, reference: string): AppError {
  return new AppError(
    'UPSTREAM_UNSUPPORTED',
    `${session.address.host}: ${name} ${reference} is a Docker schema 1 manifest (schema version 1), which cannot be mirrored: want schema version 2 or OCI`,
  )
}

/**
 * A Content-Encoding in words, for the error of bytes that are not the wanted ones. The header alone refuses nothing: some
 * storage names the compression of what it keeps, and the bytes are still those that the digest is of.
 */
export function encodingOf(headers: Headers): string | undefined {
  const encoding = headers.get('content-encoding')
  if (encoding === null || encoding.trim().toLowerCase() === 'identity') return undefined
  return `comes with Content-Encoding ${quoted(encoding, 40)}, want identity`
}
