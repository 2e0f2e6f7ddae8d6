// Two organizations on one server cannot see or obtain each other's content (design, invariants 2 and 7): each theft is tried.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { haveDockerRegistry, startDockerRegistry } from '../support/docker-registry.ts'
import { digestOf } from '../support/fixtures.ts'
import { type Kagami, startKagami } from '../support/kagami.ts'
import {
  type Answer,
  contentOf,
  describeContent,
  freshContent,
  type Image,
  OCI_CONFIG,
  OCI_LAYER,
  OCI_MANIFEST,
  type OciRequests,
  ociRequests,
  pushImage,
} from '../support/oci-requests.ts'
import { type CountingProxy, countingProxy } from '../support/proxy.ts'
import { expectStatus, type RegistryClient, registryClient } from '../support/registry-client.ts'
import type { Credentials } from '../support/registry-session.ts'
import { addUpstream } from './fixture-upstreams.ts'
import { expectDone, type Operator, operatorOf, signIn } from './operator.ts'

setDefaultTimeout(120_000)

let kagami: Kagami
/** Owner of acme. */
let owner: Operator
/** Owner of rival, and nothing in acme. */
let rita: Operator
let ritaLogin: Credentials
/** What only acme may have: pushed by its owner to acme/secret. */
let secret: Image
let secretLayer: ReturnType<typeof contentOf>
let signature: ReturnType<typeof contentOf>
beforeAll(async () => {
  kagami = await startKagami()
  owner = await signIn(kagami)
  ritaLogin = { username: 'rita', password: 'password of rita' }
  await owner.run(['organization', 'create', 'rival'])
  await owner.run(['user', 'create', 'rita', '--password-stdin'], { input: ritaLogin.password })
  await owner.run(['member', 'add', 'rival', 'rita', 'owner'])
  await owner.run(['member', 'remove', 'rival', 'owner'])
  const login = ['login', '--username', 'rita', '--password-stdin', '--json']
  await kagami.cli(login, { input: ritaLogin.password })
  const { password } = await operatorOf(kagami).createToken('admin')
  rita = operatorOf(kagami, password)
  await signIn(kagami)

  const acme = ociRequests(kagami.url, 'acme/secret', kagami.owner)
  secret = await pushImage(acme, { tag: 'v1' })
  secretLayer = secret.layers[0] ?? freshContent(1)
  const { config } = await pushImage(acme)
  const subject = { schemaVersion: 2, mediaType: OCI_MANIFEST, subject: secret.descriptor, layers: [] }
  const referrer = { ...subject, artifactType: 'application/example', config: describeContent(config, OCI_CONFIG) }
  signature = await acme.pushManifest(referrer, OCI_MANIFEST)
})
afterAll(() => kagami?.stop())

