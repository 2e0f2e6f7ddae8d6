import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Clients, describeWithClients, isolatedClients, makeImageLayout } from './clients.ts'
import { succeed } from './command.ts'
import { startContainerd, startDocker } from './container-daemons.ts'
import { type DockerRegistry, startDockerRegistry } from './docker-registry.ts'
import { registryClient } from './registry-client.ts'

setDefaultTimeout(120_000)

const credentials = { username: 'robot', password: 'a secret: with colon' }

describeWithClients(
  ['docker-registry', 'skopeo', 'umoci'],
  'real clients against docker-registry with a password',
  () => {
    let registry: DockerRegistry
    let clients: Clients
    let image = ''
    const login = () => ['-u', credentials.username, '-p', credentials.password]
    const tagsOf = (repository: string) => registryClient(registry.url, repository, { credentials }).listTags()
    beforeAll(async () => {
      registry = await startDockerRegistry({ credentials })
      clients = isolatedClients()
      image = await makeImageLayout(clients, 'app')
      const pushed = [`oci:${image}:v1`, `docker://${registry.host}/team/app:v1`]
      const { username, password } = credentials
      await succeed(
        clients.skopeo(['copy', '--dest-tls-verify=false', '--dest-creds', `${username}:${password}`, ...pushed]),
      )
    })
    afterAll(async () => {
      clients.remove()
      await registry.stop()
    })

    test('skopeo logs in, lists, inspects, copies and deletes, and is refused without a login', async () => {
      const source = `docker://${registry.host}/team/app:v1`
      const refused = await clients.skopeo(['inspect', '--tls-verify=false', source])
      expect(refused.exitCode).not.toBe(0)
      expect(refused.stderr).toContain('authentication required')
      await succeed(clients.skopeo(['login', '--tls-verify=false', ...login(), registry.host]))
      const raw = await succeed(clients.skopeo(['inspect', '--tls-verify=false', '--raw', source]))
      expect(JSON.parse(raw.stdout).schemaVersion).toBe(2)
      const list = await succeed(
        clients.skopeo(['list-tags', '--tls-verify=false', `docker://${registry.host}/team/app`]),
      )
      expect(JSON.parse(list.stdout).Tags).toEqual(['v1'])
      const flags = ['--all', '--preserve-digests', '--src-tls-verify=false', '--dest-tls-verify=false']
      await succeed(clients.skopeo(['copy', ...flags, source, `docker://${registry.host}/team/copy:v1`]))
      await succeed(clients.skopeo(['delete', '--tls-verify=false', `docker://${registry.host}/team/copy:v1`]))
      expect((await registryClient(registry.url, 'team/copy', { credentials }).getManifest('v1')).status).toBe(404)
      await succeed(clients.skopeo(['logout', registry.host]))
    })

    describeWithClients(['podman', 'buildah'], 'podman and buildah', () => {
      test('podman logs in with a password from standard input, pulls, pushes and logs out', async () => {
        const own = isolatedClients()
        const { username, password } = credentials
        await succeed(
          own.podman(['login', '--tls-verify=false', '-u', username, '--password-stdin', registry.host], {
            input: password,
          }),
        )
        await succeed(own.podman(['pull', '--tls-verify=false', `${registry.host}/team/app:v1`]))
        await succeed(
          own.podman([
            'push',
            '--tls-verify=false',
            `${registry.host}/team/app:v1`,
            `docker://${registry.host}/team/pm:v1`,
          ]),
        )
        expect(await tagsOf('team/pm')).toEqual(['v1'])
        await succeed(own.podman(['logout', registry.host]))
        const refused = await own.podman(['pull', '--tls-verify=false', `${registry.host}/team/pm:v1`])
        expect(refused.exitCode).not.toBe(0)
        own.remove()
      })

      test('buildah makes an image from scratch and pushes it with a zstd layer', async () => {
        const own = isolatedClients()
        writeFileSync(join(own.directory, 'hello'), 'hello')
        await succeed(own.buildah(['login', '--tls-verify=false', ...login(), registry.host]))
        const name = (await succeed(own.buildah(['from', 'scratch']))).stdout.trim()
        await succeed(own.buildah(['copy', name, 'hello', '/hello']))
        await succeed(own.buildah(['commit', '--format', 'oci', name, `${registry.host}/team/bh:v1`]))
        const zstd = [
          '--compression-format',
          'zstd',
          `${registry.host}/team/bh:v1`,
          `docker://${registry.host}/team/bh:zstd`,
        ]
        await succeed(own.buildah(['push', '--tls-verify=false', ...zstd]))
        const manifest = await registryClient(registry.url, 'team/bh', { credentials }).getManifest('zstd')
        expect(new TextDecoder().decode(manifest.bytes)).toContain('application/vnd.oci.image.layer.v1.tar+zstd')
        own.remove()
      })
    })

    describeWithClients(['containerd'], 'containerd', () => {
      test('ctr pulls and pushes with a password, and through a hosts directory', async () => {
        const containerd = await startContainerd()
        const user = ['-u', `${credentials.username}:${credentials.password}`]
        const pull = ['images', 'pull', '--snapshotter', 'native']
        const source = `${registry.host}/team/app:v1`
        const refused = await containerd.ctr([...pull, '--plain-http', source])
        expect(refused.exitCode).not.toBe(0)
        await succeed(containerd.ctr([...pull, '--plain-http', ...user, source]))
        await succeed(
          containerd.ctr(['images', 'push', '--plain-http', ...user, `${registry.host}/team/ctr:v1`, source]),
        )
        expect(await tagsOf('team/ctr')).toEqual(['v1'])
        const hosts = join(containerd.directory, 'hosts', registry.host)
        mkdirSync(hosts, { recursive: true })
        const server = `http://${registry.host}`
        const entry = `server = "${server}"\n[host."${server}"]\n  capabilities = ["pull", "resolve", "push"]\n`
        writeFileSync(join(hosts, 'hosts.toml'), entry)
        await succeed(
          containerd.ctr([...pull, '--hosts-dir', join(hosts, '..'), ...user, `${registry.host}/team/ctr:v1`]),
        )
        await containerd.stop()
      })
    })

    describeWithClients(['docker'], 'docker', () => {
      test('docker logs in, pulls, imports and pushes', async () => {
        const { docker, directory, stop } = await startDocker()
        const refused = await docker(['pull', `${registry.host}/team/app:v1`])
        expect(refused.exitCode).not.toBe(0)
        const { username, password } = credentials
        await succeed(docker(['login', '-u', username, '--password-stdin', registry.host], { input: password }))
        expect(readFileSync(join(directory, 'docker/config.json'), 'utf8')).toContain(registry.host)
        await succeed(docker(['pull', `${registry.host}/team/app:v1`]))
        await succeed(docker(['tag', `${registry.host}/team/app:v1`, `${registry.host}/team/dk:v1`]))
        await succeed(docker(['push', `${registry.host}/team/dk:v1`]))
        expect(await tagsOf('team/dk')).toEqual(['v1'])
        await stop()
      })
    })
  },
)
