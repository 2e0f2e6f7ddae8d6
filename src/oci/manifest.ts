import { AppError } from '../errors.ts'
import type { Descriptor, Platform } from './descriptor.ts'
import { type DigestAlgorithm, digestOf, findDigest } from './digest.ts'
import { isManifestType, isSchema1Type, MediaType } from './media-types.ts'

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

/** RFC 6838 type/subtype; also keeps CR, LF and parameters out of our own headers. */
const MEDIA_TYPE = /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$/

/**
 * Reads the references of a manifest without judging what Kagami has no need to know: unknown fields and types pass.
 * @param bytes the manifest, at most MAX_MANIFEST_BYTES
 * @param mediaType what the sender says it is (bare, without parameters); undefined: the body's `mediaType`, else detected
 * @param algorithm of the digest in the returned descriptor
 * @throws AppError MANIFEST_INVALID naming the field, what was got and what was wanted
 */
export function parseManifest(
  bytes: Uint8Array,
  mediaType?: string,
  algorithm: DigestAlgorithm = 'sha256',
): ParsedManifest {
  const body = parseJsonObject(bytes)
  const type = decideType(body, mediaType)
  if (type !== MediaType.ociArtifact && body.schemaVersion !== 2) {
    throw invalid('schemaVersion', body.schemaVersion, '2')
  }
  const isIndex = type === MediaType.ociIndex || type === MediaType.dockerList
  const isArtifact = type === MediaType.ociArtifact
  refuseMixture(body, isIndex)

  const config = isIndex || isArtifact ? undefined : descriptor(body.config, 'config')
  const layerField = isArtifact ? 'blobs' : 'layers'
  const layers = isIndex || (isArtifact && body.blobs === undefined) ? [] : descriptors(body[layerField], layerField)
  const children = isIndex ? descriptors(body.manifests, 'manifests') : []
  const subject = body.subject === undefined || body.subject === null ? undefined : descriptor(body.subject, 'subject')
  const ownArtifactType = optionalMediaType(body.artifactType, 'artifactType')
  const annotations = stringMap(body.annotations, 'annotations')
  const artifactType = ownArtifactType ?? config?.mediaType
  return {
    descriptor: {
      mediaType: type,
      digest: digestOf(bytes, algorithm),
      size: bytes.byteLength,
      ...(artifactType === undefined ? {} : { artifactType }),
      ...(annotations === undefined ? {} : { annotations }),
    },
    config,
    layers,
    children,
    subject,
    artifactType,
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
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
  } catch (error) {
    throw new AppError('MANIFEST_INVALID', 'manifest is not JSON in UTF-8', { cause: error })
  }
  if (!isObject(value)) throw invalid('manifest', value, 'a JSON object')
  return value
}

/** Content-Type, body and structure must agree, so that no two readers see two different things (CVE-2021-41190). */
function decideType(body: Json, sent: string | undefined): string {
  const own = body.mediaType
  if (own !== undefined && typeof own !== 'string') throw invalid('mediaType', own, 'a string')
  if (
    (sent !== undefined && isSchema1Type(sent)) ||
    (own === undefined && body.schemaVersion === 1 && 'fsLayers' in body)
  ) {
    throw new AppError('MANIFEST_INVALID', 'manifest is of Docker schema version 1, want schema version 2 or OCI', {
      detail: { schemaVersion: 1 },
    })
  }
  if (sent !== undefined && own !== undefined && own !== sent) {
    throw new AppError(
      'MANIFEST_INVALID',
      `Content-Type says ${sent}, the body's mediaType says ${JSON.stringify(own)}`,
    )
  }
  const type = sent ?? own ?? ('manifests' in body && !('layers' in body) ? MediaType.ociIndex : MediaType.ociManifest)
  if (!isManifestType(type)) throw invalid('mediaType', type, 'an OCI or Docker manifest or index type')
  return type
}

function refuseMixture(body: Json, isIndex: boolean): void {
  const stranger = isIndex ? ['layers', 'config', 'fsLayers'] : ['manifests', 'fsLayers']
  for (const field of stranger) {
    if (field in body) {
      throw new AppError('MANIFEST_INVALID', `manifest has ${field} in ${isIndex ? 'an index' : 'an image manifest'}`)
    }
  }
}

function descriptors(value: unknown, field: string): Descriptor[] {
  if (!Array.isArray(value)) throw invalid(field, value, 'an array of descriptors')
  return value.map((item, i) => descriptor(item, `${field}[${i}]`))
}

function descriptor(value: unknown, field: string): Descriptor {
  if (!isObject(value)) throw invalid(field, value, 'a descriptor (JSON object)')
  const { mediaType, digest, size } = value
  if (typeof mediaType !== 'string' || !MEDIA_TYPE.test(mediaType)) {
    throw invalid(`${field}.mediaType`, mediaType, 'a media type')
  }
  const parsed = typeof digest === 'string' ? findDigest(digest) : undefined
  if (parsed === undefined) throw invalid(`${field}.digest`, digest, 'sha256 or sha512 in lower-case hex')
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw invalid(`${field}.size`, size, 'a whole number of bytes, 0 or more, below 2^53')
  }
  const artifactType = optionalMediaType(value.artifactType, `${field}.artifactType`)
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

function optionalMediaType(value: unknown, field: string): string | undefined {
  if (value === undefined || value === '') return undefined
  if (typeof value !== 'string' || !MEDIA_TYPE.test(value)) throw invalid(field, value, 'a media type')
  return value
}

function stringMap(value: unknown, field: string): Record<string, string> | undefined {
  if (value === undefined || value === null) return undefined
  if (!isObject(value)) throw invalid(field, value, 'an object of strings')
  for (const [key, item] of Object.entries(value)) {
    if (typeof item !== 'string') throw invalid(`${field}[${JSON.stringify(key.slice(0, 80))}]`, item, 'a string')
  }
  return value as Record<string, string>
}

function platformOf(value: unknown, field: string): Platform | undefined {
  if (value === undefined || value === null) return undefined
  if (!isObject(value)) throw invalid(field, value, 'an object')
  const { architecture, os, variant } = value
  if (typeof architecture !== 'string') throw invalid(`${field}.architecture`, architecture, 'a string')
  if (typeof os !== 'string') throw invalid(`${field}.os`, os, 'a string')
  if (variant !== undefined && typeof variant !== 'string') throw invalid(`${field}.variant`, variant, 'a string')
  return value as unknown as Platform
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function invalid(field: string, got: unknown, want: string): AppError {
  const shown = got === undefined ? 'nothing' : (JSON.stringify(got) ?? typeof got).slice(0, 120)
  return new AppError('MANIFEST_INVALID', `${field} is ${shown}, want ${want}`)
}