describe('by the registry', () => {
  let thief: OciRequests
  beforeAll(async () => {
    thief = ociRequests(kagami.url, 'rival/loot', ritaLogin)
    await pushImage(thief, { tag: 'own' })
  })

  test('a blob is neither mounted, with or without `from`, nor told to exist', async () => {
    const { digest } = secretLayer
    for (const query of [
      `mount=${digest}`,
      `mount=${digest}&from=acme/secret`,
      `mount=${digest}&from=acme/absent`,
      `mount=${freshContent(10).digest}&from=acme/secret`,
    ]) {
      const answer = await thief.send('POST', `blobs/uploads/?${query}`)
      expect([query, answer.status]).toEqual([query, 202])
    }
    for (const method of ['HEAD', 'GET']) expect((await thief.send(method, `blobs/${digest}`)).status).toBe(404)
    expect((await thief.send('GET', `manifests/${secret.manifest.digest}`)).status).toBe(404)
  })

  test("a manifest that names its layer is refused, and with the layer uploaded it is the thief's own", async () => {
    const config = await thief.pushBlob(freshContent(50))
    const layers = [describeContent(secretLayer, OCI_LAYER)]
    const loot = { schemaVersion: 2, mediaType: OCI_MANIFEST, config: describeContent(config, OCI_CONFIG), layers }
    const put = { headers: { 'content-type': OCI_MANIFEST }, body: JSON.stringify(loot) }
    const refused = await thief.send('PUT', 'manifests/loot', put)
    expect([refused.status, refused.code]).toEqual([400, 'MANIFEST_BLOB_UNKNOWN'])
    await thief.pushBlob(secretLayer)
    expect((await thief.send('PUT', 'manifests/loot', put)).status).toBe(201)
  })

  test("referrers are of one's own repository only, in both directions", async () => {
    const own = await thief.send('GET', `referrers/${secret.manifest.digest}`)
    expect([own.status, JSON.parse(own.text).manifests]).toEqual([200, []])
    const config = await thief.pushBlob(freshContent(60))
    const claim = { schemaVersion: 2, mediaType: OCI_MANIFEST, subject: secret.descriptor, layers: [] }
    await thief.pushManifest({ ...claim, config: describeContent(config, OCI_CONFIG) }, OCI_MANIFEST)
    const acme = ociRequests(kagami.url, 'acme/secret', kagami.owner)
    const listed = JSON.parse((await acme.send('GET', `referrers/${secret.manifest.digest}`)).text)
    expect(listed.manifests.map(({ digest }: { digest: string }) => digest)).toEqual([signature.digest])
  })

  test("the catalog has one's own repositories only", async () => {
    const names = async (who: Credentials | null) =>
      (await ociRequests(kagami.url, 'x', who).send('GET', '/v2/_catalog')).text
    expect(JSON.parse(await names(ritaLogin)).repositories).toEqual(['rival/loot'])
    expect(await names(kagami.owner)).toContain('acme/secret')
    expect(await names(kagami.owner)).not.toContain('rival/')
    expect(await names(null)).not.toContain('/')
  })

  test('every request is answered alike for what is there, what is not, and an organization that is not', async () => {
    const { digest } = secret.manifest
    const requests: [string, string][] = [
      ['GET', 'manifests/v1'],
      ['HEAD', 'manifests/v1'],
      ['GET', `manifests/${digest}`],
      ['GET', `blobs/${secretLayer.digest}`],
      ['HEAD', `blobs/${secretLayer.digest}`],
      ['GET', 'tags/list'],
      ['GET', `referrers/${digest}`],
      ['POST', 'blobs/uploads/'],
      ['POST', `blobs/uploads/?mount=${secretLayer.digest}`],
      ['PUT', 'manifests/v1'],
      ['DELETE', 'manifests/v1'],
      ['DELETE', `blobs/${secretLayer.digest}`],
    ]
    for (const who of [null, ritaLogin]) {
      for (const [method, path] of requests) {
        const [there = '', ...others] = await Promise.all(
          ['acme/secret', 'acme/absent', 'nobody/secret'].map(async (repository) =>
            shapeOf(await ociRequests(kagami.url, repository, who).send(method, path), repository),
          ),
        )
        for (const other of others) expect([method, path, other]).toEqual([method, path, there])
        expect(there).toStartWith(who === null ? '401' : '403')
      }
    }
  })
})

/** Status, challenge and body of an answer, without the name that was asked for. */
function shapeOf(answer: Pick<Answer, 'status' | 'headers' | 'text'>, repository: string): string {
  const [organization = '', name = ''] = repository.split('/')
  const hide = (text: string) => text.replaceAll(organization, 'ORGANIZATION').replaceAll(name, 'NAME')
  return `${answer.status} ${hide(answer.headers.get('www-authenticate') ?? '')} ${hide(answer.text)}`
}

