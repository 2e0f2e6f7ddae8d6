/** An image as the API shows it: what its manifests and configs say, and what is known of its contents. */
import type { ChartFacts, Image, ImageConfigFacts, ImageContentsState, ImagePlatform } from '../api/images.ts'
import { findRepositoryBlob } from '../db/content/blobs.ts'
import { listPartSizes } from '../db/content/manifests.ts'
import { listTagsOf } from '../db/content/tags.ts'
import type { Database } from '../db/engine/engine.ts'
import { measureTags } from '../db/mirrors/tag-measure.ts'
import type { RepositoryRow } from '../db/schema.ts'
import { parseForeignJson } from '../lib/json.ts'
import { clipped } from '../lib/quoted.ts'
import { saturate } from '../lib/saturate.ts'
import { createTurns } from '../lib/turns.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import type { ParsedManifest } from '../oci/manifest.ts'
import { type Chart, HELM_CONFIG, readChart } from './chart.ts'
import { type ChosenImage, choosePlatform, type FoundImage, getImage } from './find-image.ts'
import { knownImage } from './image-state.ts'
import { type PlatformConfig, platformConfigOf } from './platform-config.ts'
import type { Storage } from './read-document.ts'
import { isImageConfig, ownPlatform } from './tagged-image.ts'

const MAX_CONFIG_BYTES = 1024 * 1024
const MAX_LAYERS = 500
/** Of all manifests below an index; a real one has some kilobytes, no single one may have more than this. */
const MAX_SUMMED_BYTES = 4 * 1024 * 1024
const MAX_TAGS = 50
const MAX_ANNOTATIONS = 100
const MAX_TEXT = 2000

export interface ImageDeps {
  readonly db: Database
  readonly blobs: Storage['blobs']
}

/** @throws AppError NOT_FOUND, TAG_INVALID, DIGEST_INVALID */
export async function describeImage(
  deps: ImageDeps,
  repository: RepositoryRow,
  reference: string,
  platform: string | undefined,
): Promise<Image> {
  const { db } = deps
  const image = await getImage(db.read, repository, reference)
  const { digest, manifest } = image
  const chosen = await choosePlatform(db.read, repository, image, platform)
  const tags = await listTagsOf(db.read, repository.id, digest)
  const sizes = await sizesOf(deps, repository, image)
  const own = await knownImage(db, repository, { digest, manifest, root: digest })
  const selected =
    chosen === undefined ? null : await describePlatform(deps, repository, { chosen, root: digest, own: own.contents })
  const [measure] = await measureTags(db.read, repository.id, [digest], 0)
  const chart = await readChart(deps, repository.id, manifest)
  return {
    repository: repository.name,
    tag: image.tag ?? null,
    digest,
    mediaType: clipped(image.mediaType, MAX_TEXT),
    artifactType: manifest.artifactType === undefined ? null : clipped(manifest.artifactType, MAX_TEXT),
    kind: kindOf(manifest),
    sizeBytes: saturate([...sizes.all.values()].reduce((sum, size) => sum + size, 0)),
    annotations: shortMap(manifest.annotations ?? {}),
    tags: tags.slice(0, MAX_TAGS),
    tagCount: tags.length,
    subject: manifest.subject?.digest ?? null,
    attested: [...(measure?.attested ?? [])],
    platforms:
      manifest.children.length === 0 && selected !== null && selected.platform !== ''
        ? [{ platform: selected.platform, digest, sizeBytes: selected.sizeBytes, available: true }]
        : image.platforms.map((one) => ({
            platform: one.platform,
            digest: one.digest,
            sizeBytes: saturate(sizes.of.get(one.digest) ?? 0),
            available: one.isHere,
          })),
    selected,
    contents: own.contents,
    chart: chart === undefined ? null : chartFacts(chart),
  }
}

