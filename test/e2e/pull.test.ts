// Real clients pull what was mirrored, with a token; without one each is refused (checklist of the registry, section 2).
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Clients, describeWithClients, isolatedClients } from '../support/clients.ts'
import { type CommandResult, succeed } from '../support/command.ts'
import { type Containerd, type Docker, startContainerd, startDocker } from '../support/container-daemons.ts'
import { type DockerRegistry, haveDockerRegistry, startDockerRegistry } from '../support/docker-registry.ts'
import { fixtureLayout, haveFixtures } from '../support/fixtures.ts'
import { type Kagami, startKagami } from '../support/kagami.ts'
import { pushLayout } from '../support/push-layout.ts'
import { parseJson, registryClient } from '../support/registry-client.ts'
import type { Credentials } from '../support/registry-session.ts'
import { addUpstream } from './fixture-upstreams.ts'
import { expectDone, operatorOf, signIn } from './operator.ts'

setDefaultTimeout(120_000)

interface Image {
  /** `localhost:PORT/acme/dhi-python:3.13` */
  readonly reference: string
  /** Of the index that the tag names. */
  readonly digest: string
}

let kagami: Kagami
/** Its holder is a member of the organization, and may read. */
let reader: Credentials
/** A user who belongs to no organization. */
let stranger: Credentials
/** gzip layers, of the sample. */
let gzip: Image
/** zstd layers, of the fixtures: docker 20.10 cannot unpack them. */
let zstd: Image | undefined
beforeAll(async () => {
  kagami = await startKagami({ withSample: true })
  const owner = await signIn(kagami)
  const addUser = async (username: string) => {
    const password = `password of ${username}`
    await owner.run(['user', 'create', username, '--password-stdin'], { input: password })
    return { username, password }
  }
  const member = await addUser('mina')
  await owner.run(['member', 'add', 'acme', 'mina', 'member'])
  stranger = await addUser('stranger')
  await kagami.cli(['login', '--username', 'mina', '--password-stdin'], { input: member.password })
  reader = await operatorOf(kagami).createToken('read')
  await signIn(kagami)

  const imageOf = async (repository: string, tag: string): Promise<Image> => {
    const head = await registryClient(kagami.url, repository, { credentials: reader }).headManifest(tag)
    return {
      reference: `${kagami.host}/${repository}:${tag}`,
      digest: String(head.headers.get('docker-content-digest')),
    }
  }
  gzip = await imageOf('acme/dhi-python', '3.13')
  if (haveFixtures && haveDockerRegistry) zstd = await imageOf(await mirrorZstd(), '3.13')
})
afterAll(() => kagami?.stop())

async function mirrorZstd(): Promise<string> {
  const registry: DockerRegistry = await startDockerRegistry()
  try {
    await pushLayout(fixtureLayout('dhi-python/release-1'), registry.url, 'python')
    const owner = operatorOf(kagami)
    await addUpstream(owner, 'registry', registry.url)
    expectDone(await owner.wait(['mirror', 'start', 'registry/python', '--as', 'zstd']))
    // From here on the mirror stands on its own.
    return 'acme/zstd'
  } finally {
    await registry.stop()
  }
}

/** The images that a client gets: docker cannot unpack zstd. */
function images(): Image[] {
  return zstd === undefined ? [gzip] : [gzip, zstd]
}

function expectRefused(result: CommandResult): void {
  expect(result.exitCode).not.toBe(0)
  expect(result.stderr.toLowerCase()).toMatch(
    /unauthorized|authentication required|denied|forbidden|authorization failed|invalid username/,
  )
}

