/** `index.json` of a layout: what it lists, by name and without (image-spec image-layout.md, "index.json file"). */
import { isAppError } from '../errors.ts'
import { parseForeignJson } from '../lib/json.ts'
import { quoted } from '../lib/quoted.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import { parseDescriptor } from '../oci/manifest.ts'
import { MediaType } from '../oci/media-types.ts'
import { findTag, type Tag } from '../oci/reference.ts'
import { INDEX_PATH, invalid, LAYOUT_PATH, type LayoutFiles, readSmall } from './layout-files.ts'

export const REF_NAME = 'org.opencontainers.image.ref.name'
/** A repository with a hundred thousand tags has 30 MB. */
const MAX_INDEX_BYTES = 64 * 1024 * 1024
const MAX_ENTRIES = 200_000
const MAX_LAYOUT_BYTES = 64 * 1024

type Json = Readonly<Record<string, unknown>>

export interface LayoutIndex {
  /** As it was parsed, for those who write it again. */
  readonly document: Json
  readonly entries: readonly LayoutEntry[]
  /** What the names stand for. */
  readonly tags: ReadonlyMap<Tag, Descriptor>
  /** Names that stand for several digests. */
  readonly ambiguous: ReadonlyMap<Tag, readonly Digest[]>
}

export interface LayoutEntry {
  /** As it stands there. */
  readonly raw: unknown
  /** Undefined: it is none that can be read. */
  readonly descriptor: Descriptor | undefined
  readonly name: string | undefined
}

export const EMPTY_INDEX: LayoutIndex = {
  document: { schemaVersion: 2, mediaType: MediaType.ociIndex },
  entries: [],
  tags: new Map(),
  ambiguous: new Map(),
}

/** @returns undefined when there is no layout at all. @throws AppError UPSTREAM_INVALID */
export async function findLayoutIndex(files: LayoutFiles): Promise<LayoutIndex | undefined> {
  const [layout, index] = [
    await readSmall(files, LAYOUT_PATH, MAX_LAYOUT_BYTES),
    await readSmall(files, INDEX_PATH, MAX_INDEX_BYTES),
  ]
  if (layout === undefined && index === undefined) return undefined
  if (index === undefined) throw invalid(files, `has ${LAYOUT_PATH} and no ${INDEX_PATH}`)
  // Some archives leave out the marker; a version that is not known may mean anything.
  if (layout !== undefined) {
    const { imageLayoutVersion: version } = parseObject(files, LAYOUT_PATH, layout)
    if (version !== '1.0.0') {
      throw invalid(files, `is a layout of version ${quoted(String(version), 40)}, want 1.0.0`)
    }
  }
  const document = parseObject(files, INDEX_PATH, index)
  const { manifests = [], schemaVersion } = document
  if (schemaVersion !== 2 || !(Array.isArray(manifests) || manifests === null)) {
    throw invalid(files, `${INDEX_PATH} is no image index of schema version 2 with a list of manifests`)
  }
  return indexOf(files, document, (manifests ?? []) as unknown[])
}

function indexOf(files: LayoutFiles, document: Json, manifests: readonly unknown[]): LayoutIndex {
  if (manifests.length > MAX_ENTRIES) {
    throw invalid(files, `${INDEX_PATH} lists ${manifests.length} manifests, want at most ${MAX_ENTRIES}`)
  }
  const entries = manifests.map((raw, i): LayoutEntry => {
    try {
      const descriptor = parseDescriptor(raw, `manifests[${i}]`)
      return { raw, descriptor, name: descriptor.annotations?.[REF_NAME] }
    } catch (error) {
      if (!isAppError(error)) throw error
      return { raw, descriptor: undefined, name: undefined }
    }
  })
  const named = new Map<Tag, Map<Digest, Descriptor>>()
  const take = (tag: Tag, descriptor: Descriptor) => {
    named.set(tag, (named.get(tag) ?? new Map()).set(descriptor.digest, descriptor))
  }
  for (const { name, descriptor } of entries) {
    const tag = name === undefined ? undefined : findTag(name)
    if (tag !== undefined && descriptor !== undefined) take(tag, descriptor)
  }
  const plain = new Set(named.keys())
  for (const { name, descriptor } of entries) {
    const tag = name === undefined || descriptor === undefined ? undefined : tagOfFullName(name)
    if (tag !== undefined && descriptor !== undefined && !plain.has(tag)) take(tag, descriptor)
  }
  const tags = new Map<Tag, Descriptor>()
  const ambiguous = new Map<Tag, readonly Digest[]>()
  for (const [tag, found] of named) {
    const [only, ...others] = found.values()
    if (only !== undefined && others.length === 0) tags.set(tag, only)
    else ambiguous.set(tag, [...found.keys()])
  }
  return { document, entries, tags, ambiguous }
}

/** podman and nerdctl write the whole name, `docker.io/library/app:1.0`. */
function tagOfFullName(name: string): Tag | undefined {
  const colon = name.lastIndexOf(':')
  return name.includes('/') && colon > name.lastIndexOf('/') ? findTag(name.slice(colon + 1)) : undefined
}

function parseObject(files: LayoutFiles, path: string, bytes: Uint8Array): Json {
  let value: unknown
  try {
    value = parseForeignJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    throw invalid(files, `${path} is not JSON in UTF-8`, error)
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json
  throw invalid(files, `${path} is no JSON object`)
}
