// The whole server replicates all layouts of the fixtures to Debian's docker-registry and to another Kagami, which sends on to a third:
// compared digest by digest, and a pass with nothing to do asks a HEAD a tag.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { parseRepositoryName } from '../../src/oci/reference.ts'
import { compareMirror } from '../support/compare.ts'
import { type DockerRegistry, haveDockerRegistry, startDockerRegistry } from '../support/docker-registry.ts'
import { describeWithFixtures, fixtureLayout } from '../support/fixtures.ts'
import { withoutFallbackTags, withoutTags } from '../support/layout-selection.ts'
import { type CountingProxy, countingProxy } from '../support/proxy.ts'
import { pushLayout } from '../support/push-layout.ts'
import { OWNER, startWholeServer, type WholeServer } from '../support/whole-server.ts'

const credentials = { username: 'writer', password: 'correct horse' }
const LAYOUTS = [
  'dhi-python/release-1',
  'cosign-tags',
  'cosign-bundle',
  'notation',
  'helm-chart',
  'oras-tree',
  'referrers-fallback-tags',
  'formats',
] as const
/** Has what docker-registry refuses, and answers 500 to: tags that it belongs to are not moved there. */
const NOT_FOR_DOCKER = 'formats'

describeWithFixtures('real targets', () => {
  let docker: DockerRegistry
  let proxy: CountingProxy
  const servers: WholeServer[] = []
  const [near, far, farthest] = [0, 1, 2].map((at) => () => servers[at] as WholeServer) as [
    () => WholeServer,
    () => WholeServer,
    () => WholeServer,
  ]
  beforeAll(async () => {
    if (!haveDockerRegistry) throw new Error('docker-registry is not installed: run scripts/install-test-packages')
    docker = await startDockerRegistry({ credentials })
    proxy = await countingProxy(docker.url)
    for (let count = 0; count < 3; count++) {
      const server = await startWholeServer()
      servers.push(server)
      await server.addUser('pat', { acme: 'owner' })
    }
    const body = { plainHttp: true, organization: 'acme' }
    const kagami = { ...OWNER, kind: 'kagami' }
    await add(near(), { ...body, name: 'docker', url: proxy.url, ...credentials })
    await add(near(), { ...body, name: 'far', url: `${far().url}/acme`, ...kagami })
    await add(far(), { ...body, name: 'farthest', url: `${farthest().url}/acme`, ...kagami })
  })
  afterAll(async () => {
    for (const server of servers) await server.stop()
    await proxy?.stop()
    await docker?.stop()
  })

  async function add(server: WholeServer, body: object) {
    const answer = await server.call('POST', '/targets', { login: OWNER, body })
    expect([answer.status, answer.text]).toEqual([201, expect.any(String)])
  }

  async function replicate(server: WholeServer, name: string, target: string) {
    const { replications } = server.server
    const { replication, run } = await replications.start({
      ...{ repository: parseRepositoryName(`acme/${name}`), target, targetRepository: parseRepositoryName(name) },
      by: 'user:owner',
    })
    return { id: replication.id, run: await replications.wait(run.id) }
  }

  for (const layoutName of LAYOUTS) {
    test(`${layoutName} is at both, and at the end of the chain, with everything that hangs on it`, async () => {
      const name = layoutName.replace('/', '-')
      const whole = fixtureLayout(layoutName)
      // A repository takes sparse indexes only where its owner says so.
      const layout = withoutTags(
        withoutFallbackTags(whole),
        ['sparse-index'].filter((tag) => whole.tags.has(tag)),
      )
      await pushLayout(layout, near().url, `acme/${name}`, { credentials: OWNER })
      const near1 = await replicate(near(), name, 'far')
      expect([near1.run.outcome, near1.run.failures]).toEqual(['done', []])
      const far1 = await replicate(far(), name, 'farthest')
      expect([far1.run.outcome, far1.run.failures]).toEqual(['done', []])
      for (const { url } of [far(), farthest()]) {
        const target = { url, repository: `acme/${name}`, credentials: OWNER }
        expect(await compareMirror(layout, target)).toEqual([])
      }

      if (layoutName === NOT_FOR_DOCKER) return
      const docker1 = await replicate(near(), name, 'docker')
      expect([docker1.run.outcome, docker1.run.failures]).toEqual(['done', []])
      const target = { url: docker.url, repository: name, credentials }
      expect(await compareMirror(layout, target, { referrers: 'either' })).toEqual([])

      proxy.reset()
      const { run } = await near().server.replications.sync(docker1.id)
      const again = await near().server.replications.wait(run.id)
      expect([again.outcome, again.counts.tagsMoved, again.counts.blobs]).toEqual(['done', 0, 0])
      expect(proxy.count()).toBe(layout.tags.size)
    })
  }
})
