// The next release of an upstream, pushed over the one before, as a mirror takes it in (fixtures' README, section 3).
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { compareMirror } from '../support/compare.ts'
import { type DockerRegistry, startDockerRegistry } from '../support/docker-registry.ts'
import { describeWithFixtures, fixtureLayout, fixturePath } from '../support/fixtures.ts'
import { type Kagami, startKagami } from '../support/kagami.ts'
import { pushLayout } from '../support/push-layout.ts'
import { expectStatus, registryClient } from '../support/registry-client.ts'
import type { RegistryAccess } from '../support/registry-session.ts'
import { addUpstream } from './fixture-upstreams.ts'
import { expectDone, type Operator, signIn } from './operator.ts'

setDefaultTimeout(120_000)

/** What `release-1-to-2.json` says. */
interface Difference {
  readonly tagsMoved: Readonly<Record<string, unknown>>
  readonly newReferrersOnUnchangedImages: readonly string[]
}

/** An upstream as its vendor sees it. */
interface Source {
  readonly url: string
  readonly repository: string
  readonly access: RegistryAccess
  deleteTag(tag: string): Promise<void>
}

describeWithFixtures('release 2 of dhi-python over release 1', () => {
  let kagami: Kagami
  let operator: Operator
  let registry: DockerRegistry
  let vendor: Kagami
  beforeAll(async () => {
    kagami = await startKagami()
    operator = await signIn(kagami)
    registry = await startDockerRegistry()
    vendor = await startKagami({ env: { KAGAMI_ORG: 'vendor' } })
    await addUpstream(operator, 'registry', registry.url)
    await addUpstream(operator, 'vendor', `${vendor.url}/vendor`, vendor.owner)
  })
  afterAll(async () => {
    await kagami?.stop()
    await registry?.stop()
    await vendor?.stop()
  })

  const sources: Readonly<Record<string, () => Source>> = {
    registry: () => ({
      url: registry.url,
      repository: 'python',
      access: {},
      // docker-registry deletes by digest only, which would take the other tags too.
      async deleteTag(tag) {
        const tags = 'docker/registry/v2/repositories/python/_manifests/tags'
        rmSync(join(registry.dataDirectory, tags, tag), { recursive: true })
      },
    }),
    vendor: () => {
      const access = { credentials: vendor.owner }
      const client = registryClient(vendor.url, 'vendor/python', access)
      const deleteTag = async (tag: string) => {
        expectStatus(await client.deleteManifest(tag), `DELETE of tag ${tag}`, 202)
      }
      return { url: vendor.url, repository: 'vendor/python', access, deleteTag }
    },
  }
  for (const [upstream, sourceOf] of Object.entries(sources)) {
    describe(upstream === 'registry' ? 'in docker-registry' : 'in a Kagami', () => {
      const [before, after] = [fixtureLayout('dhi-python/release-1'), fixtureLayout('dhi-python/release-2')]
      const said: Difference = JSON.parse(readFileSync(fixturePath('dhi-python', 'release-1-to-2.json'), 'utf8'))
      const destination = `acme/${upstream}-python`
      let source: Source
      beforeAll(async () => {
        source = sourceOf()
        await pushLayout(before, source.url, source.repository, source.access)
        expectDone(await operator.wait(['mirror', 'start', `${upstream}/python`, '--as', `${upstream}-python`]))
        await pushLayout(after, source.url, source.repository, source.access)
        await source.deleteTag('3.13-debian')
      })

      test('moves 13 tags, adds the new one, and keeps the one that is gone from upstream', async () => {
        const answer = await operator.wait(['mirror', 'sync', destination])
        expectDone(answer)
        const moved = Object.keys(said.tagsMoved).length
        expect([moved, answer.run.counts.tagsMoved, answer.run.counts.tagsUnchanged]).toEqual([13, 13 + 1, 3])
        const mirror = registryClient(kagami.url, destination, await operator.target(destination))
        const tags = (await mirror.listTags()) ?? []
        expect(tags).toContain('3.13-debian')
        expect(tags).toContain('3-debian')
        const upstreamTags = await registryClient(source.url, source.repository, source.access).listTags()
        expect(upstreamTags).not.toContain('3.13-debian')
      })

      test('brings the late attestations of 3.12, whose digest stays', async () => {
        const target = await operator.target(destination)
        const mirror = registryClient(kagami.url, destination, target)
        const late = [...after.manifests.values()].filter(
          ({ digest, subject }) =>
            subject !== undefined && before.manifests.has(subject) && !before.manifests.has(digest),
        )
        const attestations = late.filter(({ predicateType }) => predicateType !== undefined)
        expect(attestations.map(({ digest }) => digest).sort()).toEqual([...said.newReferrersOnUnchangedImages].sort())
        for (const { digest, subject } of late) {
          const { items } = await mirror.listReferrers(String(subject))
          expect(items.map((item) => item.digest)).toContain(digest)
        }
        expect(after.tags.get('3.12')).toBe(String(before.tags.get('3.12')))
      })

      test('leaves exactly both releases in the mirror, digest by digest', async () => {
        expect(await compareMirror([before, after], await operator.target(destination))).toEqual([])
      })
    })
  }
})
