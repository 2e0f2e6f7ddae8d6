// The whole server on S3 and PostgreSQL, with two processes: pushes, pulls, and kill -9 in the middle of an upload (a mirror: three-servers).
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import type { S3Location } from '../../src/blobs/s3/location.ts'
import { findProgram, isolatedClients } from '../support/clients.ts'
import { succeed } from '../support/command.ts'
import { type Kagami, startKagami } from '../support/kagami.ts'
import { freshContent, locationOf, ociRequests, pushImage, withQuery } from '../support/oci-requests.ts'
import { havePostgres, postgres } from '../support/postgres.ts'
import { haveS3, objectsOf, s3Environment, s3Server } from '../support/s3-server.ts'

setDefaultTimeout(90_000)

const LARGE = 9_000_000

describe.skipIf(!haveS3 || !havePostgres)('a server on S3 and PostgreSQL', () => {
  let kagami: Kagami
  let location: S3Location
  let env: Record<string, string>
  const client = (repository: string) => ociRequests(kagami.url, repository, kagami.owner)
  beforeAll(async () => {
    location = (await s3Server()).freshLocation()
    env = { ...s3Environment(location), KAGAMI_DATABASE: await (await postgres()).freshDatabase(), KAGAMI_WORKERS: '2' }
    kagami = await startKagami({ env })
  })
  afterAll(() => kagami?.kill())

  test('sends blobs, and ranges of them, with their length', async () => {
    const acme = client('acme/sizes')
    for (const size of [1000, LARGE]) {
      const { digest, bytes } = await acme.pushBlob(freshContent(size))
      const whole = await acme.send('GET', `blobs/${digest}`)
      expect([whole.status, whole.headers.get('content-length')]).toEqual([200, String(size)])
      expect(Buffer.compare(whole.bytes, bytes)).toBe(0)
      const look = await acme.send('HEAD', `blobs/${digest}`)
      expect(look.headers.get('content-length')).toBe(String(size))
      const part = await acme.send('GET', `blobs/${digest}`, { headers: { range: 'bytes=100-' } })
      expect([part.status, part.headers.get('content-length')]).toEqual([206, String(size - 100)])
      expect(Buffer.compare(part.bytes, bytes.subarray(100))).toBe(0)
    }
  })

  test('an upload goes on where it was acknowledged after kill -9', async () => {
    const content = freshContent(LARGE)
    const begun = locationOf(await client('acme/killed').send('POST', 'blobs/uploads/'))
    const first = await client('acme/killed').send('PATCH', begun, { body: content.bytes.slice(0, 5_000_000) })
    expect(first.status).toBe(202)
    // It may fail while the server is being killed already.
    const more = client('acme/killed').send('PATCH', locationOf(first), {
      body: new ReadableStream({
        start: (controller) => controller.enqueue(content.bytes.slice(5_000_000, 6_000_000)),
      }),
    })
    const cutOff = more.catch(() => {})
    await kagami.kill()
    await cutOff
    kagami = await startKagami({ env, dataDirectory: kagami.dataDirectory, port: kagami.port })
    const acme = client('acme/killed')
    const status = await acme.send('GET', locationOf(first))
    expect([status.status, status.headers.get('range')]).toEqual([204, '0-4999999'])
    const rest = await acme.send('PATCH', locationOf(first), {
      headers: { 'content-range': `5000000-${LARGE - 1}` },
      body: content.bytes.slice(5_000_000),
    })
    expect(rest.status).toBe(202)
    expect((await acme.send('PUT', withQuery(locationOf(rest), { digest: content.digest }))).status).toBe(201)
    const got = await acme.send('GET', `blobs/${content.digest}`)
    expect(Buffer.compare(got.bytes, content.bytes)).toBe(0)
    expect(await Array.fromAsync(objectsOf(location).list('stages/'))).toEqual([])
  })

  test.skipIf(findProgram('skopeo') === undefined)('skopeo copies an image out and in again', async () => {
    await pushImage(client('acme/image'), { tag: 'v1', layers: 3 })
    const clients = isolatedClients()
    const { username, password } = kagami.owner
    const login = ['login', '--tls-verify=false', '-u', username, '--password-stdin', kagami.host]
    await succeed(clients.skopeo(login, { input: password }))
    const at = (name: string) => `docker://${kagami.host}/${name}`
    const flags = ['--src-tls-verify=false', '--dest-tls-verify=false']
    await succeed(clients.skopeo(['copy', ...flags, at('acme/image:v1'), `dir:${clients.directory}/image`]))
    await succeed(clients.skopeo(['copy', ...flags, `dir:${clients.directory}/image`, at('acme/again:v2')]))
    const digests = await Promise.all(
      [client('acme/image').send('HEAD', 'manifests/v1'), client('acme/again').send('HEAD', 'manifests/v2')].map(
        async (answer) => (await answer).headers.get('docker-content-digest'),
      ),
    )
    expect(digests[0]).toBe(digests[1] ?? '')
    clients.remove()
  })

  test('sends clients that may pull to S3 for large blobs where that is wanted, by an address for one blob', async () => {
    const { digest, bytes } = await client('acme/sizes').pushBlob(freshContent(LARGE))
    await kagami.stop()
    kagami = await startKagami({
      env: { ...env, KAGAMI_BLOB_REDIRECT: 'on' },
      dataDirectory: kagami.dataDirectory,
      port: kagami.port,
    })
    const url = `${kagami.url}/v2/acme/sizes/blobs/${digest}`
    const login = `Basic ${btoa(`${kagami.owner.username}:${kagami.owner.password}`)}`
    expect((await fetch(url, { redirect: 'manual' })).status).toBe(401)
    const sent = await fetch(url, { redirect: 'manual', headers: { authorization: login } })
    expect(sent.status).toBe(307)
    const address = sent.headers.get('location') ?? ''
    expect(address).toStartWith(location.endpoint)
    const got = await fetch(address)
    expect(got.headers.get('content-length')).toBe(String(LARGE))
    expect(Buffer.compare(new Uint8Array(await got.arrayBuffer()), bytes)).toBe(0)
    const other = new URL(address)
    other.pathname = other.pathname.replace(/.$/, (last) => (last === '0' ? '1' : '0'))
    expect((await fetch(other)).status).toBe(403)
    expect(kagami.stderr()).not.toContain('kagamitestsecret')
  })
})
