// An upstream that real tools have filled: docker-registry, by skopeo (every platform) and buildah (zstd); mirrored, and read back.
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { newSampleKey, sampleRepository } from '../sample/reading.ts'
import { writeImageLayout } from '../sample/sample-layout.ts'
import { type Clients, describeWithClients, isolatedClients } from '../support/clients.ts'
import { succeed } from '../support/command.ts'
import { type DockerRegistry, startDockerRegistry } from '../support/docker-registry.ts'
import { type Kagami, startKagami } from '../support/kagami.ts'
import { addUpstream } from './fixture-upstreams.ts'
import { expectDone, type Operator, signIn } from './operator.ts'

setDefaultTimeout(120_000)

describeWithClients(
  ['docker-registry', 'skopeo', 'buildah', 'podman'],
  'a docker-registry filled by skopeo and buildah',
  () => {
    let registry: DockerRegistry
    let kagami: Kagami
    let operator: Operator
    let clients: Clients
    beforeAll(async () => {
      registry = await startDockerRegistry()
      kagami = await startKagami()
      operator = await signIn(kagami)
      clients = isolatedClients()
      await addUpstream(operator, 'registry', registry.url)
      const { username, password } = await operator.createToken()
      writeFileSync(String(clients.env.REGISTRY_AUTH_FILE), '{}')
      const login = ['login', '--tls-verify=false', '-u', username, '--password-stdin', kagami.host]
      await succeed(clients.podman(login, { input: password }))
    })
    afterAll(async () => {
      clients?.remove()
      await kagami?.stop()
      await registry?.stop()
    })

    const rawOf = async (reference: string) =>
      (await succeed(clients.skopeo(['inspect', '--raw', '--tls-verify=false', `docker://${reference}`]))).stdout

    test('what skopeo copied with all platforms is here byte by byte, and copied on with its digests', async () => {
      const layout = join(clients.directory, 'layout')
      writeImageLayout(sampleRepository('node', 1, newSampleKey()), layout)
      const copy = ['copy', '--all', '--preserve-digests']
      const [tag = ''] = [...sampleRepository('node', 1, newSampleKey()).tags.keys()]
      const to = `docker://${registry.host}/team/node:${tag}`
      await succeed(clients.skopeo([...copy, '--dest-tls-verify=false', `oci:${layout}:${tag}`, to]))
      expectDone(await operator.wait(['mirror', 'start', 'registry/team/node']))
      // Nested names flatten.
      const mirrored = `${kagami.host}/acme/team-node:${tag}`
      expect(await rawOf(mirrored)).toBe(await rawOf(`${registry.host}/team/node:${tag}`))
      await succeed(
        clients.skopeo([...copy, '--src-tls-verify=false', `docker://${mirrored}`, `oci:${layout}-2:${tag}`]),
      )
    })

    test('what buildah pushed with zstd layers is here byte by byte, and podman pulls it', async () => {
      writeFileSync(join(clients.directory, 'hello'), 'hello from buildah')
      const name = (await succeed(clients.buildah(['from', 'scratch']))).stdout.trim()
      await succeed(clients.buildah(['copy', name, 'hello', '/hello']))
      const image = `${registry.host}/team/built:v1`
      await succeed(clients.buildah(['commit', '--format', 'oci', name, image]))
      const push = ['push', '--tls-verify=false', '--compression-format', 'zstd', image, `docker://${image}`]
      await succeed(clients.buildah(push))
      expectDone(await operator.wait(['mirror', 'start', 'registry/team/built']))
      const mirrored = `${kagami.host}/acme/team-built:v1`
      const raw = await rawOf(mirrored)
      expect(raw).toBe(await rawOf(image))
      expect(raw).toContain('tar+zstd')
      await succeed(clients.podman(['pull', '--tls-verify=false', mirrored]))
    })
  },
)