describe.skipIf(!haveDockerRegistry)(
  "by a mirror of an upstream whose manifest names a layer that is not the upstream's to give",
  () => {
    const credentials = { username: 'vendor', password: 'of the upstream' }
    let upstream: RegistryClient
    let registry: Awaited<ReturnType<typeof startDockerRegistry>>
    let proxy: CountingProxy
    let trap: ReturnType<typeof contentOf>
    beforeAll(async () => {
      registry = await startDockerRegistry({ credentials })
      proxy = await countingProxy(registry.url)
      upstream = registryClient(registry.url, 'trap', { credentials })
      // Pushed whole, then the layer is taken away: what is left is a manifest that names it.
      const config = freshContent(70)
      for (const { digest, bytes } of [config, secretLayer]) await upstream.pushBlob(digest, bytes)
      const layers = [describeContent(secretLayer, OCI_LAYER)]
      const image = { schemaVersion: 2, mediaType: OCI_MANIFEST, config: describeContent(config, OCI_CONFIG), layers }
      trap = contentOf(JSON.stringify(image))
      expectStatus(await upstream.putManifest('1', trap.bytes, OCI_MANIFEST), 'PUT of the trap', 201)
      expectStatus(await upstream.send(`blobs/${secretLayer.digest}`, { method: 'DELETE' }), 'DELETE of its layer', 202)
      await addUpstream(rita, 'upstream', proxy.url, credentials)
      await addUpstream(owner, 'other', proxy.url, credentials)
    })
    afterAll(async () => {
      await proxy?.stop()
      await registry?.stop()
    })

    /** The tag fails, says which layer upstream does not have, and nothing of it is served. */
    async function expectHeld(operator: Operator, who: Credentials, args: string[], repository: string) {
      const { exitCode, run, mirror } = await operator.wait(args)
      expect([exitCode, run.outcome, mirror.tags.published]).toEqual([1, 'failed', 0])
      expect(run.failures.map(({ tag, digest }) => [tag, digest])).toEqual([['1', secretLayer.digest]])
      const client = ociRequests(kagami.url, repository, who)
      for (const path of ['manifests/1', `manifests/${trap.digest}`, `blobs/${secretLayer.digest}`]) {
        expect([path, (await client.send('GET', path)).status]).toEqual([path, 404])
      }
      expect(JSON.parse((await client.send('GET', 'tags/list')).text).tags).toEqual([])
    }

    test("another organization's layer: the tag fails", async () => {
      await expectHeld(rita, ritaLogin, ['mirror', 'start', 'upstream/trap'], 'rival/dhi-trap')
    })

    test("a teammate's private layer, of the same organization: the tag fails as well", async () => {
      await expectHeld(owner, kagami.owner, ['mirror', 'start', 'other/trap'], 'acme/dhi-trap')
    })

    test('with the bytes at the upstream the next run fetches them from there, and serves them', async () => {
      await upstream.pushBlob(secretLayer.digest, secretLayer.bytes)
      for (const [operator, who, repository] of [
        [rita, ritaLogin, 'rival/dhi-trap'],
        [owner, kagami.owner, 'acme/dhi-trap'],
      ] as const) {
        proxy.reset()
        expectDone(await operator.wait(['mirror', 'sync', repository]))
        const fetched = proxy.requests.filter(
          ({ kind, reference }) => kind === 'blob-get' && reference === secretLayer.digest,
        )
        expect(fetched.length).toBe(1)
        const client = ociRequests(kagami.url, repository, who)
        expect(digestOf((await client.send('GET', `blobs/${secretLayer.digest}`)).bytes)).toBe(secretLayer.digest)
      }
    })
  },
)

interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly in: string }[]
  readonly requestBody?: unknown
}

