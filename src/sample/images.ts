import type { Descriptor, Platform } from '../oci/descriptor.ts'
import { type Digest, digestOf } from '../oci/digest.ts'
import { MediaType } from '../oci/media-types.ts'
import type { Content } from './content.ts'
import type { ImageDefinition } from './definitions.ts'
import { layersOf } from './layers.ts'
import { releaseTime } from './releases.ts'

/** Prefix of all repositories of the sample: `python` is served as `dhi/python`. */
export const SAMPLE_PREFIX = 'dhi'

const SAMPLE_PLATFORMS: readonly Platform[] = [
  { architecture: 'amd64', os: 'linux' },
  { architecture: 'arm64', os: 'linux', variant: 'v8' },
]

/** An image on one platform, as its attestations speak of it. */
export interface PlatformImage {
  readonly definition: ImageDefinition
  readonly platform: Platform
  /** Bare descriptor of the platform manifest. */
  readonly descriptor: Descriptor
  readonly labels: Readonly<Record<string, string>>
  readonly fileCount: number
  readonly buildId: string
}

export interface Image {
  readonly index: Descriptor
  readonly platforms: readonly PlatformImage[]
}

/** Adds the blobs, the platform manifests and the index of an image (OCI image-spec, media types of OCI only). */
export function addImage(definition: ImageDefinition, content: Content): Image {
  const platforms = SAMPLE_PLATFORMS.map((platform) => addPlatform(definition, platform, content))
  const index = content.addManifest({
    schemaVersion: 2,
    mediaType: MediaType.ociIndex,
    manifests: platforms.map(({ descriptor, platform, buildId }) => ({
      ...descriptor,
      platform,
      annotations: { 'com.docker.dhi.build.id': buildId },
    })),
    annotations: {
      'org.opencontainers.image.created': releaseTime(definition.contentRelease),
      'org.opencontainers.image.title': `${SAMPLE_PREFIX}/${definition.repository}`,
      'org.opencontainers.image.version': definition.version,
      'com.docker.dhi.variant': definition.variant,
    },
  })
  return { index, platforms }
}

/** Adds one platform's layers, config and manifest. */
export function addPlatform(definition: ImageDefinition, platform: Platform, content: Content): PlatformImage {
  const layers = layersOf(definition, platform.architecture)
  const diffIds = layers.map((layer) => layer.diffId)
  const created = releaseTime(definition.contentRelease)
  const labels = labelsOf(definition, diffIds)
  const config = {
    ...platform,
    created,
    config: {
      User: definition.user,
      Env: Object.entries(definition.environment).map(([key, value]) => `${key}=${value}`),
      Cmd: definition.command,
      WorkingDir: '/',
      Labels: labels,
    },
    rootfs: { type: 'layers', diff_ids: diffIds },
    history: layers.map((layer) => ({ created, created_by: layer.createdBy, comment: 'kagami.sample' })),
  }
  const descriptor = content.addManifest({
    schemaVersion: 2,
    mediaType: MediaType.ociManifest,
    config: content.addBlob(config, MediaType.ociConfig),
    layers: layers.map((layer) => content.addBlob(layer.bytes, MediaType.ociLayerGzip)),
    annotations: {
      ...labels,
      'org.opencontainers.image.created': created,
      'org.opencontainers.image.description': `${definition.title}, sample content of Kagami`,
      'org.opencontainers.image.licenses': definition.license,
      'org.opencontainers.image.title': `${SAMPLE_PREFIX}/${definition.repository}`,
      'org.opencontainers.image.vendor': 'Kagami sample',
      'org.opencontainers.image.version': definition.version,
    },
  })
  const fileCount = layers.reduce((total, layer) => total + layer.fileCount, 0)
  return { definition, platform, descriptor, labels, fileCount, buildId: buildIdOf(definition) }
}

/** One build makes all platforms, so they share its id: 24 hex digits, the same whenever the same thing is built. */
function buildIdOf(definition: ImageDefinition): string {
  return digestOf(JSON.stringify(definition)).slice('sha256:'.length).slice(0, 24)
}

/** The labels by which hardened images describe themselves; they are annotations of the manifest as well. */
function labelsOf(definition: ImageDefinition, diffIds: readonly Digest[]): Record<string, string> {
  const isDev = definition.variant === 'dev'
  const labels = {
    'chain-id': chainId(diffIds),
    compliance: 'cis',
    created: releaseTime(definition.contentRelease),
    'date.end-of-life': definition.supportedUntil,
    'date.release': definition.supportedFrom,
    definition: definition.path,
    distro: 'debian-13',
    entitlement: 'public',
    flavor: '',
    name: `${SAMPLE_PREFIX}/${definition.repository}`,
    'package-manager': isDev ? 'apt' : '',
    shell: isDev ? 'bash' : '',
    title: definition.title,
    url: `https://sample.example.invalid/catalog/${definition.repository}`,
    variant: definition.variant,
    version: definition.version,
  }
  return Object.fromEntries(Object.entries(labels).map(([key, value]) => [`com.docker.dhi.${key}`, value]))
}

/** OCI image-spec config.md "Layer ChainID". */
function chainId(diffIds: readonly Digest[]): Digest {
  const [first, ...rest] = diffIds
  if (first === undefined) throw new Error('an image without layers has no ChainID')
  return rest.reduce((chain, diffId) => digestOf(`${chain} ${diffId}`), first)
}
