// What is mirrored: repositories of images with alias tags, attestations on each platform manifest, a signature on each attestation.
import { createCipheriv, createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { digestOf, type Layout, type LayoutManifest, makeLayout } from '../support/fixtures.ts'

export interface WorkloadSize {
  readonly repositories: number
  readonly images: number
  readonly aliases: number
  readonly attestations: number
  readonly layerBytes: number
}

/** 84 tags, 192 referrers, about 148 MiB of distinct bytes. */
export const SMALL: WorkloadSize = {
  repositories: 4,
  images: 3,
  aliases: 7,
  attestations: 4,
  layerBytes: 2.5 * 1024 * 1024,
}

const PLATFORMS = ['amd64', 'arm64'] as const
export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json'
export const OCI_CONFIG = 'application/vnd.oci.image.config.v1+json'
export const OCI_LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip'
const OCI_EMPTY = 'application/vnd.oci.empty.v1+json'
const INTOTO = 'application/vnd.in-toto+json'
const SIGNATURE = 'application/vnd.dev.sigstore.bundle.v0.3+json'

/** Bytes that cannot be compressed and are the same in every run. */
export function noise(name: string, sizeBytes: number): Uint8Array {
  const key = createHash('sha256').update(name).digest()
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(sizeBytes))
}

export interface Made {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
}

export interface Shelf {
  blob(mediaType: string, bytes: Uint8Array): Made
  manifest(mediaType: string, body: object, artifactType?: string, subject?: Made): Made
  tag(name: string, to: Made): void
  layout(name: string): Layout
}

export function newShelf(): Shelf {
  const tags = new Map<string, string>()
  const manifests = new Map<string, LayoutManifest>()
  const blobs = new Map<string, Uint8Array>()
  return {
    blob(mediaType, bytes) {
      const digest = digestOf(bytes)
      blobs.set(digest, bytes)
      return { mediaType, digest, size: bytes.length }
    },
    manifest(mediaType, body: { config?: Made; layers?: Made[]; manifests?: Made[] }, artifactType, subject) {
      const document = { schemaVersion: 2, mediaType, ...(artifactType && { artifactType }), ...body }
      const bytes = new TextEncoder().encode(JSON.stringify({ ...document, ...(subject && { subject }) }))
      const digest = digestOf(bytes)
      manifests.set(digest, {
        digest,
        mediaType,
        bytes,
        artifactType: artifactType ?? body.config?.mediaType,
        annotations: undefined,
        subject: subject?.digest,
        tags: [],
        children: (body.manifests ?? []).map((child) => child.digest),
        blobs: [...(body.config ? [body.config] : []), ...(body.layers ?? [])].map((one) => one.digest),
        predicateType: undefined,
        note: undefined,
      })
      return { mediaType, digest, size: bytes.length }
    },
    tag: (name, to) => void tags.set(name, to.digest),
    layout: (name) => makeLayout({ name, directory: '', tags, manifests, blobs, referencedButAbsent: new Map() }),
  }
}

const text = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))

function layer(shelf: Shelf, name: string, size: WorkloadSize): Made {
  return shelf.blob(OCI_LAYER, gzipSync(noise(name, size.layerBytes), { level: 1 }))
}

/** An attestation or a signature: about 8 KB of its type under an empty config. */
export function artifact(shelf: Shelf, type: string, name: string, subject: Made): Made {
  const config = shelf.blob(OCI_EMPTY, text({}))
  const layers = [shelf.blob(type, text({ name, payload: Buffer.from(noise(name, 6000)).toString('base64') }))]
  return shelf.manifest(OCI_MANIFEST, { config, layers }, type, subject)
}

/** One image for each platform under one index; a layer of half the repositories, one of the repository, two of its own. */
function image(shelf: Shelf, repository: number, name: string, size: WorkloadSize): Made {
  const manifests = PLATFORMS.map((architecture) => {
    const config = shelf.blob(OCI_CONFIG, text({ architecture, os: 'linux', name, rootfs: { type: 'layers' } }))
    const names = [`half ${repository % 2}`, `repository ${repository}`, `${name} 1`, `${name} 2`]
    const layers = names.map((one) => layer(shelf, `${one} ${architecture}`, size))
    const platform = shelf.manifest(OCI_MANIFEST, { config, layers })
    for (let n = 0; n < size.attestations; n++) {
      const of = `${name} ${architecture} attestation ${n}`
      const attestation = artifact(shelf, INTOTO, of, platform)
      artifact(shelf, SIGNATURE, `signature of ${of}`, attestation)
    }
    return { ...platform, platform: { architecture, os: 'linux' } }
  })
  return shelf.manifest(OCI_INDEX, { manifests })
}

/**
 * The repositories, by name, at a point in time. In the second generation the first image of the first repository has moved
 * with all its tags, that of the second repository with three.
 */
export function makeWorkload(size: WorkloadSize, generation: 1 | 2): Map<string, Layout> {
  const layouts = new Map<string, Layout>()
  for (let repository = 0; repository < size.repositories; repository++) {
    const shelf = newShelf()
    for (let n = 0; n < size.images; n++) {
      const name = `repository ${repository} image ${n}`
      const to = image(shelf, repository, name, size)
      const moved = generation === 2 && n === 0 && repository < 2
      const next = moved ? image(shelf, repository, `${name} again`, size) : to
      const movedTags = repository === 0 ? size.aliases : 3
      for (let alias = 0; alias < size.aliases; alias++) shelf.tag(`${n}.${alias}`, alias < movedTags ? next : to)
    }
    layouts.set(`image-${repository}`, shelf.layout(`image-${repository}`))
  }
  return layouts
}
