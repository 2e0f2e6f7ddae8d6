import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Clients, describeWithClients, isolatedClients } from '../support/clients.ts'
import { succeed } from '../support/command.ts'
import { testAuthMatrix } from './auth-matrix.ts'
import { type ClientRegistry, expectWhole, startClientRegistry } from './client-registry.ts'

setDefaultTimeout(60_000)

const plain = '--tls-verify=false'

describeWithClients(['buildah'], 'buildah', () => {
  let registry: ClientRegistry
  let clients: Clients
  const run = (...args: string[]) => succeed(clients.buildah(args))
  const login = (username: string, password: string) =>
    clients.buildah(['login', plain, '-u', username, '--password-stdin', registry.host], { input: password })

  /** Makes an image with one file of this content, named by the tag. */
  async function build(tag: string, format: 'oci' | 'docker' = 'oci'): Promise<string> {
    const name = `localhost/built:${tag}`
    writeFileSync(join(clients.directory, 'hello'), `hello from ${tag}`)
    const container = (await run('from', 'scratch')).stdout.trim()
    await run('copy', container, 'hello', '/hello')
    await run('commit', '--format', format, container, name)
    return name
  }
  beforeAll(async () => {
    registry = await startClientRegistry()
    clients = isolatedClients()
    await build('matrix')
  })
  afterAll(async () => {
    clients.remove()
    await registry.stop()
  })

  testAuthMatrix('buildah', () => ({
    registry,
    client: {
      signIn: (who) => (who === undefined ? clients.buildah(['logout', '--all']) : login(who.username, who.password)),
      pull: (reference) => clients.buildah(['pull', '--policy', 'always', plain, reference]),
      push: (reference) => clients.buildah(['push', plain, 'localhost/built:matrix', `docker://${reference}`]),
    },
  }))

  test('pushes gzip and zstd layers, in OCI’s and Docker’s format, and pulls them back', async () => {
    await succeed(login(registry.owner.username, registry.owner.password))
    const rows = [
      { tag: 'gzip', format: 'oci', flags: [], layer: 'application/vnd.oci.image.layer.v1.tar+gzip' },
      {
        tag: 'zstd',
        format: 'oci',
        flags: ['--compression-format', 'zstd'],
        layer: 'application/vnd.oci.image.layer.v1.tar+zstd',
      },
      {
        tag: 'docker',
        format: 'docker',
        flags: [],
        layer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
      },
    ] as const
    for (const { tag, format, flags, layer } of rows) {
      const name = await build(tag, format)
      const reference = `${registry.host}/acme/buildah:${tag}`
      const digestFile = join(clients.directory, 'digest')
      await run('push', plain, '--digestfile', digestFile, ...flags, name, `docker://${reference}`)
      const manifest = await expectWhole(registry.readBack('acme/buildah'), tag)
      expect(manifest.layers?.map(({ mediaType }) => mediaType)).toEqual([layer])
      expect(await Bun.file(digestFile).text()).toBe(manifest.digest)
      const id = (await run('pull', '--quiet', '--policy', 'always', plain, reference)).stdout.trim()
      expect(`sha256:${id}`).toBe(manifest.config?.digest ?? '')
    }
    expect(await registry.readBack('acme/buildah').listTags()).toEqual(['docker', 'gzip', 'zstd'])
  })

  test('builds on a private image of the registry and pushes the result: the base’s layer is its own digest still', async () => {
    await succeed(login(registry.owner.username, registry.owner.password))
    const base = `${registry.host}/acme/private:v1`
    const container = (await run('from', plain, base)).stdout.trim()
    writeFileSync(join(clients.directory, 'more'), 'more')
    await run('copy', container, 'more', '/more')
    await run('commit', container, 'localhost/built:on-base')
    await run('push', plain, 'localhost/built:on-base', `docker://${registry.host}/acme/on-base:v1`)
    const { layers = [] } = await expectWhole(registry.readBack('acme/on-base'), 'v1')
    expect(layers).toHaveLength(2)
    expect(layers[0]?.digest).toBe(registry.image.layers[0]?.digest ?? '')
  })
})
