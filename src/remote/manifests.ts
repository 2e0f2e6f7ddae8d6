import { AppError, isAppError, messageOf } from '../errors.ts'
import { quoted } from '../lib/quoted.ts'
import { discard, readBytes } from '../net/bounded-body.ts'
import { isPassing } from '../net/connection-failure.ts'
import type { HttpResponse } from '../net/guarded-fetch.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { algorithmOf, digestOf, findDigest } from '../oci/digest.ts'
import { MAX_MANIFEST_BYTES, parseManifest } from '../oci/manifest.ts'
import { bareMediaType, isManifestType, isSchema1Type, MANIFEST_ACCEPT } from '../oci/media-types.ts'
import { formatReference, type Reference, type RepositoryName } from '../oci/reference.ts'
import type { Abortable, Manifest } from '../oci/repository.ts'
import type { RegistrySession } from './session.ts'

/** Ways in which a HEAD fails where a GET may do, or at least says why (a HEAD's answer has no body). */
const ASK_AGAIN_BY_GET: ReadonlySet<number> = new Set([400, 401, 403, 405, 501])

/**
 * Type, digest and size of what a reference names, by HEAD: Docker Hub counts GETs of manifests, not HEADs. By GET where
 * the registry knows no HEAD or leaves a header out.
 * @returns undefined when it is absent (404)
 */
export async function resolveReference(
  session: RegistrySession,
  name: RepositoryName,
  reference: Reference,
  { signal }: Abortable,
): Promise<Descriptor | undefined> {
  const request = manifestRequest(session, name, reference, signal)
  const head = await session.send({ ...request, method: 'HEAD' })
  if (head.status === 404) return undefined
  if (head.status === 200) {
    const descriptor = descriptorOf(head, reference)
    if (descriptor !== undefined) return descriptor
  } else if (!ASK_AGAIN_BY_GET.has(head.status)) throw await session.failure(head, request)
  await discard(head)

  const got = await getManifest(session, name, reference, { signal })
  return got && { mediaType: got.mediaType, digest: digestOf(got.bytes), size: got.bytes.byteLength }
}

/**
 * The exact bytes of a manifest, verified against digest and size.
 * @returns undefined when it is absent (404)
 * @throws AppError UPSTREAM_UNSUPPORTED for Docker schema 1, UPSTREAM_INVALID for bytes that are not what was asked for
 */
export async function readManifest(
  session: RegistrySession,
  name: RepositoryName,
  of: Descriptor,
  { signal }: Abortable,
): Promise<Manifest | undefined> {
  if (isSchema1Type(of.mediaType)) throw schema1(session, name, of.digest)
  const got = await getManifest(session, name, { digest: of.digest }, { signal })
  if (got === undefined) return undefined
  const digest = digestOf(got.bytes, algorithmOf(of.digest))
  const title = `${session.address.host}: ${name}@${of.digest}`
  if (digest !== of.digest) throw new AppError('UPSTREAM_INVALID', `${title}: the bytes hash to ${digest}`)
  if (got.bytes.byteLength !== of.size) {
    throw new AppError('UPSTREAM_INVALID', `${title} has ${got.bytes.byteLength} bytes, its descriptor says ${of.size}`)
  }
  return { descriptor: { ...of, mediaType: got.mediaType }, bytes: got.bytes }
}

interface GotManifest {
  readonly mediaType: string
  readonly bytes: Uint8Array
}

/** A body that breaks off is asked for once more: the budget's own tries end with the headers. */
async function getManifest(
  session: RegistrySession,
  name: RepositoryName,
  reference: Reference,
  { signal, isRetry = false }: { readonly signal: AbortSignal | undefined; readonly isRetry?: boolean },
): Promise<GotManifest | undefined> {
  const request = manifestRequest(session, name, reference, signal)
  const response = await session.send({ ...request, method: 'GET' })
  if (response.status === 404) {
    await discard(response)
    return undefined
  }
  if (response.status !== 200) throw await session.failure(response, request)
  const title = `${session.address.host}: ${request.what}`
  refuseEncoded(response, title)
  const type = bareMediaType(response.headers.get('content-type') ?? '')
  let bytes: Uint8Array
  try {
    bytes = await readBytes(response, MAX_MANIFEST_BYTES, title)
  } catch (error) {
    if (isRetry || !isPassing(error)) throw error
    return getManifest(session, name, reference, { signal, isRetry: true })
  }
  if (isSchema1Type(type)) throw schema1(session, name, formatReference(reference))
  return { mediaType: isManifestType(type) ? type : detectType(session, name, reference, bytes, type), bytes }
}

/** What the body is when its Content-Type does not say. */
function detectType(
  session: RegistrySession,
  name: RepositoryName,
  reference: Reference,
  bytes: Uint8Array,
  type: string,
): string {
  try {
    return parseManifest(bytes).descriptor.mediaType
  } catch (error) {
    const isSchema1 =
      isAppError(error) && (error.detail as { schemaVersion?: unknown } | undefined)?.schemaVersion === 1
    if (isSchema1) throw schema1(session, name, formatReference(reference))
    throw new AppError(
      'UPSTREAM_INVALID',
      `${session.address.host}: ${titleOf(name, reference)} is ${quoted(type, 100)}, want a manifest: ${messageOf(error)}`,
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

/** Digests are of the bytes as stored, and identity was asked for. @throws AppError UPSTREAM_INVALID */
export function refuseEncoded({ headers }: HttpResponse, title: string): void {
  const encoding = headers.get('content-encoding')
  if (encoding === null || encoding.trim().toLowerCase() === 'identity') return
  throw new AppError('UPSTREAM_INVALID', `${title} comes with Content-Encoding ${quoted(encoding, 40)}, want identity`)
}
