import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describeWithClients } from '../support/clients.ts'
import { runCommand, succeed } from '../support/command.ts'
import { type Docker, startDocker } from '../support/container-daemons.ts'
import type { Credentials } from '../support/registry-session.ts'
import { testAuthMatrix } from './auth-matrix.ts'
import { type ClientRegistry, expectWhole, PRIVATE, PUBLIC, startClientRegistry } from './client-registry.ts'

setDefaultTimeout(60_000)

describeWithClients(['docker'], 'docker', () => {
  let registry: ClientRegistry
  let docker: Docker
  const run = (...args: string[]) => succeed(docker.docker(args))
  const login = ({ username, password }: Credentials, host = registry.host) =>
    docker.docker(['login', '-u', username, '--password-stdin', host], { input: password })
  const tagAndPush = async (reference: string, image = `${registry.host}/${PUBLIC}:v1`) => {
    await run('tag', image, reference)
    return docker.docker(['push', reference])
  }
  /** What the client keeps of a login. */
  const keptLogin = (host: string): { auth?: string; identitytoken?: string } =>
    JSON.parse(readFileSync(join(docker.directory, 'docker/config.json'), 'utf8')).auths[host]
  /** An image with one file of this content. */
  async function makeImage(name: string, content: string) {
    writeFileSync(join(docker.directory, 'hello'), content)
    const archive = join(docker.directory, 'rootfs.tar')
    await succeed(runCommand(['tar', '-C', docker.directory, '-cf', archive, 'hello']))
    await run('import', archive, name)
  }
  beforeAll(async () => {
    registry = await startClientRegistry()
    docker = await startDocker()
    await run('pull', `${registry.host}/${PUBLIC}:v1`)
  })
  afterAll(async () => {
    await docker?.stop()
    await registry.stop()
  })

  testAuthMatrix('docker', () => ({
    registry,
    client: {
      signIn: (who) => (who === undefined ? docker.docker(['logout', registry.host]) : login(who)),
      pull: (reference) => docker.docker(['pull', reference]),
      push: (reference) => tagAndPush(reference),
    },
  }))

  test('pushes an image that it made, and pulls it back by tag and by digest', async () => {
    await succeed(login(registry.owner))
    const name = `${registry.host}/acme/docker:v1`
    await makeImage(name, 'made by docker')
    const pushed = await run('push', name)
    const manifest = await expectWhole(registry.readBack('acme/docker'), 'v1')
    expect(manifest.contentType).toBe('application/vnd.docker.distribution.manifest.v2+json')
    expect(pushed.stdout).toContain(manifest.digest)
    await run('rmi', name)
    await run('pull', name)
    await run('pull', `${registry.host}/acme/docker@${manifest.digest}`)
    const id = (await run('image', 'inspect', '--format', '{{.Id}}', name)).stdout.trim()
    expect(id).toBe(manifest.config?.digest ?? '')
    // A push of what is there sends the manifest alone.
    await run('push', name)
    expect((await registry.readBack('acme/docker').headManifest('v1')).headers.get('docker-content-digest')).toBe(
      manifest.digest,
    )
  })

  test('pushes as the trace says: HEAD, POST, PATCH in chunked encoding, PUT, HEAD; to a second repository it mounts', async () => {
    const { traced, owner } = registry
    await succeed(login(owner, traced.host))
    const first = `${traced.host}/acme/docker-first:v1`
    await makeImage(first, 'made to be traced')
    traced.reset()
    await run('push', first)
    await expectWhole(registry.readBack('acme/docker-first'), 'v1')
    const uploads = traced.requests.filter(({ kind }) => kind === 'upload')
    expect(uploads.map(({ method }) => method).sort()).toEqual(['PATCH', 'PATCH', 'POST', 'POST', 'PUT', 'PUT'])
    for (const { headers } of uploads.filter(({ method }) => method === 'PATCH')) {
      expect([headers.get('transfer-encoding'), headers.get('content-type')]).toEqual(['chunked', null])
    }
    const last = traced.requests.at(-1)
    expect([last?.kind, last?.status]).toEqual(['manifest-put', 201])
    traced.reset()
    await succeed(tagAndPush(`${traced.host}/acme/docker-second:v1`, first))
    await expectWhole(registry.readBack('acme/docker-second'), 'v1')
    const mounts = traced.requests.filter(({ path }) => path.includes('mount='))
    expect(mounts.map(({ status }) => status)).toEqual([201])
  })

  test('keeps a refresh token and no password, uses it by POST, and is refused once its token is revoked', async () => {
    const { server, traced } = registry
    const { username } = await server.addUser('identity', { acme: 'editor' })
    const token = await server.addToken(username, 'write')
    traced.reset()
    await succeed(login(token, traced.host))
    const asked = traced.requests.find(({ kind }) => kind === 'token')
    expect(asked?.path).toContain('offline_token=true')
    const kept = keptLogin(traced.host)
    expect(kept.identitytoken).toStartWith('kgm_ref_')
    expect(Buffer.from(kept.auth ?? '', 'base64').toString()).toBe(`${username}:`)
    traced.reset()
    await run('pull', `${traced.host}/${PRIVATE}:v1`)
    await succeed(tagAndPush(`${traced.host}/acme/identity:v1`))
    await expectWhole(registry.readBack('acme/identity'), 'v1')
    const tokens = traced.requests.filter(({ kind }) => kind === 'token')
    expect(tokens.map(({ method, status }) => `${method} ${status}`)).toContain('POST 200')
    await server.db.write((tx) => tx.deleteFrom('tokens').where('id', '=', token.id).execute())
    const refused = await docker.docker(['pull', `${traced.host}/${PRIVATE}:v1`])
    expect(refused.exitCode).not.toBe(0)
    await run('logout', traced.host)
    expect(keptLogin(traced.host)).toBeUndefined()
  })
})
