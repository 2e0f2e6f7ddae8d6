// Whole images with referrers at every level, written to real registries and compared digest by digest.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { Digest } from '../../../src/oci/digest.ts'
import { parseRepositoryName } from '../../../src/oci/reference.ts'
import { openRemoteTarget } from '../../../src/remote/remote-target.ts'
import { compareMirror } from '../../support/compare.ts'
import { type DockerRegistry, startDockerRegistry } from '../../support/docker-registry.ts'
import { describeWithFixtures, fixtureLayout } from '../../support/fixtures.ts'
import { withoutTags } from '../../support/layout-selection.ts'
import { OWNER, startServer, type TestServer } from '../../support/server.ts'
import { startTokenService } from '../../support/token-service.ts'
import { failed, loopbackNetwork } from '../scripted-registry.ts'
import { noSleep, pushThrough, targetMemory } from './target-memory.ts'

const credentials = { username: 'writer', password: 'correct horse' }

describeWithFixtures('docker-registry with a password', () => {
  let registry: DockerRegistry
  beforeAll(async () => {
    registry = await startDockerRegistry({ credentials })
  })
  afterAll(async () => await registry?.stop())

  for (const name of [
    'dhi-python/release-1',
    'oras-tree',
    'cosign-tags',
    'referrers-fallback-tags',
    'notation',
    'helm-chart',
  ]) {
    test(`${name}: all of it, and nothing the second time`, async () => {
      const layout = withoutTags(fixtureLayout(name), [])
      const network = loopbackNetwork()
      const memory = targetMemory()
      const open = () =>
        openRemoteTarget(network, { url: registry.url, ...credentials }, parseRepositoryName(`team/${name}`), {
          memory,
          sleep: noSleep,
        })
      const target = open()
      const outcomes = await pushThrough(target, layout)
      expect(outcomes.filter(({ result }) => result !== 'moved')).toEqual([])
      const compared = { url: registry.url, repository: `team/${name}`, credentials }
      expect(await compareMirror(layout, compared, { referrers: 'either' })).toEqual([])
      const again = open()
      expect((await pushThrough(again, layout)).filter(({ result }) => result !== 'unchanged')).toEqual([])
      expect(again.usage()).toMatchObject({ requests: outcomes.length, sentBytes: 0 })
    })
  }
})

describeWithFixtures('Kagami', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startServer()
  })
  afterAll(async () => await server?.stop())

  for (const name of [
    'dhi-python/release-1',
    'oras-tree',
    'cosign-tags',
    'referrers-fallback-tags',
    'notation',
    'formats',
    'cosign-bundle',
  ]) {
    test(`${name}: all of it, and nothing the second time`, async () => {
      const layout = fixtureLayout(name)
      const network = loopbackNetwork()
      const memory = targetMemory()
      const repository = `copy-of-${name.replace('/', '-')}`
      // A sparse index is refused unless the repository allows it.
      await server.createRepository(`acme/${repository}`, { allow_sparse: 1 })
      const open = () =>
        openRemoteTarget(network, { url: `${server.url}/acme`, ...OWNER }, parseRepositoryName(repository), {
          kind: 'kagami',
          memory,
          sleep: noSleep,
        })
      const target = open()
      const outcomes = await pushThrough(target, layout)
      expect(outcomes.filter(({ result }) => result !== 'moved')).toEqual([])
      const compared = { url: server.url, repository: `acme/${repository}`, credentials: OWNER }
      expect(await compareMirror(layout, compared)).toEqual([])
      const again = open()
      expect((await pushThrough(again, layout)).filter(({ result }) => result !== 'unchanged')).toEqual([])
      expect(again.usage()).toMatchObject({ requests: outcomes.length, sentBytes: 0 })
      expect(await again.findVisibility()).toBe('private')
    })
  }
})

describeWithFixtures('docker-registry with a token service', () => {
  test('asks for what it needs, mounts what is there, and says what it does not take', async () => {
    await using tokens = await startTokenService(credentials)
    const registry = await startDockerRegistry({ auth: tokens.auth })
    try {
      const layout = fixtureLayout('cosign-tags')
      const network = loopbackNetwork()
      const open = (repository: string, memory = targetMemory()) =>
        openRemoteTarget(network, { url: `${registry.url}/team`, ...credentials }, parseRepositoryName(repository), {
          memory,
          sleep: noSleep,
        })
      const first = open('first')
      await pushThrough(first, layout)
      const memory = targetMemory()
      for (const digest of layout.blobs.keys()) memory.mounts.set(digest as Digest, [parseRepositoryName('first')])
      const second = open('second', memory)
      await pushThrough(second, layout)
      expect(second.usage()).toMatchObject({ mountsTried: layout.blobs.size, mountsDone: layout.blobs.size })
      const compared = { url: registry.url, repository: 'team/second', credentials }
      expect(await compareMirror(layout, compared, { referrers: 'either' })).toEqual([])
      expect(tokens.asked).toContainEqual(['repository:team/first:pull', 'repository:team/second:pull,push'])
      expect(await second.findVisibility()).toBe('private')

      const formats = fixtureLayout('formats')
      const { writer } = open('formats')
      const codes: string[] = []
      for (const tag of ['sparse-index']) {
        const manifest = formats.manifests.get(formats.tags.get(tag) ?? '')
        if (manifest === undefined) throw new Error(`no ${tag} in formats`)
        const { digest, mediaType, bytes } = manifest
        const descriptor = { digest: digest as Digest, mediaType, size: bytes.byteLength }
        codes.push((await failed(writer.writeManifest({ descriptor, bytes }))).code)
      }
      expect(codes).toEqual(['TARGET_UNSUPPORTED'])
    } finally {
      await registry.stop()
    }
  })
})
