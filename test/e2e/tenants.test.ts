// Two organizations on one server cannot see or obtain each other's content (design, invariants 2 and 7): each theft is tried.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import type { Kagami } from '../support/kagami.ts'
import {
  type Answer,
  describeContent,
  freshContent,
  OCI_CONFIG,
  OCI_LAYER,
  OCI_MANIFEST,
  type OciRequests,
  ociRequests,
  pushImage,
} from '../support/oci-requests.ts'
import type { Credentials } from '../support/registry-session.ts'
import { bodyOf, formOf, type Names, operationsOf, parameterOf } from '../support/valid-requests.ts'
import { startTwoOrganizations, type TwoOrganizations } from './two-organizations.ts'

setDefaultTimeout(120_000)

let tenants: TwoOrganizations
let kagami: Kagami
beforeAll(async () => {
  tenants = await startTwoOrganizations()
  kagami = tenants.kagami
})
afterAll(() => kagami?.stop())

describe('by the registry', () => {
  let thief: OciRequests
  beforeAll(async () => {
    thief = ociRequests(kagami.url, 'rival/loot', tenants.ritaLogin)
    await pushImage(thief, { tag: 'own' })
  })

  test('a blob is neither mounted, with or without `from`, nor told to exist', async () => {
    const { digest } = tenants.secretLayer
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
    expect((await thief.send('GET', `manifests/${tenants.secret.manifest.digest}`)).status).toBe(404)
  })

  test("a manifest that names its layer is refused, and with the layer uploaded it is the thief's own", async () => {
    const config = await thief.pushBlob(freshContent(50))
    const layers = [describeContent(tenants.secretLayer, OCI_LAYER)]
    const loot = { schemaVersion: 2, mediaType: OCI_MANIFEST, config: describeContent(config, OCI_CONFIG), layers }
    const put = { headers: { 'content-type': OCI_MANIFEST }, body: JSON.stringify(loot) }
    const refused = await thief.send('PUT', 'manifests/loot', put)
    expect([refused.status, refused.code]).toEqual([400, 'MANIFEST_BLOB_UNKNOWN'])
    await thief.pushBlob(tenants.secretLayer)
    expect((await thief.send('PUT', 'manifests/loot', put)).status).toBe(201)
  })

  test("referrers are of one's own repository only, in both directions", async () => {
    const own = await thief.send('GET', `referrers/${tenants.secret.manifest.digest}`)
    expect([own.status, JSON.parse(own.text).manifests]).toEqual([200, []])
    const config = await thief.pushBlob(freshContent(60))
    const claim = { schemaVersion: 2, mediaType: OCI_MANIFEST, subject: tenants.secret.descriptor, layers: [] }
    await thief.pushManifest({ ...claim, config: describeContent(config, OCI_CONFIG) }, OCI_MANIFEST)
    const acme = ociRequests(kagami.url, 'acme/secret', kagami.owner)
    const listed = JSON.parse((await acme.send('GET', `referrers/${tenants.secret.manifest.digest}`)).text)
    expect(listed.manifests.map(({ digest }: { digest: string }) => digest)).toEqual([tenants.signature.digest])
  })

  test("the catalog has one's own repositories only", async () => {
    const names = async (who: Credentials | null) =>
      (await ociRequests(kagami.url, 'x', who).send('GET', '/v2/_catalog')).text
    expect(JSON.parse(await names(tenants.ritaLogin)).repositories).toEqual(['rival/loot'])
    expect(await names(kagami.owner)).toContain('acme/secret')
    expect(await names(kagami.owner)).not.toContain('rival/')
    expect(await names(null)).not.toContain('/')
  })

  test('every request is answered alike for what is there, what is not, and an organization that is not', async () => {
    const { digest } = tenants.secret.manifest
    const requests: [string, string][] = [
      ['GET', 'manifests/v1'],
      ['HEAD', 'manifests/v1'],
      ['GET', `manifests/${digest}`],
      ['GET', `blobs/${tenants.secretLayer.digest}`],
      ['HEAD', `blobs/${tenants.secretLayer.digest}`],
      ['GET', 'tags/list'],
      ['GET', `referrers/${digest}`],
      ['POST', 'blobs/uploads/'],
      ['POST', `blobs/uploads/?mount=${tenants.secretLayer.digest}`],
      ['PUT', 'manifests/v1'],
      ['DELETE', 'manifests/v1'],
      ['DELETE', `blobs/${tenants.secretLayer.digest}`],
    ]
    for (const who of [null, tenants.ritaLogin]) {
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

const ID = '00000000-0000-4000-8000-000000000000'
/** What is there and what is not, below the organization and the repository that a request names. */
const NAMES: Omit<Names, 'organization' | 'name'> = {
  ...{ user: 'owner', upstream: 'vault', target: 'vault', tag: 'v1', team: 'ops', identity: 'ci', webhook: 'hook' },
  ...{ token: ID, run: ID, subscription: ID, invitation: ID, session: ID, provider: ID, delivery: ID, link: ID },
  ...{ replication: ID, rule: ID, collection: ID },
}

describe('by the management API', () => {
  const call = async (method: string, path: string, who: Credentials | null, body?: unknown, form?: string) => {
    const basic = Buffer.from(`${who?.username}:${who?.password}`).toString('base64')
    const response = await fetch(`${kagami.url}/api/v1${path}`, {
      method,
      headers: {
        ...(who === null ? {} : { authorization: `Basic ${basic}` }),
        ...(form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(form === undefined ? {} : { body: form }),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return { status: response.status, headers: response.headers, text: await response.text() }
  }

  test('every operation on an organization, repository or mirror is refused alike, whether it is there or not', async () => {
    const operations = operationsOf(JSON.parse((await call('GET', '/openapi.json', null)).text))
    const tried: string[] = []
    for (const operation of operations) {
      const { method, path, query } = operation
      const isOwn =
        !path.includes('{organization}') &&
        !query.includes('organization') &&
        !['/upstreams', '/mirrors', '/repositories'].includes(path)
      if (isOwn) continue
      for (const who of [null, tenants.ritaLogin]) {
        const answers = []
        for (const place of ['acme/secret', 'acme/absent', 'nobody/secret']) {
          const [organization = '', name = ''] = place.split('/')
          const names = { ...NAMES, organization, name }
          const filled = path.replaceAll(/\{(\w+)\}/g, (_, key: keyof Names) => names[key])
          const asked = query.map((one) => `${one}=${encodeURIComponent(parameterOf(one, names))}`).join('&')
          const form = formOf(operation, 'a.b.c')
          const body = form === undefined ? bodyOf(operation, names) : undefined
          const sent = form === undefined ? undefined : new URLSearchParams(form).toString()
          answers.push(shapeOf(await call(method.toUpperCase(), `${filled}?${asked}`, who, body, sent), place))
        }
        const [there = '', ...others] = answers
        for (const other of others) expect([method, path, other]).toEqual([method, path, there])
        const isPublic = path.endsWith('/token-exchange')
        expect([method, path, there.slice(0, 3)]).toEqual([method, path, who === null || isPublic ? '401' : '403'])
      }
      tried.push(`${method} ${path}`)
    }
    expect(tried.length).toBeGreaterThan(20)
  })

  test("lists show one's own alone, and what others own serves for nothing", async () => {
    await tenants.owner.run(['upstream', 'add', 'vault', 'https://vault.example', '--no-check'])
    const texts = await Promise.all(
      ['/organizations', '/repositories', '/mirrors', '/upstreams', '/tokens', '/user'].map(
        async (path) => (await call('GET', path, tenants.ritaLogin)).text,
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
      const there = await call('POST', path, tenants.ritaLogin, body('vault'))
      const absent = await call('POST', path, tenants.ritaLogin, body('never'))
      expect([there.status, there.text.replaceAll('vault', 'never')]).toEqual([absent.status, absent.text])
      expect(there.status).toBe(404)
    }
    const { tokens } = await tenants.owner.json<{ tokens: { id: string }[] }>(['token', 'list'])
    const [there, absent] = await Promise.all(
      [tokens[0]?.id ?? '', 'x'.repeat(26)].map((id) => call('DELETE', `/tokens/${id}`, tenants.ritaLogin)),
    )
    expect(there?.status).toBe(404)
    expect(there?.text.replaceAll(tokens[0]?.id ?? '', 'ID')).toBe(
      String(absent?.text.replaceAll('x'.repeat(26), 'ID')),
    )
    expect((await tenants.owner.json<{ tokens: unknown[] }>(['token', 'list'])).tokens.length).toBe(tokens.length)
  })
})
