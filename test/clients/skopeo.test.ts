import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Clients, describeWithClients, isolatedClients, makeImageLayout } from '../support/clients.ts'
import { type CommandResult, succeed } from '../support/command.ts'
import { describeWithFixtures, fixtureLayout, fixturePath } from '../support/fixtures.ts'
import { testAuthMatrix } from './auth-matrix.ts'
import { type ClientRegistry, expectWhole, layoutDigest, PRIVATE, startClientRegistry } from './client-registry.ts'

setDefaultTimeout(60_000)

const BOTH = ['--src-tls-verify=false', '--dest-tls-verify=false']

describeWithClients(['skopeo', 'umoci'], 'skopeo', () => {
  let registry: ClientRegistry
  let clients: Clients
  let layout: string
  const run = (args: readonly string[]): Promise<CommandResult> => succeed(clients.skopeo(args))
  const at = (repository: string, host = registry.host) => `docker://${host}/${repository}`
  const signIn = (host = registry.host) =>
    succeed(
      clients.skopeo(['login', '--tls-verify=false', '-u', registry.owner.username, '--password-stdin', host], {
        input: registry.owner.password,
      }),
    )
  beforeAll(async () => {
    registry = await startClientRegistry()
    clients = isolatedClients()
    layout = await makeImageLayout(clients, 'image')
  })
  afterAll(async () => {
    clients.remove()
    await registry.stop()
  })

  testAuthMatrix('skopeo', () => ({
    registry,
    client: {
      signIn: (who) =>
        who === undefined
          ? clients.skopeo(['logout', '--all'])
          : clients.skopeo(['login', '--tls-verify=false', '-u', who.username, '--password-stdin', registry.host], {
              input: who.password,
            }),
      pull: (reference) =>
        clients.skopeo(['copy', '--src-tls-verify=false', `docker://${reference}`, `dir:${clients.directory}/pulled`]),
      push: (reference) =>
        clients.skopeo(['copy', '--dest-tls-verify=false', `oci:${layout}:v1`, `docker://${reference}`]),
      remove: (reference) => clients.skopeo(['delete', '--tls-verify=false', `docker://${reference}`]),
    },
  }))

  test('pushes an OCI layout, inspects it, pulls it back, lists and deletes it: digests unchanged', async () => {
    await signIn()
    await run(['copy', '--dest-tls-verify=false', `oci:${layout}:v1`, at('acme/app:v1')])
    await run(['copy', '--dest-tls-verify=false', `oci:${layout}:v1`, at('acme/app:v2')])
    const digest = layoutDigest(layout)
    expect((await expectWhole(registry.readBack('acme/app'), 'v1')).digest).toBe(digest)
    const raw = await run(['inspect', '--tls-verify=false', '--raw', at('acme/app:v1')])
    expect(raw.stdout).toBe(readFileSync(join(layout, 'blobs/sha256', digest.slice(7)), 'utf8'))
    const inspected = JSON.parse((await run(['inspect', '--tls-verify=false', at('acme/app:v1')])).stdout)
    expect(inspected).toMatchObject({ Digest: digest, RepoTags: ['v1', 'v2'] })
    await run(['copy', '--src-tls-verify=false', at(`acme/app@${digest}`), `oci:${clients.directory}/back:v1`])
    expect(layoutDigest(join(clients.directory, 'back'))).toBe(digest)
    const list = async () =>
      JSON.parse((await run(['list-tags', '--tls-verify=false', at('acme/app')])).stdout).Tags as string[]
    expect(await list()).toEqual(['v1', 'v2'])
    // skopeo deletes the manifest by digest: both tags go.
    await run(['delete', '--tls-verify=false', at('acme/app:v1')])
    expect(await list()).toEqual([])
    expect((await registry.readBack('acme/app').headManifest(digest)).status).toBe(404)
  })

  test('copies between repositories of one organization by mounting the layer', async () => {
    const host = registry.traced.host
    await signIn(host)
    await run(['copy', '--dest-tls-verify=false', `oci:${layout}:v1`, at('acme/source:v1', host)])
    registry.traced.reset()
    await run(['copy', '--all', '--preserve-digests', ...BOTH, at('acme/source:v1', host), at('acme/copy:v1', host)])
    expect((await expectWhole(registry.readBack('acme/copy'), 'v1')).digest).toBe(layoutDigest(layout))
    const posts = registry.traced.requests.filter(({ kind, method }) => kind === 'upload' && method === 'POST')
    const [mount, ...others] = posts
    const query = new URL(mount?.path ?? '', registry.server.url).searchParams
    const { layers } = await expectWhole(registry.readBack('acme/copy'), 'v1')
    expect([query.get('mount'), query.get('from')]).toEqual([layers?.[0]?.digest ?? '', 'acme/source'])
    // skopeo mounts layers and sends the config.
    expect([mount?.status, ...others.map(({ status }) => status)]).toEqual([201, 202])
  })

  test('pushes Docker’s format, whose types are served as they were sent', async () => {
    await signIn()
    await run(['copy', '--format', 'v2s2', '--dest-tls-verify=false', `oci:${layout}:v1`, at('acme/docker:v1')])
    const manifest = await expectWhole(registry.readBack('acme/docker'), 'v1')
    expect(manifest.contentType).toBe('application/vnd.docker.distribution.manifest.v2+json')
    expect(manifest.config?.mediaType).toBe('application/vnd.docker.container.image.v1+json')
    await run(['copy', '--src-tls-verify=false', at('acme/docker:v1'), `dir:${clients.directory}/docker`])
    const pulled = readFileSync(join(clients.directory, 'docker/manifest.json'))
    expect(new Bun.CryptoHasher('sha256').update(pulled).digest('hex')).toBe(manifest.digest.slice(7))
  })

  test('syncs a repository to a directory and to another repository', async () => {
    await signIn()
    for (const tag of ['v1', 'v2']) {
      await run(['copy', '--dest-tls-verify=false', `oci:${layout}:v1`, at(`acme/synced:${tag}`)])
    }
    const source = `${registry.host}/acme/synced`
    const directory = join(clients.directory, 'sync')
    await run(['sync', '--src', 'docker', '--dest', 'dir', '--src-tls-verify=false', source, directory])
    expect(readdirSync(directory).sort()).toEqual(['synced:v1', 'synced:v2'])
    expect(existsSync(join(directory, 'synced:v1/manifest.json'))).toBe(true)
    await run(['sync', '--all', '--src', 'docker', '--dest', 'docker', ...BOTH, source, `${registry.host}/acme/to`])
    const copy = registry.readBack('acme/to/synced')
    expect(await copy.listTags()).toEqual(['v1', 'v2'])
    expect((await expectWhole(copy, 'v2')).digest).toBe(layoutDigest(layout))
  })

  test('takes “Basic Og==” of podman and skopeo, an empty user and password, as nobody', async () => {
    const answer = (path: string) =>
      fetch(`${registry.server.url}${path}`, { headers: { authorization: 'Basic Og==' } }).then(({ status }) => status)
    expect(await answer('/v2/acme/public/manifests/v1')).toBe(200)
    expect(await answer(`/v2/${PRIVATE}/manifests/v1`)).toBe(401)
    expect(await answer('/token?service=kagami&scope=repository:acme/public:pull')).toBe(200)
  })

  describeWithFixtures('skopeo and a multi-platform fixture', () => {
    test('pushes and pulls every tag of an index with all platforms, digests unchanged', async () => {
      await signIn()
      const fixture = fixtureLayout('oras-tree')
      const indexes = [...fixture.tags].filter(
        ([, digest]) => (fixture.manifests.get(digest)?.children.length ?? 0) > 0,
      )
      expect(indexes.length).toBeGreaterThan(0)
      for (const [tag, digest] of indexes) {
        const source = `oci:${fixturePath('oras-tree')}:${tag}`
        const flags = ['--all', '--preserve-digests']
        await run(['copy', ...flags, '--dest-tls-verify=false', source, at(`acme/platforms:${tag}`)])
        expect((await expectWhole(registry.readBack('acme/platforms'), tag)).digest).toBe(digest)
        const back = join(clients.directory, `platforms-${tag}`)
        await run(['copy', ...flags, '--src-tls-verify=false', at(`acme/platforms:${tag}`), `oci:${back}:v1`])
        expect(layoutDigest(back)).toBe(digest)
      }
    })
  })
})