async function describePlatform(
  deps: ImageDeps,
  repository: RepositoryRow,
  { chosen, root, own }: { readonly chosen: ChosenImage; readonly root: Digest; readonly own: ImageContentsState },
): Promise<ImagePlatform> {
  const { digest, mediaType, manifest } = chosen
  const config = await readConfig(deps, repository.id, manifest)
  const platform =
    chosen.platform !== '' || manifest.children.length > 0
      ? chosen.platform
      : ((await ownPlatform(deps, repository.id, isImageConfig(manifest) ? manifest.config?.digest : undefined)) ?? '')
  const known = digest === root ? own : (await knownImage(deps.db, repository, { digest, manifest, root })).contents
  return {
    platform,
    digest,
    mediaType: clipped(mediaType, MAX_TEXT),
    sizeBytes: saturate(ownSizes(manifest, digest, chosen.sizeBytes).reduce((sum, [, size]) => sum + size, 0)),
    config: config === undefined ? null : configFacts(config, manifest.config?.digest ?? digest),
    layers: manifest.layers.slice(0, MAX_LAYERS).map((layer, i) => ({
      digest: layer.digest,
      mediaType: clipped(layer.mediaType, MAX_TEXT),
      sizeBytes: saturate(layer.size),
      // Where the history names another number of layers, nobody knows which line made which.
      command: config?.commands.length === manifest.layers.length ? (config.commands[i] ?? null) : null,
    })),
    layerCount: manifest.layers.length,
    contents: known,
  }
}

/** Undefined where there is none, or none that can be read. */
export async function readConfig(
  { db, blobs }: ImageDeps,
  repositoryId: string,
  manifest: ParsedManifest,
): Promise<PlatformConfig | undefined> {
  if (manifest.config === undefined || !isImageConfig(manifest)) return undefined
  const row = await findRepositoryBlob(db.read, repositoryId, manifest.config.digest)
  if (row === undefined || row.size_bytes > MAX_CONFIG_BYTES) return undefined
  const text = await new Response(await blobs.open(row.storage_key)).text()
  try {
    return platformConfigOf(parseForeignJson(text))
  } catch {
    return undefined
  }
}

/**
 * Bytes below the image, each digest once; and of each platform, by what is known of its manifest: none is parsed. An index may list the
 * same one under a hundred platforms, or a hundred that are as large as may be: what is beyond the bound is not summed up.
 */
async function sizesOf({ db }: ImageDeps, repository: RepositoryRow, image: FoundImage) {
  const all = new Map<Digest, number>(ownSizes(image.manifest, image.digest, image.sizeBytes))
  const of = new Map<Digest, number>()
  const turns = createTurns()
  let bytes = 0
  const parts = new Map(image.platforms.filter(({ isHere }) => isHere).map((one) => [one.digest, one.manifestBytes]))
  for (const [digest, manifestBytes] of parts) {
    bytes += manifestBytes
    if (bytes > MAX_SUMMED_BYTES) break
    const sizes = new Map([[digest, manifestBytes], ...(await listPartSizes(db.read, repository.id, digest))])
    for (const [one, size] of sizes) all.set(one, size)
    of.set(
      digest,
      [...sizes.values()].reduce((sum, size) => sum + size, 0),
    )
    const turn = turns()
    if (turn !== undefined) await turn
  }
  return { all, of }
}

export function ownSizes(manifest: ParsedManifest, digest: Digest, sizeBytes: number): [Digest, number][] {
  const parts: Descriptor[] = [...(manifest.config === undefined ? [] : [manifest.config]), ...manifest.layers]
  return [[digest, sizeBytes], ...parts.map((part): [Digest, number] => [part.digest, part.size])]
}

function kindOf(manifest: ParsedManifest): Image['kind'] {
  if (manifest.children.length > 0) return 'index'
  if (isImageConfig(manifest)) return 'image'
  return manifest.config?.mediaType === HELM_CONFIG ? 'chart' : 'artifact'
}

function configFacts(
  { commands: _, os: _os, architecture: _arch, ...config }: PlatformConfig,
  digest: Digest,
): ImageConfigFacts {
  const { created = null, author = null, user = null, workingDir = null, stopSignal = null } = config
  return {
    digest,
    created,
    author,
    user,
    workingDir,
    stopSignal,
    entrypoint: [...config.entrypoint],
    cmd: [...config.cmd],
    env: [...config.env],
    ports: [...config.ports],
    volumes: [...config.volumes],
    labels: { ...config.labels },
  }
}

function chartFacts(chart: Chart): ChartFacts {
  const { appVersion = null, description = null, kubeVersion = null, type = null, home = null } = chart
  return {
    name: chart.name,
    version: chart.version,
    appVersion,
    description,
    kubeVersion,
    type,
    home,
    keywords: [...chart.keywords],
    maintainers: [...chart.maintainers],
    dependencies: [...chart.dependencies],
    images: chart.images === undefined ? null : [...chart.images],
  }
}

function shortMap(map: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(map).slice(0, MAX_ANNOTATIONS)
  return Object.fromEntries(entries.map(([name, value]) => [clipped(name, 300), clipped(value, MAX_TEXT)]))
}
