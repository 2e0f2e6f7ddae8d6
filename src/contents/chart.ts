/** A Helm chart as people look at it: its own metadata (the config), and the images that its values name. */
import { gunzip } from 'node:zlib'
import { YAML } from 'bun'
import { LRUCache } from 'lru-cache'
import { findRepositoryBlob } from '../db/content/blobs.ts'
import { parseForeignJson } from '../lib/json.ts'
import { clipped } from '../lib/quoted.ts'
import type { Digest } from '../oci/digest.ts'
import type { ParsedManifest } from '../oci/manifest.ts'
import type { Storage } from './read-document.ts'

export const HELM_CONFIG = 'application/vnd.cncf.helm.config.v1+json'
const HELM_CONTENT = 'application/vnd.cncf.helm.chart.content.v1.tar+gzip'

export interface Chart {
  readonly name: string
  readonly version: string
  readonly appVersion: string | undefined
  readonly description: string | undefined
  readonly kubeVersion: string | undefined
  readonly type: string | undefined
  readonly home: string | undefined
  readonly keywords: readonly string[]
  readonly maintainers: readonly string[]
  readonly dependencies: readonly { readonly name: string; readonly version: string; readonly repository: string }[]
  /** Image references of `values.yaml`, where they stand in it; undefined: it could not be read. */
  readonly images: readonly { readonly place: string; readonly image: string }[] | undefined
}

const MAX_CONFIG_BYTES = 256 * 1024
const MAX_CHART_BYTES = 2 * 1024 * 1024
const MAX_UNPACKED_BYTES = 16 * 1024 * 1024
/** Parsed in one go; the largest of public charts have 200 KiB. */
const MAX_VALUES_BYTES = 256 * 1024
const MAX_IMAGES = 100
const MAX_TEXT = 500
const BLOCK = 512

type Json = Readonly<Record<string, unknown>>

/** By the digest of a chart's content, which never changes. */
const known = new LRUCache<Digest, { readonly images: Chart['images'] }>({ max: 500 })

/** Undefined when the manifest is no chart, or its config is not here or no JSON. */
export async function readChart(
  storage: Storage,
  repositoryId: string,
  manifest: ParsedManifest,
): Promise<Chart | undefined> {
  if (manifest.config?.mediaType !== HELM_CONFIG) return undefined
  const bytes = await bytesOf(storage, repositoryId, manifest.config.digest, MAX_CONFIG_BYTES)
  const metadata = bytes === undefined ? undefined : json(bytes)
  if (metadata === undefined) return undefined
  const content = manifest.layers.find(({ mediaType }) => mediaType === HELM_CONTENT)
  return {
    name: text(metadata.name) ?? '',
    version: text(metadata.version) ?? '',
    appVersion: text(metadata.appVersion),
    description: text(metadata.description),
    kubeVersion: text(metadata.kubeVersion),
    type: text(metadata.type),
    home: text(metadata.home),
    keywords: list(metadata.keywords).flatMap((one) => text(one) ?? []),
    maintainers: list(metadata.maintainers).flatMap((one) => (isObject(one) ? (text(one.name) ?? []) : [])),
    dependencies: list(metadata.dependencies).flatMap((one) =>
      isObject(one)
        ? [{ name: text(one.name) ?? '', version: text(one.version) ?? '', repository: text(one.repository) ?? '' }]
        : [],
    ),
    images: content === undefined ? undefined : await imagesOf(storage, repositoryId, content.digest),
  }
}

async function imagesOf({ db, blobs }: Storage, repositoryId: string, content: Digest): Promise<Chart['images']> {
  // What others have told of it is told to nobody whose repository does not have it.
  const row = await findRepositoryBlob(db.read, repositoryId, content)
  if (row === undefined || row.size_bytes > MAX_CHART_BYTES) return undefined
  const before = known.get(content)
  if (before !== undefined) return before.images
  // A file that cannot be read for a moment is no fact of the chart.
  const bytes = await bytesIn(blobs, row.storage_key).catch(() => undefined)
  if (bytes === undefined) return undefined
  const values = await valuesOf(bytes)
  const images = values === undefined ? undefined : imagesIn(values)
  known.set(content, { images })
  return images
}

