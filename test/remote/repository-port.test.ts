import { parseManifest } from '../../src/oci/manifest.ts'
import { parseRepositoryName } from '../../src/oci/reference.ts'
import { openRemoteRepository } from '../../src/remote/remote-repository.ts'
import { describeRepositoryReader, SUITE_CONTENT } from '../suites/repository-ports.ts'
import { makeLayout } from '../support/fixtures.ts'
import { startMemoryRegistry } from '../support/memory-registry.ts'
import { loopbackNetwork } from './scripted-registry.ts'

const layout = makeLayout({
  name: 'suite',
  directory: '',
  tags: new Map(Object.entries(SUITE_CONTENT.tags)),
  blobs: new Map(SUITE_CONTENT.blobs.map(({ descriptor, bytes }) => [descriptor.digest, bytes])),
  referencedButAbsent: new Map(),
  manifests: new Map(
    SUITE_CONTENT.manifests.map(({ descriptor, bytes }) => {
      const { artifactType, annotations, subject } = parseManifest(bytes, descriptor.mediaType)
      const { digest, mediaType } = descriptor
      const rest = { tags: [], children: [], blobs: [], predicateType: undefined, note: undefined }
      return [digest, { digest, mediaType, bytes, artifactType, annotations, subject: subject?.digest, ...rest }]
    }),
  ),
})

describeRepositoryReader('the client for other registries', async () => {
  const registry = startMemoryRegistry(layout)
  const network = loopbackNetwork()
  const endpoint = { url: registry.url, plainHttp: true }
  return {
    reader: () => openRemoteRepository(network, endpoint, parseRepositoryName('app')),
    close: () => registry.stop(),
  }
})
