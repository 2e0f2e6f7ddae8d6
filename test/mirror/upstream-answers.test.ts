// A mirror of a real server on loopback that answers as some registries do: nothing is lost, and what is not there is named.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { type Digest, digestOf } from '../../src/oci/digest.ts'
import { MediaType } from '../../src/oci/media-types.ts'
import { openRemoteRepository } from '../../src/remote/remote-repository.ts'
import {
  type Answer,
  type Asked,
  loopbackNetwork,
  type ScriptedRegistry,
  scriptedRegistry,
} from '../remote/scripted-registry.ts'
import { type MemoryRepository, memoryRepository } from '../support/memory-repository.ts'
import { type MirrorInstance, openMirrorInstance } from './mirror-instance.ts'
import { addBlob, addImage, addIndex, type Made, putManifest } from './small-images.ts'

let instance: MirrorInstance
let upstream: MemoryRepository
let registry: ScriptedRegistry
/** What the test makes of a request; undefined: the honest answer. */
let twist: (asked: Asked & { kind: string; reference: string }, honest: () => Response) => Response | undefined
beforeEach(async () => {
  upstream = memoryRepository()
  twist = () => undefined
  registry = scriptedRegistry(serve(upstream))
  const network = loopbackNetwork({ idleTimeoutMs: 5000 })
  instance = await openMirrorInstance({
    openSource: (_upstream, repository) => ({
      reader: openRemoteRepository(network, { url: registry.url }, repository),
      usage: () => ({ requests: registry.asked.length, readBytes: 0 }),
    }),
  })
})
afterEach(async () => {
  await instance.close()
  await registry[Symbol.asyncDispose]()
})

function serve(repository: MemoryRepository): Answer {
  return (asked) => {
    const [, kind = '', reference = ''] = /\/(manifests|blobs|tags|referrers)\/([^/?]+)/.exec(asked.path) ?? []
    const honest = () => honestly(repository, kind, reference, asked)
    return twist({ ...asked, kind, reference }, honest) ?? honest()
  }
}

function honestly(
  { tags, manifests, blobs }: MemoryRepository,
  kind: string,
  reference: string,
  asked: Asked,
): Response {
  const absent = () => Response.json({ errors: [{ code: 'NOT_HERE' }] }, { status: 404 })
  if (kind === 'tags') return Response.json({ name: 'app', tags: [...tags.keys()].sort() })
  if (kind === 'manifests') {
    const digest = tags.get(reference) ?? reference
    const found = manifests.get(digest)
    if (found === undefined) return absent()
    const headers = { 'content-type': found.mediaType, 'docker-content-digest': digest }
    return new Response(new Uint8Array(found.bytes), { headers })
  }
  const bytes = blobs.get(reference)
  if (kind !== 'blobs' || bytes === undefined) return absent()
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(asked.headers.get('range') ?? '') ?? []
  if (first === undefined) return new Response(new Uint8Array(bytes))
  const range = `bytes ${first}-${last}/${bytes.byteLength}`
  return new Response(new Uint8Array(bytes.subarray(Number(first), Number(last) + 1)), {
    status: 206,
    headers: { 'content-range': range },
  })
}

/** The bytes, then the connection breaks though more was promised. */
function cut(bytes: Uint8Array, promised: number, headers: Record<string, string> = {}, status = 200): Response {
  let isSent = false
  const body = new ReadableStream({
    async pull(controller) {
      if (isSent || bytes.byteLength === 0) {
        // Lets the bytes reach the other side before the connection ends.
        await Bun.sleep(25)
        controller.error(new Error('cut by the test'))
        return
      }
      isSent = true
      controller.enqueue(bytes)
    },
  })
  return new Response(body, { status, headers: { 'content-length': String(promised), ...headers } })
}

/** The bytes in one chunk, with no word of how many. */
function chunked(bytes: Uint8Array): Response {
  let isSent = false
  return new Response(
    new ReadableStream({
      async pull(controller) {
        await Bun.sleep(0)
        if (isSent) controller.close()
        else controller.enqueue(bytes)
        isSent = true
      },
    }),
  )
}