async function bytesIn(blobs: Storage['blobs'], storageKey: string): Promise<Uint8Array> {
  return new Response(await blobs.open(storageKey)).bytes()
}

/** `<chart>/values.yaml` of the archive, parsed. Undefined for whatever cannot be read. */
async function valuesOf(archive: Uint8Array): Promise<unknown> {
  try {
    const tar = await new Promise<Buffer>((resolve, reject) =>
      gunzip(archive, { maxOutputLength: MAX_UNPACKED_BYTES }, (error, out) => (error ? reject(error) : resolve(out))),
    )
    for (let at = 0; at + BLOCK <= tar.length; ) {
      const name = tar.toString('utf8', at, at + 100).replace(/\0.*$/s, '')
      const size = Number.parseInt(tar.toString('latin1', at + 124, at + 136).replace(/[\0 ]+$/, '') || '0', 8)
      if (!Number.isInteger(size) || size < 0) return undefined
      if (/^[^/]+\/values\.yaml$/.test(name)) {
        if (size > MAX_VALUES_BYTES) return undefined
        // The native parser: the other takes a second for what this takes 40 ms for. Aliases are one object, walked once.
        return YAML.parse(tar.toString('utf8', at + BLOCK, at + BLOCK + size))
      }
      at += BLOCK + Math.ceil(size / BLOCK) * BLOCK
    }
  } catch {
    return undefined
  }
  return undefined
}

/** As charts write them: `image: NAME`, or an object with `repository` and perhaps `registry`, `tag` and `digest`. */
function imagesIn(values: unknown): { place: string; image: string }[] {
  const found: { place: string; image: string }[] = []
  const seen = new Set<unknown>()
  const walk = (value: unknown, place: readonly string[]): void => {
    if (typeof value !== 'object' || value === null || seen.has(value)) return
    if (found.length >= MAX_IMAGES || place.length > 16 || seen.size > 20_000) return
    seen.add(value)
    if (!Array.isArray(value)) {
      const image = imageOf(value as Json)
      if (image !== undefined)
        found.push({ place: clipped(place.join('.'), MAX_TEXT), image: clipped(image, MAX_TEXT) })
    }
    for (const [name, member] of Object.entries(value)) {
      const isName = name === 'image' && typeof member === 'string' && member !== ''
      if (isName) found.push({ place: clipped([...place, name].join('.'), MAX_TEXT), image: clipped(member, MAX_TEXT) })
      walk(member, [...place, name])
    }
  }
  walk(values, [])
  return found.slice(0, MAX_IMAGES)
}

function imageOf({ registry, repository, tag, digest }: Json): string | undefined {
  if (typeof repository !== 'string' || repository === '') return undefined
  // Repositories of dependencies and of git are addresses.
  if (repository.includes('://') || (tag === undefined && digest === undefined && registry === undefined))
    return undefined
  const base = typeof registry === 'string' && registry !== '' ? `${registry}/${repository}` : repository
  const tagged = typeof tag === 'string' || typeof tag === 'number' ? (String(tag) === '' ? '' : `:${tag}`) : ''
  return `${base}${tagged}${typeof digest === 'string' && digest !== '' ? `@${digest}` : ''}`
}

async function bytesOf(
  { db, blobs }: Storage,
  repositoryId: string,
  digest: Digest,
  limit: number,
): Promise<Uint8Array | undefined> {
  const row = await findRepositoryBlob(db.read, repositoryId, digest)
  if (row === undefined || row.size_bytes > limit) return undefined
  return bytesIn(blobs, row.storage_key)
}

function json(bytes: Uint8Array): Json | undefined {
  try {
    const value = parseForeignJson(new TextDecoder().decode(bytes))
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? clipped(value, MAX_TEXT) : undefined
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value.slice(0, 100) : []
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
