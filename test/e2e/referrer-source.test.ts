// Images from registry A, their attestations from registry B with other credentials (`upstream add --referrers-from`).
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { compareMirror } from '../support/compare.ts'
import { type DockerRegistry, startDockerRegistry } from '../support/docker-registry.ts'
import { describeWithFixtures, fixtureLayout } from '../support/fixtures.ts'
import { type Kagami, startKagami } from '../support/kagami.ts'
import { splitReferrers } from '../support/layout-selection.ts'
import { pushLayout } from '../support/push-layout.ts'
import { addUpstream } from './fixture-upstreams.ts'
import { expectDone, type Operator, signIn } from './operator.ts'

setDefaultTimeout(120_000)

describeWithFixtures('a mirror with a separate referrer source', () => {
  const reader = { username: 'reader', password: 'of the images' }
  let kagami: Kagami
  let operator: Operator
  let registry: DockerRegistry
  let vendor: Kagami
  beforeAll(async () => {
    kagami = await startKagami()
    operator = await signIn(kagami)
    registry = await startDockerRegistry({ credentials: reader })
    vendor = await startKagami({ env: { KAGAMI_ORG: 'vendor' } })
  })
  afterAll(async () => {
    await kagami?.stop()
    await registry?.stop()
    await vendor?.stop()
  })

  test('is whole: images by a registry without the API, attestations by one with it', async () => {
    const layout = fixtureLayout('dhi-python/release-1')
    const { images, referrers } = splitReferrers(layout)
    await pushLayout(images, registry.url, 'python', { credentials: reader })
    await pushLayout(referrers, vendor.url, 'vendor/python', { credentials: vendor.owner })
    await addUpstream(operator, 'attestations', `${vendor.url}/vendor`, vendor.owner)
    await addUpstream(operator, 'images', registry.url, { ...reader, referrersFrom: 'attestations' })
    expectDone(await operator.wait(['mirror', 'start', 'images/python']))
    expect(await compareMirror(layout, await operator.target('acme/python'))).toEqual([])
  })

  test('is whole the other way round, and takes digest tags (.sig, .att, .sbom) of the referrer source', async () => {
    await addUpstream(operator, 'fallback', registry.url, reader)
    await addUpstream(operator, 'vendor', `${vendor.url}/vendor`, { ...vendor.owner, referrersFrom: 'fallback' })
    for (const name of ['oras-tree', 'cosign-tags']) {
      const layout = fixtureLayout(name)
      const { images, referrers } = splitReferrers(layout)
      await pushLayout(images, vendor.url, `vendor/${name}`, { credentials: vendor.owner })
      await pushLayout(referrers, registry.url, name, { credentials: reader })
      expectDone(await operator.wait(['mirror', 'start', `vendor/${name}`]))
      expect(await compareMirror(layout, await operator.target(`acme/${name}`))).toEqual([])
    }
  })

  test('holds every root while the referrer source is down: the old digests keep serving, then the next run converges', async () => {
    const [before, after] = [fixtureLayout('dhi-python/release-1'), fixtureLayout('dhi-python/release-2')]
    const { images, referrers } = splitReferrers(after)
    await pushLayout(images, registry.url, 'python', { credentials: reader })
    await pushLayout(referrers, vendor.url, 'vendor/python', { credentials: vendor.owner })
    const { dataDirectory, port } = vendor
    await vendor.kill()

    const held = await operator.wait(['mirror', 'sync', 'acme/python'])
    expect([held.exitCode, held.run.counts.tagsMoved, held.mirror.state]).toEqual([1, 0, 'degraded'])
    expect(held.run.outcome).not.toBe('done')
    expect(held.run.failures.map(({ code }) => code)).toContain('UPSTREAM_UNAVAILABLE')
    expect(held.mirror.reason).toContain(`127.0.0.1:${port}`)
    expect(await compareMirror(before, await operator.target('acme/python'))).toEqual([])

    vendor = await startKagami({ env: { KAGAMI_ORG: 'vendor' }, dataDirectory, port })
    expectDone(await operator.wait(['mirror', 'sync', 'acme/python']))
    expect(await compareMirror([before, after], await operator.target('acme/python'))).toEqual([])
  })

  test('holds a new mirror whose repository is absent in the referrer source', async () => {
    const { images } = splitReferrers(fixtureLayout('notation'))
    await pushLayout(images, registry.url, 'alone', { credentials: reader })
    const answer = await operator.wait(['mirror', 'start', 'images/alone'])
    expect([answer.exitCode, answer.run.outcome, answer.mirror.tags.published]).toEqual([1, 'failed', 0])
    expect(answer.run.failures[0]?.code).toBe('UPSTREAM_NOT_FOUND')
  })
})
