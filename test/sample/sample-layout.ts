// The sample as the comparer's kind of layout, and as an OCI image layout on disk for real clients.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadOrCreateSampleKey } from '../../src/sample/keys.ts'
import type { SampleRepository, SampleRepositoryName } from '../../src/sample/repositories.ts'
import { type Layout, makeLayout } from '../support/fixtures.ts'
import { readManifests, sampleRepository } from './reading.ts'

export function sampleLayout(repository: SampleRepository): Layout {
  const bytes = new Map(repository.manifests.map((manifest) => [manifest.descriptor.digest as string, manifest.bytes]))
  const manifests = readManifests(repository).map(({ digest, body }) => ({
    digest,
    mediaType: body.mediaType,
    bytes: bytes.get(digest) ?? new Uint8Array(),
    artifactType: body.artifactType ?? body.config?.mediaType,
    annotations: body.annotations,
    subject: body.subject?.digest,
    tags: [...repository.tags].filter(([, target]) => target === digest).map(([tag]) => tag),
    children: (body.manifests ?? []).map((child) => child.digest),
    blobs: [...(body.config ? [body.config] : []), ...(body.layers ?? [])].map((blob) => blob.digest),
    predicateType: body.annotations?.['in-toto.io/predicate-type'],
    note: undefined,
  }))
  return makeLayout({
    name: `sample/${repository.name}`,
    directory: '',
    tags: repository.tags,
    manifests: new Map(manifests.map((manifest) => [manifest.digest, manifest])),
    blobs: repository.blobs,
    referencedButAbsent: new Map(),
  })
}

/** What the sample upstream of a running server holds, by the key of its data directory. */
export async function servedLayout(
  { dataDirectory }: { readonly dataDirectory: string },
  name: SampleRepositoryName,
  release = 1,
): Promise<Layout> {
  return sampleLayout(sampleRepository(name, release, await loadOrCreateSampleKey(join(dataDirectory, 'sample'))))
}

/** Writes an OCI image layout (image-spec image-layout.md) with every tag. */
export function writeImageLayout(repository: SampleRepository, directory: string): void {
  const store = join(directory, 'blobs', 'sha256')
  mkdirSync(store, { recursive: true })
  const write = (digest: string, content: Uint8Array) => writeFileSync(join(store, digest.slice(7)), content)
  for (const [digest, content] of repository.blobs) write(digest, content)
  for (const { descriptor, bytes } of repository.manifests) write(descriptor.digest, bytes)

  const manifests = [...repository.tags].map(([tag, digest]) => {
    const found = repository.manifests.find(({ descriptor }) => descriptor.digest === digest)
    if (found === undefined) throw new Error(`tag ${tag} of ${repository.name} points at ${digest}, which is absent`)
    const { mediaType, size } = found.descriptor
    return { mediaType, digest, size, annotations: { 'org.opencontainers.image.ref.name': tag } }
  })
  writeFileSync(join(directory, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }))
  writeFileSync(join(directory, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }))
}