describe('the registry itself', () => {
  const send = (path: string, headers: Record<string, string> = {}) =>
    fetch(`${kagami.url}/v2/${path}`, { headers, redirect: 'manual' })
  const basic = ({ username, password }: Credentials) => ({
    authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`,
  })
  const errorOf = async (response: Response) =>
    ((await response.json()) as { errors: { code: string }[] }).errors.map(({ code }) => code)
  const tokenOf = async (scope: string, credentials?: Credentials) =>
    fetch(
      `${kagami.url}/token?service=kagami&scope=${encodeURIComponent(scope)}`,
      credentials === undefined ? {} : { headers: basic(credentials) },
    )
  const paths = [
    'acme/dhi-python/manifests/3.13',
    'acme/dhi-python/tags/list',
    'acme/absent/manifests/1',
    'other/x/tags/list',
  ]

  test('answers an anonymous request by 401 with one Bearer challenge that names realm, service and scope (2.1)', async () => {
    for (const path of paths) {
      const response = await send(path)
      const name = path.split('/').slice(0, 2).join('/')
      const challenge = `Bearer realm="${kagami.url}/token",service="kagami",scope="repository:${name}:pull"`
      expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, challenge])
      expect(await errorOf(response)).toEqual(['UNAUTHORIZED'])
    }
  })

  test('gives an anonymous token of no access, which is refused as before (2.2)', async () => {
    const answer = await tokenOf('repository:acme/dhi-python:pull')
    expect(answer.status).toBe(200)
    const { token } = (await answer.json()) as { token: string }
    const response = await send('acme/dhi-python/manifests/3.13', { authorization: `Bearer ${token}` })
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toContain('scope="repository:acme/dhi-python:pull"')
    await response.body?.cancel()
  })

  test('answers 403 DENIED to a user without a grant, whether the repository exists or not', async () => {
    for (const path of paths) {
      const response = await send(path, basic(stranger))
      expect([response.status, await errorOf(response)]).toEqual([403, ['DENIED']])
    }
  })

  test("answers 404 inside one's own organization only, and 401 to a wrong password", async () => {
    expect((await send('acme/absent/manifests/1', basic(reader))).status).toBe(404)
    const wrong = { username: reader.username, password: 'wrong' }
    expect((await send('acme/dhi-python/manifests/3.13', basic(wrong))).status).toBe(401)
    expect((await tokenOf('repository:acme/dhi-python:pull', wrong)).status).toBe(401)
  })

  test('refuses a token the moment it is revoked', async () => {
    const owner = operatorOf(kagami)
    const args = ['token', 'create', '--label', 'short life']
    const { id, token, username } = await owner.json<{ id: string; token: string; username: string }>(args)
    const headers = basic({ username, password: token })
    const bearer = (await (await tokenOf('repository:acme/dhi-python:pull', { username, password: token })).json()) as {
      token: string
    }
    const withBearer = { authorization: `Bearer ${bearer.token}` }
    for (const with_ of [headers, withBearer]) expect((await send('acme/dhi-python/tags/list', with_)).status).toBe(200)
    await owner.run(['token', 'revoke', id])
    for (const with_ of [headers, withBearer]) expect((await send('acme/dhi-python/tags/list', with_)).status).toBe(401)
  })

  test('gives a token for reading no right to write', async () => {
    const client = registryClient(kagami.url, 'acme/dhi-python', { credentials: reader })
    const refused = await client.send('blobs/uploads/', { method: 'POST' })
    expect(refused.status).toBe(403)
    expect(parseJson<{ errors: { code: string }[] }>(refused).errors[0]?.code).toBe('DENIED')
  })
})

describeWithClients(['docker'], 'docker', () => {
  let daemon: Docker
  beforeAll(async () => {
    daemon = await startDocker()
  })
  afterAll(() => daemon?.stop())

  test('pulls the sample with a token, and is refused without one, with a wrong one, and as a stranger', async () => {
    const login = ({ username, password }: Credentials) =>
      daemon.docker(['login', '-u', username, '--password-stdin', kagami.host], { input: password })
    expectRefused(await daemon.docker(['pull', gzip.reference]))
    expectRefused(await login({ ...reader, password: 'wrong' }))
    await succeed(login(stranger))
    expectRefused(await daemon.docker(['pull', gzip.reference]))
    await succeed(login(reader))
    const { stdout } = await succeed(daemon.docker(['pull', gzip.reference]))
    expect(stdout).toContain(`Digest: ${gzip.digest}`)
  })
})

describeWithClients(['podman'], 'podman', () => {
  let clients: Clients
  beforeAll(() => {
    clients = isolatedClients()
    // podman wants the file that REGISTRY_AUTH_FILE names to be there.
    writeFileSync(String(clients.env.REGISTRY_AUTH_FILE), '{}')
  })
  afterAll(() => clients?.remove())

  test('pulls gzip and zstd with a token, and is refused without one and as a stranger', async () => {
    const pull = (image: Image) => clients.podman(['pull', '--tls-verify=false', image.reference])
    const login = ({ username, password }: Credentials) =>
      clients.podman(['login', '--tls-verify=false', '-u', username, '--password-stdin', kagami.host], {
        input: password,
      })
    expectRefused(await pull(gzip))
    expectRefused(await login({ ...reader, password: 'wrong' }))
    await succeed(login(stranger))
    expectRefused(await pull(gzip))
    await succeed(login(reader))
    for (const image of images()) {
      await succeed(pull(image))
      const { stdout } = await succeed(clients.podman(['image', 'inspect', image.reference]))
      const [inspected] = JSON.parse(stdout) as { RepoDigests: string[] }[]
      expect(inspected?.RepoDigests.map((text) => text.split('@')[1])).toContain(image.digest)
    }
  })
})

describeWithClients(['skopeo'], 'skopeo', () => {
  let clients: Clients
  beforeAll(() => {
    clients = isolatedClients()
  })
  afterAll(() => clients?.remove())

  test('copies every platform of gzip and zstd with a token, and is refused without one and as a stranger', async () => {
    const copy = (image: Image, to: string, credentials?: Credentials) => {
      const flags = ['--all', '--preserve-digests', '--src-tls-verify=false']
      const as = credentials === undefined ? [] : ['--src-creds', `${credentials.username}:${credentials.password}`]
      return clients.skopeo(['copy', ...flags, ...as, `docker://${image.reference}`, `oci:${to}:copy`])
    }
    expectRefused(await copy(gzip, 'refused'))
    expectRefused(await copy(gzip, 'refused', { ...reader, password: 'wrong' }))
    expectRefused(await copy(gzip, 'refused', stranger))
    for (const [index, image] of images().entries()) {
      await succeed(copy(image, `copy-${index}`, reader))
      const written = JSON.parse(readFileSync(join(clients.directory, `copy-${index}`, 'index.json'), 'utf8'))
      expect(written.manifests[0].digest).toBe(image.digest)
    }
  })
})

describeWithClients(['containerd'], 'ctr', () => {
  let containerd: Containerd
  beforeAll(async () => {
    containerd = await startContainerd()
  })
  afterAll(() => containerd?.stop())

  test('pulls gzip and zstd with a token, and is refused without one and as a stranger', async () => {
    const pull = (image: Image, credentials?: Credentials) => {
      const as = credentials === undefined ? [] : ['-u', `${credentials.username}:${credentials.password}`]
      return containerd.ctr(['images', 'pull', '--snapshotter', 'native', '--plain-http', ...as, image.reference])
    }
    expectRefused(await pull(gzip))
    expectRefused(await pull(gzip, { ...reader, password: 'wrong' }))
    expectRefused(await pull(gzip, stranger))
    for (const image of images()) {
      await succeed(pull(image, reader))
      const { stdout } = await succeed(containerd.ctr(['images', 'ls', `name==${image.reference}`]))
      expect(stdout).toContain(image.digest)
    }
  })
})