async function published(): Promise<Record<string, string>> {
  const tags: Record<string, string> = {}
  for await (const { tag, digest } of (await instance.reader('acme/dhi-app')).listTags()) tags[tag] = String(digest)
  return tags
}

async function readBlob(digest: string): Promise<string> {
  const blob = { mediaType: '', digest: digest as Digest, size: 0 }
  return new Response((await (await instance.reader('acme/dhi-app')).openBlob(blob)).stream).text()
}

describe('HEADs of manifests are hints', () => {
  const lies: readonly [string, (digest: string) => Response][] = [
    ['404', () => new Response(null, { status: 404 })],
    ['405', () => new Response(null, { status: 405 })],
    ['a web page', () => new Response('<html>', { headers: { 'content-type': 'text/html' } })],
    ['no digest', () => new Response('{}', { headers: { 'content-type': MediaType.ociManifest } })],
    [
      'a wrong length',
      (digest) =>
        new Response('1234567', {
          headers: { 'content-type': MediaType.ociManifest, 'docker-content-digest': digest },
        }),
    ],
    [
      'no length to speak of',
      (digest) =>
        new Response('', { headers: { 'content-type': MediaType.ociManifest, 'docker-content-digest': digest } }),
    ],
    [
      'the digest of nothing',
      () =>
        new Response('{}', {
          headers: { 'content-type': MediaType.ociManifest, 'docker-content-digest': digestOf('nothing') },
        }),
    ],
    [
      'another type',
      (digest) =>
        new Response('{}', { headers: { 'content-type': MediaType.dockerList, 'docker-content-digest': digest } }),
    ],
  ]
  test.each(lies)('%s: everything is mirrored, and stays so', async (_name, lie) => {
    const image = addImage(upstream, 'one', { tags: ['1', 'latest'] })
    const index = addIndex(upstream, [image, addImage(upstream, 'two')], ['2'])
    addImage(upstream, 'attestation', { subject: image })
    twist = ({ method, kind, reference }) =>
      method === 'HEAD' && kind === 'manifests' ? lie(upstream.tags.get(reference) ?? reference) : undefined
    const { mirrorId, run } = await instance.mirror('hub/app')
    const tags = { '1': image.digest, '2': index.digest, latest: image.digest }
    expect([run.outcome, run.failures, await published()]).toEqual(['done', [], tags])
    const again = await instance.sync(mirrorId)
    expect([again.outcome, again.counts.tagsMoved, await published()]).toEqual(['done', 0, tags])
  })
})

test('what is listed and answers 404 once is asked for again, and nothing is published without it', async () => {
  const image = addImage(upstream, 'one')
  const index = addIndex(upstream, [image], ['1'])
  const asked = new Map<string, number>()
  twist = ({ method, kind, reference }) => {
    if (method !== 'GET' || kind !== 'manifests' || reference === index.digest) return undefined
    asked.set(reference, (asked.get(reference) ?? 0) + 1)
    return asked.get(reference) === 1 ? new Response(null, { status: 404 }) : undefined
  }
  const { run } = await instance.mirror('hub/app')
  expect([run.outcome, run.failures, await published()]).toEqual(['done', [], { '1': index.digest }])
  expect(asked.get(image.digest)).toBe(2)
  expect(await (await instance.reader('acme/dhi-app')).readManifest({ digest: image.digest as Digest })).toBeDefined()
})

describe('a tag that upstream lists and whose manifest is gone', () => {
  test('is named, never taken for one that upstream lost, and keeps serving what was here', async () => {
    const good = addImage(upstream, 'good', { tags: ['good'] })
    upstream.tags.set('gone', digestOf('gone'))
    const { mirrorId, run } = await instance.mirror('hub/app')
    expect([run.outcome, run.failures]).toEqual([
      'partial',
      [
        {
          tag: 'gone',
          digest: null,
          code: 'MANIFEST_UNKNOWN',
          message: expect.stringContaining('upstream lists the tag, but answers 404 for its manifest'),
        },
      ],
    ])
    upstream.manifests.delete(good.digest)
    const later = await instance.sync(mirrorId)
    expect([later.failures.map(({ tag }) => tag), await published()]).toEqual([['gone', 'good'], { good: good.digest }])
    const rows = await instance.db.read.selectFrom('mirror_tags').select(['tag', 'state']).orderBy('tag').execute()
    expect(rows).toEqual([
      { tag: 'gone', state: 'failed' },
      { tag: 'good', state: 'failed' },
    ])
    // What is listed no more is lost, and retained.
    upstream.tags.clear()
    const other = addImage(upstream, 'other', { tags: ['other'] })
    const last = await instance.sync(mirrorId)
    expect([last.outcome, last.failures, await published()]).toEqual([
      'done',
      [],
      { good: good.digest, other: other.digest },
    ])
  })
})

