// Lists of tags that somebody made heavy: bounded, paged by weight, and blind to what other organizations have (issue 7, rows 3 and 7).
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { type Tag, tagListSchema } from '../../../src/api/tags.ts'
import {
  type Content,
  contentOf,
  describeContent,
  freshContent,
  OCI_CONFIG,
  OCI_INDEX,
  OCI_MANIFEST,
  type OciRequests,
  ociRequests,
  pushImage,
} from '../../support/oci-requests.ts'
import { describeOnEachDatabase, OWNER, type WholeServer } from '../../support/whole-server.ts'

describeOnEachDatabase('Heavy lists of tags', (start) => {
  let kagami: WholeServer
  beforeAll(async () => {
    kagami = await start()
    for (const name of ['acme/heavy', 'acme/configs', 'acme/blind', 'acme/nested']) {
      const body = { name, allowSparse: true }
      expect((await kagami.call('POST', '/repositories', { login: OWNER, body })).status).toBe(201)
    }
  })
  afterAll(() => kagami.stop())

  const in_ = (repository: string, login = OWNER) => ociRequests(kagami.url, repository, login)
  async function pages(repository: string, limit = 1000): Promise<Tag[][]> {
    const all: Tag[][] = []
    let after = ''
    do {
      const path = `/repositories/acme/${repository}/tags?limit=${limit}${after === '' ? '' : `&after=${after}`}`
      const answer = await kagami.call('GET', path, { login: OWNER })
      expect(answer.text.length).toBeLessThan(2 * 1024 * 1024)
      const page = answer.as(tagListSchema)
      all.push([...page.tags])
      after = page.next ?? ''
    } while (after !== '')
    return all
  }
  const children = (count: number, platform: object) =>
    Array.from({ length: count }, (_, i) => ({
      mediaType: OCI_MANIFEST,
      digest: `sha256:${i.toString(16).padStart(64, '0')}`,
      size: 1000 + i,
      platform,
    }))
  const pushIndex = (client: OciRequests, manifests: readonly unknown[], tag?: string) =>
    client.pushManifest({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }, OCI_INDEX, tag)

  test('an index of thousands under many tags is measured once, within bounds, and pages end by bytes', async () => {
    const client = in_('acme/heavy')
    const platform = { os: 'o'.repeat(400), architecture: 'a'.repeat(400), variant: 'v'.repeat(400) }
    const index = await pushIndex(client, children(2500, platform))
    const names = Array.from({ length: 150 }, (_, i) => `t${String(i).padStart(3, '0')}`)
    for (let i = 0; i < names.length; i += 10) {
      const path = `manifests/${index.digest}?${names
        .slice(i, i + 10)
        .map((name) => `tag=${name}`)
        .join('&')}`
      const put = await client.send('PUT', path, { headers: { 'content-type': OCI_INDEX }, body: index.bytes })
      expect(put.status).toBe(201)
    }
    const all = await pages('heavy')
    expect(all.flat().map((tag) => tag.name)).toEqual(names)
    expect(all.length).toBeGreaterThan(1)
    const [tag] = all.flat()
    expect(tag?.platforms).toHaveLength(50)
    expect(tag?.platforms[0]).toBe(`${'o'.repeat(64)}/${'a'.repeat(64)}/${'v'.repeat(64)}`)
    expect([tag?.platformCount, tag?.isPartial]).toEqual([2000, true])
    expect(tag?.sizeBytes).toBe(index.bytes.byteLength + 2000 * 1000 + (2000 * 1999) / 2)
  }, 30_000)

  test('pages end where what is below their tags gets too much to look at', async () => {
    const client = in_('acme/configs')
    const layer = await client.pushBlob(freshContent(10))
    for (let i = 0; i < 33; i++) {
      const text = JSON.stringify({ os: 'linux', architecture: `a${i}`, padding: 'x'.repeat(1_048_000) })
      const config = await client.pushBlob(contentOf(text))
      const body = {
        schemaVersion: 2,
        mediaType: OCI_MANIFEST,
        config: describeContent(config, OCI_CONFIG),
        layers: [describeContent(layer, 'application/vnd.oci.image.layer.v1.tar')],
      }
      await client.pushManifest(body, OCI_MANIFEST, `v${String(i).padStart(2, '0')}`)
    }
    const all = await pages('configs')
    expect(all.map((page) => page.length)).toEqual([24, 9])
    expect(all.flat().map((tag) => tag.platforms)).toEqual(Array.from({ length: 33 }, (_, i) => [`linux/a${i}`]))
  }, 30_000)

  test('indexes of indexes are looked into as far as the bound, each digest once', async () => {
    const client = in_('acme/nested')
    const image = await pushImage(client)
    const inner = await pushIndex(client, [image.descriptor, ...children(1500, { os: 'linux', architecture: 'x' })])
    const outer = await pushIndex(client, [describeContent(inner, OCI_INDEX), image.descriptor], 'outer')
    await pushIndex(
      client,
      [
        describeContent(inner, OCI_INDEX),
        describeContent(outer, OCI_INDEX),
        ...children(600, { os: 'linux', architecture: 'x' }),
      ],
      'partial',
    )
    const [whole, partial] = (await pages('nested')).flat()
    const sizeOf = (content: Content) => content.bytes.byteLength
    const below =
      sizeOf(image.manifest) + sizeOf(image.config) + image.layers.reduce((sum, layer) => sum + sizeOf(layer), 0)
    expect(whole).toMatchObject({
      isPartial: false,
      platformCount: 0,
      sizeBytes: sizeOf(outer) + sizeOf(inner) + below + 1500 * 1000 + (1500 * 1499) / 2,
    })
    expect(partial?.isPartial).toBe(true)
  })

  test('the summary of an index is the same whether or not another organization has what it lists', async () => {
    const stranger = await kagami.addUser('stranger', { other: 'owner' })
    const theirs = ociRequests(kagami.url, 'other/secret', stranger)
    const mine = in_('acme/blind')
    // Theirs is made in full, but pushed only after the first look.
    const config = freshContent(300)
    const layer = freshContent(5000)
    const body = {
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: describeContent(config, OCI_CONFIG),
      layers: [describeContent(layer, 'application/vnd.oci.image.layer.v1.tar')],
    }
    const secret = describeContent(contentOf(JSON.stringify(body)), OCI_MANIFEST)
    await pushIndex(mine, [{ ...secret, platform: { os: 'linux', architecture: 'amd64' } }], 'index')
    const artifact = { ...body, config: describeContent(config, OCI_CONFIG), layers: [], subject: secret }
    await mine.pushBlob(config)
    await mine.pushManifest(artifact, OCI_MANIFEST, 'artifact')
    const before = await pages('blind')
    expect(before.flat()).toHaveLength(2)

    await theirs.pushBlob(config)
    await theirs.pushBlob(layer)
    const pushed = await theirs.pushManifest(body, OCI_MANIFEST, 'v1')
    expect(pushed.digest).toBe(secret.digest as never)
    await theirs.pushManifest({ ...artifact, annotations: { theirs: 'yes' } }, OCI_MANIFEST)
    expect(await pages('blind')).toEqual(before)
  })

  test('referrers with heavy annotations come page by page', async () => {
    const client = in_('acme/annotated')
    const image = await pushImage(client)
    for (let i = 0; i < 5; i++) {
      await pushImage(client, {
        extra: { subject: image.descriptor, annotations: { note: `${i}${'x'.repeat(900_000)}` } },
      })
    }
    const seen: string[] = []
    let path = `referrers/${image.manifest.digest}`
    let count = 0
    while (path !== '') {
      const answer = await client.send('GET', path)
      expect(answer.bytes.byteLength).toBeLessThan(2.5 * 1024 * 1024)
      const { manifests } = JSON.parse(new TextDecoder().decode(answer.bytes))
      seen.push(...manifests.map((one: { digest: string }) => one.digest))
      path = answer.headers.get('link')?.match(/^<([^>]+)>/)?.[1] ?? ''
      count++
    }
    expect(count).toBe(3)
    expect(new Set(seen).size).toBe(5)
  })
})
