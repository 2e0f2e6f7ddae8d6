import { describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import { parseTag } from '../../src/oci/reference.ts'
import { sampleRepositories } from '../../src/sample/repositories.ts'
import {
  blobOf,
  newSampleKey,
  platformManifest,
  platformManifests,
  readJsonBlob,
  readManifest,
  readManifests,
  sampleRepository,
} from './reading.ts'

const key = newSampleKey()
const sha256 = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

interface ImageConfig {
  os: string
  architecture: string
  config: { Labels: Record<string, string>; Env: string[]; User: string }
  rootfs: { diff_ids: string[] }
  history: unknown[]
}

describe('the content of the sample', () => {
  test.each([1, 2, 7])('is the same for the same release and key (release %d)', (release) => {
    const digests = () =>
      sampleRepositories(release, key).map(({ name, tags, manifests, blobs }) => ({
        name,
        tags: [...tags],
        manifests: manifests.map(({ bytes }) => sha256(bytes)),
        blobs: [...blobs.keys()],
      }))
    expect(digests()).toEqual(digests())
  })

  test('differs between keys only in the signatures', () => {
    const unsigned = (repositories: ReturnType<typeof sampleRepositories>) =>
      repositories.flatMap((repository) =>
        readManifests(repository)
          .filter(({ body }) => !body.artifactType?.includes('cosign'))
          .map(({ digest }) => digest),
      )
    const other = sampleRepositories(1, newSampleKey())
    expect(unsigned(other)).toEqual(unsigned(sampleRepositories(1, key)))
  })

  test.each([1, 2, 3])('refers to nothing but itself, and can be pushed in order (release %d)', (release) => {
    for (const repository of sampleRepositories(release, key)) {
      const seen = new Map<string, number>()
      const blobs = new Map<string, Uint8Array>(repository.blobs)
      const used = new Set<string>()
      for (const { descriptor, bytes } of repository.manifests) {
        expect(sha256(bytes)).toBe(descriptor.digest)
        expect(descriptor.size).toBe(bytes.byteLength)
        const body = readManifest(repository, descriptor.digest)
        for (const blob of [...(body.config ? [body.config] : []), ...(body.layers ?? [])]) {
          expect(blobs.get(blob.digest)?.byteLength).toBe(blob.size)
          used.add(blob.digest)
        }
        for (const other of [...(body.manifests ?? []), ...(body.subject ? [body.subject] : [])]) {
          expect(seen.get(other.digest)).toBe(other.size)
        }
        expect(seen.has(descriptor.digest)).toBe(false)
        seen.set(descriptor.digest, descriptor.size)
      }
      for (const [digest, bytes] of blobs) expect(sha256(bytes)).toBe(digest)
      expect([...used].sort()).toEqual([...blobs.keys()].sort())
      for (const digest of repository.tags.values()) expect(seen.has(digest)).toBe(true)
    }
  })

  test('stays small: one repository in one release has less than a million bytes', () => {
    for (const { manifests, blobs } of sampleRepositories(2, key)) {
      const sizes = [...manifests.map(({ bytes }) => bytes.byteLength), ...[...blobs.values()].map((b) => b.byteLength)]
      expect(sizes.reduce((total, size) => total + size, 0)).toBeLessThan(1_000_000)
    }
  })
})

describe('the images of the sample', () => {
  test('have seven tags each and never latest', () => {
    for (const release of [1, 2]) {
      for (const repository of sampleRepositories(release, key).filter(({ name }) => name !== 'nginx-chart')) {
        for (const tags of Map.groupBy(repository.tags, ([, digest]) => digest).values()) expect(tags).toHaveLength(7)
        expect(repository.tags.has(parseTag('latest'))).toBe(false)
      }
    }
    expect(sampleRepository('python', 1, key).tags.size).toBe(21)
  })

  test('are OCI indexes of linux/amd64 and linux/arm64, recognised by title and build id', () => {
    const python = sampleRepository('python', 1, key)
    for (const digest of python.tags.values()) {
      const index = readManifest(python, digest)
      expect(index.mediaType).toBe('application/vnd.oci.image.index.v1+json')
      expect(index.annotations?.['org.opencontainers.image.title']).toBe('dhi/python')
      expect(index.manifests?.map(({ platform }) => platform)).toEqual([
        { architecture: 'amd64', os: 'linux' },
        { architecture: 'arm64', os: 'linux', variant: 'v8' },
      ])
      for (const child of index.manifests ?? []) {
        expect(child.annotations?.['com.docker.dhi.build.id']).toMatch(/^[0-9a-f]{24}$/)
      }
    }
  })

  test('have gzip layers whose diff_ids are the digests of what is inside (image-spec config.md)', () => {
    for (const repository of sampleRepositories(2, key)) {
      for (const child of platformManifests(repository)) {
        const manifest = readManifest(repository, child.digest)
        const config = readJsonBlob<ImageConfig>(repository, manifest.config?.digest)
        const layers = manifest.layers ?? []
        expect(layers.map(({ mediaType }) => mediaType)).toEqual(
          layers.map(() => 'application/vnd.oci.image.layer.v1.tar+gzip'),
        )
        expect(config.rootfs.diff_ids).toEqual(
          layers.map(({ digest }) => sha256(gunzipSync(blobOf(repository, digest)))),
        )
        expect(config.history).toHaveLength(layers.length)
        expect({ os: config.os, architecture: config.architecture }).toEqual({
          os: child.platform?.os ?? '',
          architecture: child.platform?.architecture ?? '',
        })
      }
    }
  })

  test('say the same of themselves in labels and in annotations, the chain id included', () => {
    const python = sampleRepository('python', 1, key)
    const manifest = readManifest(python, platformManifest(python, '3.13-dev', 'arm64').digest)
    const { config, rootfs } = readJsonBlob<ImageConfig>(python, manifest.config?.digest)
    expect(manifest.annotations).toMatchObject(config.Labels)
    expect(config.Labels).toMatchObject({
      'com.docker.dhi.name': 'dhi/python',
      'com.docker.dhi.definition': 'image/python/debian-13/3.13-dev',
      'com.docker.dhi.shell': 'bash',
      'com.docker.dhi.variant': 'dev',
      'com.docker.dhi.version': '3.13.9',
      'com.docker.dhi.chain-id': sha256(new TextEncoder().encode(rootfs.diff_ids.join(' '))),
    })
    expect(config.Env).toContain('PYTHON_VERSION=3.13.9')
  })
})
