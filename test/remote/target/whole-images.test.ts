// Whole images with referrers at every level, written to real registries and compared digest by digest.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { parseRepositoryName } from '../../../src/oci/reference.ts'
import { openRemoteTarget } from '../../../src/remote/remote-target.ts'
import { compareMirror } from '../../support/compare.ts'
import { type DockerRegistry, startDockerRegistry } from '../../support/docker-registry.ts'
import { describeWithFixtures, fixtureLayout } from '../../support/fixtures.ts'
import { withoutTags } from '../../support/layout-selection.ts'
import { OWNER, startServer, type TestServer } from '../../support/server.ts'
import { loopbackNetwork } from '../scripted-registry.ts'
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