describe('HEADs that name schema 1', () => {
  const schema1 = MediaType.dockerSchema1Signed
  const heads = () => registry.asked.filter(({ method, path }) => method === 'HEAD' && path.includes('/manifests/'))
  const gets = (reference: string) =>
    registry.asked.filter(({ method, path }) => method === 'GET' && path.endsWith(`/manifests/${reference}`)).length

  test('where a GET brings something else: nothing is lost', async () => {
    const [one, two] = ['1', '2'].map((tag) => addImage(upstream, tag, { tags: [tag] }))
    twist = ({ method, kind, reference }) => {
      if (method !== 'HEAD' || kind !== 'manifests') return undefined
      const digest = upstream.tags.get(reference) ?? reference
      return new Response(null, {
        headers: { 'content-type': schema1, 'docker-content-digest': digest, 'content-length': '7' },
      })
    }
    const { run } = await instance.mirror('hub/app')
    expect([run.outcome, run.failures, await published()]).toEqual([
      'done',
      [],
      { '1': String(one?.digest), '2': String(two?.digest) },
    ])
  })

  test('and are right cost one GET a pass', async () => {
    const good = addImage(upstream, 'good', { tags: ['good'] })
    for (const tag of ['old1', 'old2', 'old3']) {
      const bytes = new TextEncoder().encode(JSON.stringify({ schemaVersion: 1, tag, fsLayers: [], history: [] }))
      upstream.manifests.set(digestOf(bytes), { mediaType: schema1, bytes })
      upstream.tags.set(tag, digestOf(bytes))
    }
    const { run } = await instance.mirror('hub/app')
    expect(run.failures.map(({ tag, code }) => [tag, code])).toEqual(
      ['old1', 'old2', 'old3'].map((tag) => [tag, 'UPSTREAM_UNSUPPORTED']),
    )
    expect(run.failures.map(({ digest }) => digest)).toEqual(
      ['old1', 'old2', 'old3'].map((tag) => upstream.tags.get(tag) ?? ''),
    )
    expect([heads().length, ['old1', 'old2', 'old3'].reduce((sum, tag) => sum + gets(tag), 0)]).toEqual([4, 1])
    expect(await published()).toEqual({ good: good.digest })
  })
})

