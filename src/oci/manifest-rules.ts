/**
 * Rules for manifests that clients push, over those that every manifest must keep (`parseManifest`, which the mirror uses
 * for what others have published already): what the specifications say with MUST, and what two readers might read differently.
 */

import { AppError } from '../errors.ts'
import { parseForeignJson } from '../lib/json.ts'
import type { DigestAlgorithm } from './digest.ts'
import { algorithmOf, digestOf, findDigest } from './digest.ts'
import { type ParsedManifest, parseManifest } from './manifest.ts'
import { bareMediaType, isManifestType, isMediaType, isSchema1Type, MediaType } from './media-types.ts'
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
  const body = parseForeignJson(new TextDecoder().decode(bytes)) as Record<string, unknown>
  refuseCaseVariants(body)
  requireLists(manifest, body)
  refuseUntypedArtifact(manifest, body)
  refuseNullAnnotations('annotations', body.annotations)
  requireMediaType('artifactType', body.artifactType, { isOptional: true })
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

/** image-spec image-index.md: `manifests` MUST be present, though it may be empty; the same of an image's `layers` keeps readers from guessing. */
function requireLists({ descriptor }: ParsedManifest, body: Record<string, unknown>): void {
  const field = LIST_OF_TYPE.get(descriptor.mediaType)
  if (field === undefined || Array.isArray(body[field])) return
  const shown = body[field] === undefined ? 'nothing' : JSON.stringify(body[field])
  throw new AppError('MANIFEST_INVALID', `${field} is ${shown?.slice(0, 80)}, want an array of descriptors`)
}

const LIST_OF_TYPE: ReadonlyMap<string, string> = new Map([
  [MediaType.ociManifest, 'layers'],
  [MediaType.dockerManifest, 'layers'],
  [MediaType.ociIndex, 'manifests'],
  [MediaType.dockerList, 'manifests'],
])

/** image-spec descriptor.md: `mediaType` and `artifactType` MUST comply with RFC 6838. */
function requireMediaType(field: string, value: unknown, o: { readonly isOptional: boolean }): void {
  if (o.isOptional && (value === undefined || value === null || value === '')) return
  if (typeof value === 'string' && isMediaType(value)) return
  const shown = value === undefined ? 'nothing' : JSON.stringify(value)
  throw new AppError('MANIFEST_INVALID', `${field} is ${shown?.slice(0, 120)}, want a media type as RFC 6838 writes it`)
}

/** image-spec annotations.md: values MUST be strings. */
function refuseNullAnnotations(field: string, value: unknown): void {
  if (!isObject(value)) return
  const key = Object.keys(value).find((one) => value[one] === null)
  if (key === undefined) return
  throw new AppError('MANIFEST_INVALID', `${field}[${JSON.stringify(key.slice(0, 80))}] is null, want a string`)
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
function checkDescriptor(field: string, value: Record<string, unknown>): void {
  const { urls, data, digest, size } = value
  requireMediaType(`${field}.mediaType`, value.mediaType, { isOptional: false })
  requireMediaType(`${field}.artifactType`, value.artifactType, { isOptional: true })
  refuseNullAnnotations(`${field}.annotations`, value.annotations)
  if (urls !== undefined && urls !== null && !(Array.isArray(urls) && urls.every((url) => typeof url === 'string'))) {
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
