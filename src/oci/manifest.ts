import { AppError } from '../errors.ts'
import { parseForeignJson } from '../lib/json.ts'
import type { Descriptor, Platform } from './descriptor.ts'
import { type DigestAlgorithm, digestOf, findDigest } from './digest.ts'
import { bareMediaType, isManifestType, isSchema1Type, MediaType } from './media-types.ts'

/** Distribution-spec: a registry accepts at least 4 MB; the usual clients stop reading at 4 MiB. */
export const MAX_MANIFEST_BYTES = 4 * 1024 * 1024

/** What a manifest or an index refers to. `descriptor` describes its own bytes. */
export interface ParsedManifest {
  readonly descriptor: Descriptor
  readonly config: Descriptor | undefined
  readonly layers: readonly Descriptor[]
  /** Entries of an index: manifests as a rule, blobs in BuildKit's cache indexes. */
  readonly children: readonly Descriptor[]
  readonly subject: Descriptor | undefined
  /** The manifest's own artifactType, else its config's media type; undefined for an index without one (spec "Listing Referrers"). */
  readonly artifactType: string | undefined
  readonly annotations: Readonly<Record<string, string>> | undefined
}

type Json = { readonly [key: string]: unknown }

/**
 * Reads what a manifest refers to as Go's readers do, who made nearly all there are: null, an empty string and a missing field are the
 * same, unknown fields and types pass. The one parser of pushes and mirrors; what clients push has to keep more (`manifest-rules.ts`).
 *
 * References are a fact of the bytes (decision record 21): the fields that are there say whether it is an image, an index or an
 * artifact, and a declared type that says otherwise is refused. So no two accepted readings of the same bytes differ.
 * @param bytes the manifest, at most MAX_MANIFEST_BYTES
 * @param mediaType what the sender says it is (bare, without parameters); undefined: the body's `mediaType`, else detected
 * @param algorithm of the digest in the returned descriptor
 * @throws AppError MANIFEST_INVALID naming the field, what was got and what was wanted; MANIFEST_TOO_LARGE
 */
export function parseManifest(
  bytes: Uint8Array,
  mediaType?: string,
  algorithm: DigestAlgorithm = 'sha256',
): ParsedManifest {
  const body = parseJsonObject(bytes)
  refuseSchema1(body, mediaType)
  const shape = shapeOf(body)
  const type = decideType(body, shape, mediaType)
  if (type !== MediaType.ociArtifact && body.schemaVersion !== 2) {
    throw invalid('schemaVersion', body.schemaVersion, '2')
  }
  const facts = readReferences(body, shape)
  const { artifactType, annotations } = facts
  if (isImageType(type) && facts.config === undefined)
    throw invalid('config', body.config, 'a descriptor (JSON object)')
  return {
    descriptor: {
      mediaType: type,
      digest: digestOf(bytes, algorithm),
      size: bytes.byteLength,
      ...(artifactType === undefined ? {} : { artifactType }),
      ...(annotations === undefined ? {} : { annotations }),
    },
    ...facts,
  }
}

/** What a manifest's bytes say, whatever type somebody gives them. */
export type ManifestReferences = Omit<ParsedManifest, 'descriptor'>

/** The references of a stored manifest. @throws AppError MANIFEST_INVALID as `parseManifest` */
export function referencesOf(bytes: Uint8Array): ManifestReferences {
  const body = parseJsonObject(bytes)
  return readReferences(body, shapeOf(body))
}

function readReferences(body: Json, shape: Shape): ManifestReferences {
  const config = shape === 'image' && isThere(body.config) ? descriptor(body.config, 'config') : undefined
  const annotations = stringMap(body.annotations, 'annotations')
  return {
    config,
    layers: shape === 'image' ? descriptors(body, 'layers') : shape === 'artifact' ? descriptors(body, 'blobs') : [],
    children: shape === 'index' ? descriptors(body, 'manifests') : [],
    subject: isThere(body.subject) ? descriptor(body.subject, 'subject') : undefined,
    artifactType: optionalString(body.artifactType, 'artifactType') ?? config?.mediaType,
    annotations,
  }
}

