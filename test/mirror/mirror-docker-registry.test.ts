// The engine with the real client against Debian's docker-registry: the way of the fallback tags, and its exact cost.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'bun:test'
import { openRemoteRepository } from '../../src/remote/remote-repository.ts'
import { loopbackNetwork } from '../remote/scripted-registry.ts'
import { type DockerRegistry, haveDockerRegistry, startDockerRegistry } from '../support/docker-registry.ts'
import { describeWithFixtures, fallbackTagOf, fixtureLayout, isFallbackTag } from '../support/fixtures.ts'
import { withoutTags } from '../support/layout-selection.ts'
import { type CountingProxy, countingProxy } from '../support/proxy.ts'
import { pushLayout } from '../support/push-layout.ts'
import { expectMirrored } from './expect-mirrored.ts'
import { type MirrorInstance, openMirrorInstance } from './mirror-instance.ts'

/** What docker-registry 2.8 refuses (the fixtures' README). */
const REFUSED = [
  'sparse-index',
  'oci-artifact-manifest',
  'sha512',
  'index-sha512-child',
  'non-distributable',
  'docker-foreign-layer',
]

describeWithFixtures('a mirror of docker-registry', () => {
  let registry: DockerRegistry
  let proxy: CountingProxy
  let instance: MirrorInstance
  const network = loopbackNetwork()
  beforeAll(async () => {
    if (!haveDockerRegistry) throw new Error('docker-registry is not installed: run scripts/install-test-packages')
    registry = await startDockerRegistry()
    proxy = await countingProxy(registry.url)
  })
  afterAll(async () => {
    await proxy?.stop()
    await registry?.stop()
  })
  beforeEach(async () => {
    proxy.reset()
    instance = await openMirrorInstance({
      openSource(upstream, repository) {
        const usage = { requests: 0, readBytes: 0 }
        const onRequest = () => {
          usage.requests++
        }
        return {
          reader: openRemoteRepository(network, { url: upstream.url, plainHttp: true }, repository, { onRequest }),
          usage: () => usage,
        }
      },
    })
    await instance.addUpstream('registry', { url: proxy.url, plain_http: 1 })
  })
  afterEach(() => instance.close())

  for (const [name, skipTags] of [
    ['dhi-python/release-1', []],
    ['cosign-tags', []],
    ['oras-tree', []],
    ['referrers-fallback-tags', []],
    ['formats', REFUSED],
  ] as const) {
    test(`has everything of ${name}, and a second pass costs a tag list, a HEAD a tag and a HEAD a fallback tag`, async () => {
      const layout = withoutTags(fixtureLayout(name), skipTags)
      const repository = name.replace('/', '-')
      await pushLayout(layout, registry.url, repository)
      const { run, mirrorId } = await instance.mirror(`registry/${repository}`, 'here')
      expect([run.outcome, run.failures]).toEqual(['done', []])
      // One more than the run's: start asks for the tags first, so that an absent repository leaves no trace.
      expect(run.counts.requests).toBe(proxy.count() - 1)
      await expectMirrored(await instance.reader('acme/here'), layout)

      const pushed: string[] = []
      const reader = openRemoteRepository(network, { url: registry.url, plainHttp: true }, repository as never)
      for await (const { tag } of reader.listTags()) pushed.push(tag)
      const subjects = new Set([...layout.manifests.keys()].map(fallbackTagOf))
      const fallback = pushed.filter((tag) => isFallbackTag(tag) && subjects.has(tag))
      proxy.reset()
      const again = await instance.sync(mirrorId)
      expect([again.outcome, again.counts.tagsMoved, again.counts.blobs]).toEqual(['done', 0, 0])
      expect(proxy.requests.filter(({ kind }) => kind !== 'manifest-head').map(({ kind }) => kind)).toEqual(['tags'])
      expect(
        proxy.requests
          .filter(({ kind }) => kind === 'manifest-head')
          .map(({ reference }) => reference)
          .sort(),
      ).toEqual([...pushed.filter((tag) => !isFallbackTag(tag)), ...fallback].sort())
    })
  }
})
