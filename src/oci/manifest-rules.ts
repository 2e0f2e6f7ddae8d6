/**
 * Rules for manifests that clients push, over those that every manifest must keep (`parseManifest`, which the mirror uses
 * for what others have published already). No client in use needs the leniency.
 */
import { AppError } from '../errors.ts'
import type { DigestAlgorithm } from './digest.ts'
import { algorithmOf, digestOf, findDigest } from './digest.ts'
import { type ParsedManifest, parseManifest } from './manifest.ts'
import { bareMediaType, isManifestType, isSchema1Type, MediaType } from './media-types.ts'
import { refuseAmbiguousJson } from './strict-json.ts'

/**
 * Reads a manifest that a client pushes.
 * @param contentType the request's header; null when it sent none
 * @throws AppError MANIFEST_INVALID, MANIFEST_TOO_LARGE
 */
export function parsePushedManifest(
  bytes: Uint8Array,
  contentType: string | null,
  algorithm: DigestAlgorithm,
): ParsedManifest {
  const sent = contentType === null || contentType.trim() === '' ? undefined : bareMediaType(contentType)
  if (sent !== undefined && !isManifestType(sent) && !isSchema1Type(sent)) {
    throw new AppError(
      'MANIFEST_INVALID',
      `Content-Type is ${JSON.stringify(sent.slice(0, 120))}, want an OCI or Docker manifest or index type`,
    )
  }
  refuseAmbiguousJson(bytes)
  const manifest = parseManifest(bytes, sent, algorithm)
  const body = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>
  refuseCaseVariants(body)
  refuseUntypedArtifact(manifest, body)
  for (const [field, value] of descriptorsOf(body)) checkDescriptor(field, value)
  return manifest
}

/** Go's readers match keys whatever their case: `Layers` beside `layers` is a second image to them. */
const KNOWN_KEYS = [
  'schemaVersion',
  'mediaType',
  'artifactType',
  'config',
  'layers',
  'manifests',
  'subject',
  'annotations',
  'blobs',
]
const KEY_BY_LOWER_CASE = new Map(KNOWN_KEYS.map((key) => [key.toLowerCase(), key]))

function refuseCaseVariants(body: Record<string, unknown>): void {
  for (const key of Object.keys(body)) {
    const known = KEY_BY_LOWER_CASE.get(key.toLowerCase())
    if (known !== undefined && known !== key) {
      throw new AppError(
        'MANIFEST_INVALID',
        `manifest has the key ${JSON.stringify(key)}, which some readers take for ${known}`,
      )
    }
  }
}

/** image-spec manifest.md: artifactType MUST be set when config is the empty descriptor. */
function refuseUntypedArtifact(manifest: ParsedManifest, body: Record<string, unknown>): void {
  if (manifest.config?.mediaType !== MediaType.ociEmpty) return
  if (typeof body.artifactType === 'string' && body.artifactType !== '') return
  throw new AppError('MANIFEST_INVALID', 'config is the empty descriptor but artifactType is missing, want both')
}

function* descriptorsOf(body: Record<string, unknown>): Generator<[string, Record<string, unknown>]> {
  for (const field of ['config', 'subject']) {
    const value = body[field]
    if (isObject(value)) yield [field, value]
  }
  for (const field of ['layers', 'manifests', 'blobs']) {
    const value = body[field]
    if (!Array.isArray(value)) continue
    for (const [i, item] of value.entries()) if (isObject(item)) yield [`${field}[${i}]`, item]
  }
}

/** image-spec descriptor.md: `urls` is an array of strings; `data` is the base64 of exactly the described content. */
function checkDescriptor(field: string, { urls, data, digest, size }: Record<string, unknown>): void {
  if (urls !== undefined && !(Array.isArray(urls) && urls.every((url) => typeof url === 'string'))) {
    throw new AppError('MANIFEST_INVALID', `${field}.urls is ${JSON.stringify(urls)?.slice(0, 80)}, want strings`)
  }
  if (data === undefined || data === null) return
  const content = typeof data === 'string' ? decodeBase64(data) : undefined
  if (content === undefined) throw new AppError('MANIFEST_INVALID', `${field}.data is not base64`)
  const want = typeof digest === 'string' ? findDigest(digest) : undefined
  if (want === undefined || content.byteLength !== size || digestOf(content, algorithmOf(want)) !== want) {
    throw new AppError('MANIFEST_INVALID', `${field}.data does not have the digest and size of its descriptor`)
  }
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

function decodeBase64(text: string): Uint8Array | undefined {
  return BASE64.test(text) ? Buffer.from(text, 'base64') : undefined
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
