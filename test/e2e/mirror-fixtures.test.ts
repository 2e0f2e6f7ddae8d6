// The main proof of issue 3: each layout of the fixtures, in a real registry, mirrored by the program, compared digest by digest.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { compareMirror } from '../support/compare.ts'
import { type DockerRegistry, startDockerRegistry } from '../support/docker-registry.ts'
import { describeWithFixtures, fixtureLayout } from '../support/fixtures.ts'
import { type Kagami, startKagami } from '../support/kagami.ts'
import { withoutTags } from '../support/layout-selection.ts'
import { pushLayout } from '../support/push-layout.ts'
import { addUpstream, layoutNames, refusedByDockerRegistry, repositoryOf } from './fixture-upstreams.ts'
import { expectDone, type Operator, signIn } from './operator.ts'

setDefaultTimeout(120_000)

let kagami: Kagami
let operator: Operator
beforeAll(async () => {
  kagami = await startKagami()
  operator = await signIn(kagami)
})
afterAll(() => kagami?.stop())

describeWithFixtures(
  'a mirror of docker-registry (no referrers API), by https with its own CA, user and password',
  () => {
    const credentials = { username: 'reader', password: 'of the tests: "ü"' }
    let registry: DockerRegistry
    beforeAll(async () => {
      registry = await startDockerRegistry({ tls: true, credentials })
      await addUpstream(operator, 'registry', registry.url, { ...credentials, caFile: registry.caFile })
    })
    afterAll(() => registry?.stop())

    for (const name of layoutNames) {
      test(`has every tag, manifest, blob and referrer of ${name}, and nothing else`, async () => {
        const skipTags = name === 'formats' ? refusedByDockerRegistry : []
        const layout = withoutTags(fixtureLayout(name), skipTags)
        const repository = repositoryOf(name)
        await pushLayout(layout, registry.url, repository, { credentials, ca: registry.ca })
        expectDone(await operator.wait(['mirror', 'start', `registry/${repository}`, '--as', `registry-${repository}`]))
        expect(await compareMirror(layout, await operator.target(`acme/registry-${repository}`))).toEqual([])
      })
    }
  },
)

describeWithFixtures('a mirror of a Kagami (referrers API)', () => {
  let upstream: Kagami
  beforeAll(async () => {
    upstream = await startKagami({ env: { KAGAMI_ORG: 'vendor' } })
    const seller = await signIn(upstream)
    await addUpstream(operator, 'kagami', `${upstream.url}/vendor`, await seller.createToken())
    await seller.run(['repository', 'create', 'vendor/formats', '--allow-sparse'])
  })
  afterAll(() => upstream?.stop())

  for (const name of layoutNames) {
    test(`has every tag, manifest, blob and referrer of ${name}, and nothing else`, async () => {
      const layout = fixtureLayout(name)
      const repository = repositoryOf(name)
      await pushLayout(layout, upstream.url, `vendor/${repository}`, { credentials: upstream.owner })
      const answer = await operator.wait(['mirror', 'start', `kagami/${repository}`, '--as', `kagami-${repository}`])
      if (name === 'formats') {
        // What upstream itself does not have is told, tag by tag, and is no failure.
        expect([answer.run.outcome, answer.exitCode]).toEqual(['done', 0])
        expect(answer.run.failures.map(({ tag, code }) => [tag, code])).toEqual([
          ['sparse-index', 'MANIFEST_UNKNOWN'],
          ['docker-foreign-layer', 'MANIFEST_UNKNOWN'],
        ])
        expect(layout.tags.size).toBe(34)
      } else {
        expectDone(answer)
      }
      expect(await compareMirror(layout, await operator.target(`acme/kagami-${repository}`))).toEqual([])
    })
  }
})
