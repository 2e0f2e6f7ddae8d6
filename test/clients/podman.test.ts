import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { type Clients, describeWithClients, isolatedClients } from '../support/clients.ts'
import { succeed } from '../support/command.ts'
import { testAuthMatrix } from './auth-matrix.ts'
import { type ClientRegistry, expectWhole, PRIVATE, PUBLIC, startClientRegistry } from './client-registry.ts'

setDefaultTimeout(60_000)

describeWithClients(['podman'], 'podman', () => {
  let registry: ClientRegistry
  let clients: Clients
  const plain = '--tls-verify=false'
  const login = (username: string, password: string) =>
    clients.podman(['login', plain, '-u', username, '--password-stdin', registry.host], { input: password })
  const signIn = () => succeed(login(registry.owner.username, registry.owner.password))
  const run = (...args: string[]) => succeed(clients.podman(args))
  beforeAll(async () => {
    registry = await startClientRegistry()
    clients = isolatedClients()
    await run('pull', plain, `${registry.host}/${PUBLIC}:v1`)
  })
  afterAll(async () => {
    clients.remove()
    await registry.stop()
  })

  testAuthMatrix('podman', () => ({
    registry,
    client: {
      signIn: (who) => (who === undefined ? clients.podman(['logout', '--all']) : login(who.username, who.password)),
      pull: (reference) => clients.podman(['pull', plain, reference]),
      push: (reference) => clients.podman(['push', plain, `${registry.host}/${PUBLIC}:v1`, `docker://${reference}`]),
    },
  }))

  test('logs in and out: what a logout leaves is nothing', async () => {
    await signIn()
    expect((await run('login', '--get-login', registry.host)).stdout.trim()).toBe('owner')
    await run('logout', registry.host)
    const left = await clients.podman(['login', '--get-login', registry.host])
    expect(left.exitCode).not.toBe(0)
  })

  test('pulls by digest what it pulled by tag, and the image is the one that was pushed', async () => {
    await signIn()
    const digest = registry.image.manifest.digest
    for (const reference of [`${PRIVATE}:v1`, `${PRIVATE}@${digest}`]) {
      const id = (await run('pull', '--quiet', plain, `${registry.host}/${reference}`)).stdout.trim()
      expect(`sha256:${id}`).toBe(registry.image.config.digest)
      const [image] = JSON.parse((await run('image', 'inspect', id)).stdout) as { RepoDigests: string[] }[]
      expect(image?.RepoDigests).toContain(`${registry.host}/${PRIVATE}@${digest}`)
    }
  })

  test('pushes to another repository of the organization by mounting what it knows to be there', async () => {
    const { host } = registry.traced
    // One that has recompressed nothing yet: it pushes the very layer that it pulled.
    const fresh = isolatedClients()
    const run = (...args: string[]) => succeed(fresh.podman(args))
    await run('login', plain, '-u', registry.owner.username, '-p', registry.owner.password, host)
    await run('pull', plain, `${host}/${PRIVATE}:v1`)
    registry.traced.reset()
    await run('push', plain, `${host}/${PRIVATE}:v1`, `docker://${host}/acme/podman-mount:v1`)
    const pushed = await expectWhole(registry.readBack('acme/podman-mount'), 'v1')
    expect(pushed.layers?.map((layer) => layer.digest)).toEqual([registry.image.layers[0]?.digest ?? ''])
    const mounts = registry.traced.requests.filter(({ path }) => path.includes('mount='))
    expect(mounts.map(({ status }) => status)).toEqual([201])
    fresh.remove()
  })

  test('pushes a multi-platform list in OCI’s and in Docker’s format', async () => {
    await signIn()
    const name = `${registry.host}/acme/podman-list:v1`
    await run('push', plain, `${registry.host}/${PUBLIC}:v1`, `docker://${registry.host}/acme/podman-list:amd64`)
    await run('manifest', 'create', name)
    for (const architecture of ['amd64', 'arm64']) {
      const source = `docker://${registry.host}/acme/podman-list:amd64`
      await run('manifest', 'add', plain, '--arch', architecture, name, source)
    }
    await run('manifest', 'push', '--all', '--format', 'oci', plain, name, `docker://${name}`)
    const repository = registry.readBack('acme/podman-list')
    const index = await expectWhole(repository, 'v1')
    expect(index.contentType).toBe('application/vnd.oci.image.index.v1+json')
    await run('manifest', 'push', '--all', '--format', 'v2s2', plain, name, `docker://${name}-docker`)
    const list = await expectWhole(repository, 'v1-docker')
    expect(list.contentType).toBe('application/vnd.docker.distribution.manifest.list.v2+json')
    for (const { manifests = [] } of [index, list]) {
      expect(manifests.map((child) => child.platform?.architecture)).toContain('arm64')
    }
    await run('pull', '--quiet', plain, '--arch', 'arm64', name)
  })
})