function parseJsonObject(bytes: Uint8Array): Json {
  if (bytes.byteLength > MAX_MANIFEST_BYTES) {
    throw new AppError(
      'MANIFEST_TOO_LARGE',
      `manifest has ${bytes.byteLength} bytes, want at most ${MAX_MANIFEST_BYTES}`,
    )
  }
  let value: unknown
  try {
    // ignoreBOM keeps a byte order mark in the text, where JSON.parse refuses it.
    value = parseForeignJson(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
  } catch (error) {
    const problem = error instanceof SyntaxError ? error.message : 'is not JSON in UTF-8'
    throw new AppError('MANIFEST_INVALID', `manifest ${problem}`, { cause: error })
  }
  if (!isObject(value)) throw invalid('manifest', value, 'a JSON object')
  return value
}

/** What the fields that are there make of a manifest; `bare` has none of them. */
type Shape = 'image' | 'index' | 'artifact' | 'bare'

const TYPES_OF_SHAPE: Readonly<Record<Shape, readonly string[]>> = {
  image: [MediaType.ociManifest, MediaType.dockerManifest],
  index: [MediaType.ociIndex, MediaType.dockerList],
  artifact: [MediaType.ociArtifact],
  bare: [MediaType.ociIndex, MediaType.dockerList, MediaType.ociArtifact],
}

function shapeOf(body: Json): Shape {
  const isImage = isThere(body.config) || isThere(body.layers)
  const isIndex = isThere(body.manifests)
  if (isThere(body.fsLayers))
    throw new AppError('MANIFEST_INVALID', 'manifest has fsLayers, a field of schema version 1')
  if (isImage && isIndex) {
    const field = isThere(body.config) ? 'config' : 'layers'
    throw new AppError(
      'MANIFEST_INVALID',
      `manifest has both manifests and ${field}: it is an index or an image, not both`,
    )
  }
  return isImage ? 'image' : isIndex ? 'index' : isThere(body.blobs) ? 'artifact' : 'bare'
}

function refuseSchema1(body: Json, sent: string | undefined): void {
  const isSchema1 = sent === undefined ? body.schemaVersion === 1 && isThere(body.fsLayers) : isSchema1Type(sent)
  if (!isSchema1) return
  throw new AppError('MANIFEST_INVALID', 'manifest is of Docker schema version 1, want schema version 2 or OCI', {
    detail: { schemaVersion: 1 },
  })
}

/** Content-Type, body and fields must agree, so that no two readers see two different things (CVE-2021-41190). */
function decideType(body: Json, shape: Shape, sent: string | undefined): string {
  const own = optionalString(body.mediaType, 'mediaType')
  if (sent !== undefined && own !== undefined && bareMediaType(own) !== sent) {
    throw new AppError(
      'MANIFEST_INVALID',
      `Content-Type says ${sent}, the body's mediaType says ${JSON.stringify(own.slice(0, 120))}`,
    )
  }
  const [detected = MediaType.ociManifest] = shape === 'bare' ? [] : TYPES_OF_SHAPE[shape]
  const type = sent ?? (own === undefined ? detected : bareMediaType(own))
  if (!isManifestType(type)) throw invalid('mediaType', type, 'an OCI or Docker manifest or index type')
  if (!TYPES_OF_SHAPE[shape].includes(type) && !(shape === 'bare' && isImageType(type))) {
    throw new AppError('MANIFEST_INVALID', `manifest is declared as ${type}, but its fields are those of an ${shape}`)
  }
  return type
}

function isImageType(type: string): boolean {
  return TYPES_OF_SHAPE.image.includes(type)
}

function descriptors(body: Json, field: string): Descriptor[] {
  const value = body[field]
  if (!isThere(value)) return []
  if (!Array.isArray(value)) throw invalid(field, value, 'an array of descriptors')
  return value.map((item, i) => descriptor(item, `${field}[${i}]`))
}

function descriptor(value: unknown, field: string): Descriptor {
  if (!isObject(value)) throw invalid(field, value, 'a descriptor (JSON object)')
  const { digest, size } = value
  const mediaType = optionalString(value.mediaType, `${field}.mediaType`) ?? ''
  const parsed = typeof digest === 'string' ? findDigest(digest) : undefined
  if (parsed === undefined) throw invalid(`${field}.digest`, digest, 'sha256 or sha512 in lower-case hex')
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw invalid(`${field}.size`, size, 'a whole number of bytes, 0 or more, below 2^53')
  }
  const artifactType = optionalString(value.artifactType, `${field}.artifactType`)
  const annotations = stringMap(value.annotations, `${field}.annotations`)
  const platform = platformOf(value.platform, `${field}.platform`)
  return {
    mediaType,
    digest: parsed,
    size,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(annotations === undefined ? {} : { annotations }),
    ...(platform === undefined ? {} : { platform }),
  }
}

/** Go leaves a field of type string empty for null and for "". */
function optionalString(value: unknown, field: string): string | undefined {
  if (!isThere(value) || value === '') return undefined
  if (typeof value !== 'string') throw invalid(field, value, 'a string')
  return value
}

function stringMap(value: unknown, field: string): Record<string, string> | undefined {
  if (!isThere(value)) return undefined
  if (!isObject(value)) throw invalid(field, value, 'an object of strings')
  const items = Object.entries(value).map(([key, item]): [string, string] => {
    return [key, optionalString(item, `${field}[${JSON.stringify(key.slice(0, 80))}]`) ?? '']
  })
  return Object.fromEntries(items)
}

/** Only the fields that a platform has: what else stands there is nobody's business and may be of any size. */
function platformOf(value: unknown, field: string): Platform | undefined {
  if (!isThere(value)) return undefined
  if (!isObject(value)) throw invalid(field, value, 'an object')
  const text = (key: string) => optionalString(value[key], `${field}.${key}`)
  const [variant, version] = [text('variant'), text('os.version')]
  const features = value['os.features']
  if (isThere(features) && !Array.isArray(features)) {
    throw invalid(`${field}.os.features`, features, 'an array of strings')
  }
  return {
    architecture: text('architecture') ?? '',
    os: text('os') ?? '',
    ...(variant === undefined ? {} : { variant }),
    ...(version === undefined ? {} : { 'os.version': version }),
    ...(isThere(features)
      ? { 'os.features': features.map((one, i) => optionalString(one, `${field}.os.features[${i}]`) ?? '') }
      : {}),
  }
}

function isThere<T>(value: T): value is T & {} {
  return value !== undefined && value !== null
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function invalid(field: string, got: unknown, want: string): AppError {
  const shown = got === undefined ? 'nothing' : (JSON.stringify(got) ?? typeof got).slice(0, 120)
  return new AppError('MANIFEST_INVALID', `${field} is ${shown}, want ${want}`)
}

/**
 * One entry of an index that was read by other means than `parseManifest`.
 * @param field names it in errors, e.g. `manifests[3]`
 * @throws AppError MANIFEST_INVALID
 */
export function parseDescriptor(value: unknown, field: string): Descriptor {
  return descriptor(value, field)
}