describe('a download', () => {
  const LAYER = Array.from({ length: 3000 }, (_, n) => `line ${n}`).join('\n')
  const layer = digestOf(LAYER)
  const bytes = new TextEncoder().encode(LAYER)
  const ranges = () =>
    registry.asked.filter(({ path }) => path.endsWith(layer)).map(({ headers }) => headers.get('range') !== null)

  test.each([400, 403, 416, 501])('whose rest is refused with %i starts over in the same run', async (status) => {
    const image = addImage(upstream, 'one', { tags: ['1'], layers: [LAYER] })
    let isFirst = true
    twist = ({ reference, headers }) => {
      if (reference !== layer) return undefined
      if (headers.has('range')) return new Response('no ranges here', { status })
      const answer = isFirst ? cut(bytes.subarray(0, 5000), bytes.byteLength) : undefined
      isFirst = false
      return answer
    }
    const { run } = await instance.mirror('hub/app')
    expect([run.outcome, run.failures, await published()]).toEqual(['done', [], { '1': image.digest }])
    expect([ranges(), await readBlob(layer)]).toEqual([[false, true, false], LAYER])
  })

  test('whose rest turns out to be of something else starts over in the same run', async () => {
    addImage(upstream, 'one', { tags: ['1'], layers: [LAYER] })
    let isFirst = true
    twist = ({ reference, headers }) => {
      if (reference !== layer) return undefined
      const [, first = '', last = ''] = /(\d+)-(\d+)/.exec(headers.get('range') ?? '') ?? []
      if (first !== '') {
        const other = new Uint8Array(Number(last) - Number(first) + 1)
        const range = `bytes ${first}-${last}/${bytes.byteLength}`
        return new Response(other, { status: 206, headers: { 'content-range': range } })
      }
      const answer = isFirst ? cut(bytes.subarray(0, 5000), bytes.byteLength) : undefined
      isFirst = false
      return answer
    }
    const { run } = await instance.mirror('hub/app')
    expect([run.outcome, run.failures, await readBlob(layer)]).toEqual(['done', [], LAYER])
  })

  test('that is cut again and again goes on as long as each answer brings bytes', async () => {
    addImage(upstream, 'one', { tags: ['1'], layers: [LAYER] })
    twist = ({ reference, headers }) => {
      if (reference !== layer) return undefined
      const first = Number(/(\d+)-/.exec(headers.get('range') ?? '')?.[1] ?? 0)
      const rest = bytes.byteLength - first
      if (rest <= 1500) return undefined
      const range = first === 0 ? {} : { 'content-range': `bytes ${first}-${bytes.byteLength - 1}/${bytes.byteLength}` }
      return cut(bytes.subarray(first, first + 1500), rest, range, first === 0 ? 200 : 206)
    }
    const { run } = await instance.mirror('hub/app')
    expect([run.outcome, run.failures, await readBlob(layer)]).toEqual(['done', [], LAYER])
    // The last bytes before a cut may be lost with the connection, and are asked for again.
    const least = Math.ceil(bytes.byteLength / 1500)
    expect(ranges().length).toBeWithin(least, 2 * least)
  })

  test('that never gets further fails after a few answers, also where each of them starts over', async () => {
    const good = addImage(upstream, 'good', { tags: ['good'] })
    addImage(upstream, 'one', { tags: ['1'], layers: [LAYER] })
    twist = ({ reference }) => (reference === layer ? cut(bytes.subarray(0, 5000), bytes.byteLength) : undefined)
    const { run } = await instance.mirror('hub/app')
    expect([run.outcome, run.failures.map(({ tag, code }) => [tag, code])]).toEqual([
      'partial',
      [['1', 'UPSTREAM_UNAVAILABLE']],
    ])
    expect([ranges().length <= 4, await published()]).toEqual([true, { good: good.digest }])
  })

  test('with a Content-Encoding on the very bytes is taken', async () => {
    addImage(upstream, 'one', { tags: ['1'], layers: [LAYER] })
    twist = ({ kind, reference }, honest) => {
      if (kind !== 'blobs' || reference !== layer) return undefined
      const answer = honest()
      answer.headers.set('content-encoding', 'gzip')
      return answer
    }
    const { run } = await instance.mirror('hub/app')
    expect([run.outcome, run.failures, await readBlob(layer)]).toEqual(['done', [], LAYER])
  })

  test('that really is encoded fails its tags alone, and says so', async () => {
    const good = addImage(upstream, 'good', { tags: ['good'] })
    addImage(upstream, 'one', { tags: ['1'], layers: [LAYER] })
    twist = ({ reference }) =>
      reference === layer ? new Response(Bun.gzipSync(bytes), { headers: { 'content-encoding': 'gzip' } }) : undefined
    const { run } = await instance.mirror('hub/app')
    expect(run.failures).toMatchObject([{ tag: '1', digest: layer, code: 'UPSTREAM_INVALID' }])
    expect(run.failures[0]?.message).toContain('Content-Encoding "gzip"')
    expect(await published()).toEqual({ good: good.digest })
  })
})