describe('by the management API', () => {
  const bodyOf = (path: string, organization: string, name: string): unknown => {
    if (path === '/upstreams') return { name: 'new', url: 'https://registry.example', organization }
    if (path === '/mirrors') return { organization, upstream: 'vault', repository: name }
    if (path === '/repositories') return { name: `${organization}/${name}` }
    if (path.endsWith('/members/{user}')) return { role: 'member' }
    if (path === '/repositories/{organization}/{name}') return { description: 'changed' }
    return {}
  }
  const call = async (method: string, path: string, who: Credentials | null, body?: unknown) => {
    const basic = Buffer.from(`${who?.username}:${who?.password}`).toString('base64')
    const response = await fetch(`${kagami.url}/api/v1${path}`, {
      method,
      headers: {
        ...(who === null ? {} : { authorization: `Basic ${basic}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return { status: response.status, headers: response.headers, text: await response.text() }
  }

  test('every operation on an organization, repository or mirror is refused alike, whether it is there or not', async () => {
    const document = JSON.parse((await call('GET', '/openapi.json', null)).text) as {
      paths: Record<string, Record<string, Operation>>
    }
    const tried: string[] = []
    for (const [fullPath, methods] of Object.entries(document.paths)) {
      const path = fullPath.replace('/api/v1', '')
      for (const [method, { parameters = [], requestBody }] of Object.entries(methods)) {
        const isInQuery = parameters.some((one) => one.in === 'query' && one.name === 'organization')
        const isOwn =
          !path.includes('{organization}') && !isInQuery && !['/upstreams', '/mirrors', '/repositories'].includes(path)
        if (isOwn) continue
        for (const who of [null, ritaLogin]) {
          const answers = []
          for (const place of ['acme/secret', 'acme/absent', 'nobody/secret']) {
            const [organization = '', name = ''] = place.split('/')
            const values: Record<string, string> = {
              organization,
              name,
              tag: 'v1',
              user: 'owner',
              upstream: 'vault',
              run: 'x',
            }
            const filled = path.replaceAll(/\{(\w+)\}/g, (_, key: string) => values[key] ?? key)
            const queries: Record<string, string> = {
              organization,
              upstream: 'vault',
              confirm: `${organization}/${name}`,
            }
            const query = parameters.flatMap((one) => {
              const value = one.in === 'query' ? queries[one.name] : undefined
              return value === undefined ? [] : `${one.name}=${value}`
            })
            const body = requestBody === undefined ? undefined : bodyOf(path, organization, name)
            answers.push(shapeOf(await call(method.toUpperCase(), `${filled}?${query.join('&')}`, who, body), place))
          }
          const [there = '', ...others] = answers
          for (const other of others) expect([method, path, other]).toEqual([method, path, there])
          expect([method, path, there.slice(0, 3)]).toEqual([method, path, who === null ? '401' : '403'])
        }
        tried.push(`${method} ${path}`)
      }
    }
    expect(tried.length).toBeGreaterThan(20)
  })

  test("lists show one's own alone, and what others own serves for nothing", async () => {
    await owner.run(['upstream', 'add', 'vault', 'https://vault.example'])
    const texts = await Promise.all(
      ['/organizations', '/repositories', '/mirrors', '/upstreams', '/tokens', '/user'].map(
        async (path) => (await call('GET', path, ritaLogin)).text,
      ),
    )
    for (const text of texts) expect(text).not.toMatch(/acme|vault/)
    // In one's own organization, another's upstream is as absent as one that never was.
    for (const [path, body] of [
      ['/mirrors', (upstream: string) => ({ organization: 'rival', upstream, repository: 'app' })],
      [
        '/upstreams',
        (upstream: string) => ({ name: 'n', url: 'https://x.example', organization: 'rival', referrersFrom: upstream }),
      ],
    ] as const) {
      const there = await call('POST', path, ritaLogin, body('vault'))
      const absent = await call('POST', path, ritaLogin, body('never'))
      expect([there.status, there.text.replaceAll('vault', 'never')]).toEqual([absent.status, absent.text])
      expect(there.status).toBe(404)
    }
    const { tokens } = await owner.json<{ tokens: { id: string }[] }>(['token', 'list'])
    const [there, absent] = await Promise.all(
      [tokens[0]?.id ?? '', 'x'.repeat(26)].map((id) => call('DELETE', `/tokens/${id}`, ritaLogin)),
    )
    expect(there?.status).toBe(404)
    expect(there?.text.replaceAll(tokens[0]?.id ?? '', 'ID')).toBe(
      String(absent?.text.replaceAll('x'.repeat(26), 'ID')),
    )
    expect((await owner.json<{ tokens: unknown[] }>(['token', 'list'])).tokens.length).toBe(tokens.length)
  })
})
