import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describeWithClients } from '../support/clients.ts'
import { succeed } from '../support/command.ts'
import { type Containerd, startContainerd } from '../support/container-daemons.ts'
import { ociRequests } from '../support/oci-requests.ts'
import type { Credentials } from '../support/registry-session.ts'
import { testAuthMatrix } from './auth-matrix.ts'
import { type ClientRegistry, expectWhole, PRIVATE, startClientRegistry } from './client-registry.ts'
import { pushUnpackableImage } from './unpackable-image.ts'

setDefaultTimeout(60_000)

describeWithClients(['containerd'], 'containerd', () => {
  let registry: ClientRegistry
  let containerd: Containerd
  const user = (who: Credentials | undefined) => (who === undefined ? [] : ['-u', `${who.username}:${who.password}`])
  const pull = (reference: string, who?: Credentials) =>
    containerd.ctr(['images', 'pull', '--snapshotter', 'native', '--plain-http', ...user(who), reference])
  const push = (remote: string, local: string, who?: Credentials) =>
    containerd.ctr(['images', 'push', '--plain-http', ...user(who), remote, local])
  /**
   * Pushes an image that no repository but its source has: a refusal then meets the first blob. At a refused manifest containerd
   * 1.6.20 may wait for ever (its writer misses the end of the pipe), whatever the registry.
   */
  let made = 0
  async function pushNew(reference: string, who: Credentials | undefined) {
    const source = `acme/containerd-source-${++made}`
    await pushUnpackableImage(ociRequests(registry.server.url, source, registry.owner), 'v1', `image ${made}`)
    await succeed(pull(`${registry.host}/${source}:v1`, registry.owner))
    return push(reference, `${registry.host}/${source}:v1`, who)
  }
  beforeAll(async () => {
    registry = await startClientRegistry()
    containerd = await startContainerd()
  })
  afterAll(async () => {
    await containerd?.stop()
    await registry.stop()
  })

  let current: Credentials | undefined
  testAuthMatrix('containerd', () => ({
    registry,
    client: {
      signIn: async (who) => {
        current = who
        return undefined
      },
      pull: (reference) => pull(reference, current),
      push: (reference) => pushNew(reference, current),
    },
  }))

  test('fetches content, pulls and pushes: the digests stay', async () => {
    const { owner, host } = registry
    const source = `${host}/${PRIVATE}:v1`
    await succeed(containerd.ctr(['content', 'fetch', '--plain-http', ...user(owner), source]))
    const stored = (await succeed(containerd.ctr(['content', 'ls', '-q']))).stdout.trim().split('\n')
    for (const { digest } of [registry.image.manifest, registry.image.config, ...registry.image.layers]) {
      expect(stored).toContain(digest)
    }
    await succeed(push(`${host}/acme/containerd:v1`, source, owner))
    const { digest } = registry.image.manifest
    expect((await expectWhole(registry.readBack('acme/containerd'), 'v1')).digest).toBe(digest)
    await succeed(pull(`${host}/acme/containerd@${digest}`, owner))
  })

  test('reaches the registry through a hosts directory', async () => {
    const { host, owner } = registry
    const hosts = join(containerd.directory, 'hosts')
    mkdirSync(join(hosts, host), { recursive: true })
    const server = `http://${host}`
    writeFileSync(
      join(hosts, host, 'hosts.toml'),
      `server = "${server}"\n[host."${server}"]\n  capabilities = ["pull", "resolve", "push"]\n`,
    )
    const through = ['--hosts-dir', hosts, ...user(owner)]
    await succeed(containerd.ctr(['images', 'pull', '--snapshotter', 'native', ...through, `${host}/${PRIVATE}:v1`]))
    await succeed(containerd.ctr(['images', 'push', ...through, `${host}/acme/by-hosts:v1`, `${host}/${PRIVATE}:v1`]))
    await expectWhole(registry.readBack('acme/by-hosts'), 'v1')
  })

  test('asks for tokens by POST, one of them for two repositories, and mounts', async () => {
    const { traced, owner } = registry
    await succeed(pull(`${traced.host}/${PRIVATE}:v1`, owner))
    traced.reset()
    await succeed(push(`${traced.host}/acme/mounted:v1`, `${traced.host}/${PRIVATE}:v1`, owner))
    await expectWhole(registry.readBack('acme/mounted'), 'v1')
    const tokens = traced.requests.filter(({ kind }) => kind === 'token')
    expect(tokens.length).toBeGreaterThan(0)
    for (const { method, status } of tokens) expect([method, status]).toEqual(['POST', 200])
    // What containerd mounts from it knows by a label on its content: the repositories that it came from.
    const mounts = traced.requests.filter(({ path, status }) => path.includes('mount=') && status === 201)
    expect(mounts.length).toBeGreaterThan(0)
    for (const { path } of mounts) {
      expect(new URL(path, traced.url).searchParams.get('from')).toMatch(/^acme\/(private|public)$/)
    }
  })
})