describe('lies about sizes, where upstream does not say how long a blob is', () => {
  test.each([
    ['a', 'z', -1],
    ['z', 'a', -1],
    ['a', 'z', 1],
    ['z', 'a', 1],
    ['a', 'z', -1000],
    ['z', 'a', -1000],
  ] as const)('%s tells the truth, %s is wrong by %i bytes: it alone fails', async (honest, liar, by) => {
    const layer = addBlob(upstream, 'x'.repeat(1000), MediaType.ociLayerGzip)
    const imageOf = (name: string, one: Made) =>
      putManifest(
        upstream,
        MediaType.ociManifest,
        { config: addBlob(upstream, `{"name":"${name}"}`, MediaType.ociConfig), layers: [one] },
        [name],
      )
    const good = imageOf(honest, layer)
    imageOf(liar, { ...layer, size: layer.size + by })
    twist = ({ kind, reference }) =>
      kind === 'blobs' ? chunked(upstream.blobs.get(reference) ?? new Uint8Array()) : undefined
    const { mirrorId, run } = await instance.mirror('hub/app')
    expect([run.failures.map(({ tag }) => tag), await published()]).toEqual([[liar], { [honest]: good.digest }])
    const again = await instance.sync(mirrorId)
    expect(again.failures).toMatchObject([{ tag: liar, code: 'SIZE_INVALID' }])
    expect(await published()).toEqual({ [honest]: good.digest })
  })
})

describe('layers that registries may leave out', () => {
  const TYPES = [
    'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
    'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
  ]
  /** An image with such a layer, whose `urls` lead to a server that must hear nothing. */
  function addForeign(mediaType: string, urls: readonly string[]): { image: Made; layer: Made } {
    const layer = addBlob(upstream, `layer of ${mediaType}`, mediaType)
    const config = addBlob(upstream, '{}', MediaType.ociConfig)
    const image = putManifest(upstream, MediaType.ociManifest, { config, layers: [{ ...layer, urls }] }, ['1'])
    return { image, layer }
  }

  test.each(TYPES)('are fetched from upstream, never from their urls: %s', async (mediaType) => {
    await using elsewhere = scriptedRegistry(() => new Response('not this'))
    const { image, layer } = addForeign(mediaType, [`${elsewhere.url}/layer`])
    const { run } = await instance.mirror('hub/app')
    expect([run.outcome, run.failures, await published()]).toEqual(['done', [], { '1': image.digest }])
    expect([await readBlob(layer.digest), elsewhere.asked]).toEqual([`layer of ${mediaType}`, []])
  })

  test.each(TYPES)(
    '404: published without, and named; a full pass brings it once it is there: %s',
    async (mediaType) => {
      await using elsewhere = scriptedRegistry(() => new Response('not this'))
      const { image, layer } = addForeign(mediaType, [`${elsewhere.url}/layer`])
      upstream.blobs.delete(layer.digest)
      const { mirrorId, run } = await instance.mirror('hub/app')
      expect([run.outcome, run.counts.failed, await published()]).toEqual(['done', 0, { '1': image.digest }])
      expect(run.failures).toMatchObject([{ tag: '1', digest: layer.digest, code: 'MANIFEST_UNKNOWN' }])
      expect(elsewhere.asked).toEqual([])
      expect((await instance.sync(mirrorId)).failures).toEqual([])

      addBlob(upstream, `layer of ${mediaType}`, mediaType)
      const full = await instance.sync(mirrorId, { full: true })
      expect([full.outcome, full.failures, await readBlob(layer.digest)]).toEqual(['done', [], `layer of ${mediaType}`])
    },
  )

  test.each([403, 500])('%i is not 404: the tag fails, and is published once it is answered', async (status) => {
    const { image, layer } = addForeign(TYPES[0] ?? '', [])
    twist = ({ reference }) => (reference === layer.digest ? new Response('no', { status }) : undefined)
    const { mirrorId, run } = await instance.mirror('hub/app')
    expect([run.failures.map(({ tag, digest }) => [tag, String(digest)]), await published()]).toEqual([
      [['1', layer.digest]],
      {},
    ])
    twist = () => undefined
    expect((await instance.sync(mirrorId)).outcome).toBe('done')
    expect(await published()).toEqual({ '1': image.digest })
  })
})
