// What a request for an image parses is bounded, whatever the image's own manifests are, and nobody hears of another's content.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { HELM_CONFIG, readChart } from '../../src/contents/chart.ts'
import { describeImage } from '../../src/contents/describe-image.ts'
import { listAttestations } from '../../src/contents/show-attached.ts'
import { insertBlob, linkBlobs } from '../../src/db/content/blobs.ts'
import { insertManifest, linkManifest } from '../../src/db/content/manifests.ts'
import type { RepositoryRow } from '../../src/db/schema.ts'
import type { Digest } from '../../src/oci/digest.ts'
import { MAX_MANIFEST_BYTES, type ParsedManifest, parseManifest } from '../../src/oci/manifest.ts'
import { attestedImage, cycloneDx } from '../events/payload/attested-images.ts'
import { digestOf } from '../support/fixtures.ts'
import { type IndexedInstance, openIndexed } from './indexed.ts'

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
const INDEX = 'application/vnd.oci.image.index.v1+json'
const at = '2026-01-01T00:00:00.000Z'
const digest = (text: string) => digestOf(new TextEncoder().encode(text)) as Digest

let one: IndexedInstance
let repository: RepositoryRow
beforeAll(async () => {
  one = await openIndexed()
  repository = await one.put('app', attestedImage('1', [{ form: 'referrer', ...cycloneDx('1.0') }]))
})
afterAll(() => one.close())

async function push(body: object): Promise<ParsedManifest['descriptor']> {
  const bytes = new TextEncoder().encode(JSON.stringify(body))
  const manifest = parseManifest(bytes)
  const { digest, mediaType } = manifest.descriptor
  await one.db.write(async (tx) => {
    await insertManifest(tx, manifest, bytes, at)
    const subjectDigest = manifest.subject?.digest
    await linkManifest(tx, repository.id, {
      digest,
      mediaType,
      subjectDigest,
      pushedAt: at,
      publishedAt: at,
      attested: 0,
    })
  })
  return { digest, mediaType, size: bytes.byteLength }
}

/** @param padding bytes that it is larger by */
function image(name: string, padding: number, more: object = {}): object {
  const config = { mediaType: 'application/vnd.oci.image.config.v1+json', digest: digest('config'), size: 10 }
  const layer = { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest: digest(name), size: 1000 }
  const annotations = { padding: 'x'.repeat(padding) }
  return { schemaVersion: 2, mediaType: MANIFEST, config, layers: [layer, layer], annotations, ...more }
}

const platform = (variant: string) => ({ os: 'linux', architecture: 'arm', variant })

test('one manifest under many platforms is summed up once', async () => {
  const part = await push(image('a', 0))
  const manifests = ['v5', 'v6', 'v7'].map((variant) => ({ ...part, platform: platform(variant) }))
  const index = await push({ schemaVersion: 2, mediaType: INDEX, manifests })
  const { platforms, sizeBytes } = await describeImage(one, repository, index.digest, undefined)
  expect(platforms.map((listed) => listed.sizeBytes)).toEqual([1, 2, 3].map(() => part.size + 1010))
  expect(sizeBytes).toBe(index.size + part.size + 1010)
})

test('of many large manifests no more is summed up than one may have', async () => {
  const half = MAX_MANIFEST_BYTES * 0.6
  const parts = [await push(image('b', half)), await push(image('c', half)), await push(image('d', half))]
  const manifests = parts.map((part, i) => ({ ...part, platform: platform(`v${i}`) }))
  const { digest } = await push({ schemaVersion: 2, mediaType: INDEX, manifests })
  const { platforms } = await describeImage(one, repository, digest, undefined)
  expect(platforms.map(({ sizeBytes, available }) => [sizeBytes > 0, available])).toEqual([
    [true, true],
    [false, true],
    [false, true],
  ])
})

test('of many large referrers no more are parsed than 8 MiB', async () => {
  const subject = await push(image('e', 0))
  for (const name of ['1', '2', '3', '4', '5']) await push(image(name, MAX_MANIFEST_BYTES * 0.6, { subject }))
  const { attached, isPartial } = await listAttestations(one, repository, subject.digest)
  expect([attached.length, isPartial]).toEqual([3, true])
})

test('a chart is told to whom its repository has it, and a file that cannot be read for a moment is tried again', async () => {
  const values = Buffer.from('image: acme/tool:1\n')
  const header = Buffer.alloc(512)
  header.write('chart/values.yaml', 0)
  header.write(values.byteLength.toString(8).padStart(11, '0'), 124)
  const content = Bun.gzipSync(Buffer.concat([header, values, Buffer.alloc(1024)]))
  const config = new TextEncoder().encode('{"name":"chart","version":"1"}')
  const files = new Map([
    ['chart-config', config],
    ['chart-content', content],
  ])
  const describe = (bytes: Uint8Array, mediaType: string) => {
    return { digest: digestOf(bytes) as Digest, mediaType, size: bytes.byteLength }
  }
  const parts = [
    describe(config, HELM_CONFIG),
    describe(content, 'application/vnd.cncf.helm.chart.content.v1.tar+gzip'),
  ] as const
  await one.db.write(async (tx) => {
    for (const [i, { digest, size }] of parts.entries()) {
      await insertBlob(tx, { digest, sizeBytes: size, storageKey: [...files.keys()][i] as string, at })
    }
    await linkBlobs(
      tx,
      repository.id,
      parts.map((part) => part.digest),
      { publishedAt: at, at },
    )
  })
  const manifest = { config: parts[0], layers: [parts[1]] } as unknown as ParsedManifest
  let isBroken = true
  const open = async (key: string) => {
    if (isBroken && key === 'chart-content') throw new Error('EIO')
    return new Blob([files.get(key) as Uint8Array<ArrayBuffer>]).stream()
  }
  const images = async () =>
    (await readChart({ db: one.db, blobs: { open } as never }, repository.id, manifest))?.images
  expect(await images()).toBeUndefined()
  isBroken = false
  expect(await images()).toEqual([{ place: 'image', image: 'acme/tool:1' }])
  const { digest } = parts[1]
  await one.db.write((tx) => tx.deleteFrom('repository_blobs').where('digest', '=', digest).execute())
  expect(await images()).toBeUndefined()
})
