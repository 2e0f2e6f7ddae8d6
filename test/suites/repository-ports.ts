// What every implementation of the two ports has to do (design section 4). Each one's test file runs these.
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import type { Descriptor } from '../../src/oci/descriptor.ts'
import { type Digest, digestOf } from '../../src/oci/digest.ts'
import { MediaType } from '../../src/oci/media-types.ts'
import type { Tag } from '../../src/oci/reference.ts'
import type { BlobSink, RepositoryReader, RepositoryWriter, TagMove } from '../../src/oci/repository.ts'

export interface OpenedRepository {
  /** A fresh reader, as for a new pass. */
  reader(): RepositoryReader
  close(): Promise<void>
}

export interface OpenedPorts extends OpenedRepository {
  writer(): RepositoryWriter
}

/** Blobs and manifests to put into a repository, in order, and the tags on them. */
export interface Content {
  readonly blobs: readonly { readonly descriptor: Descriptor; readonly bytes: Uint8Array }[]
  readonly manifests: readonly { readonly descriptor: Descriptor; readonly bytes: Uint8Array }[]
  readonly tags: Readonly<Record<string, Digest>>
}

const encode = (text: string) => new TextEncoder().encode(text)

function blobOf(text: string, mediaType: string = MediaType.ociLayerGzip, algorithm: 'sha256' | 'sha512' = 'sha256') {
  const bytes = encode(text)
  return { bytes, descriptor: { mediaType, digest: digestOf(bytes, algorithm), size: bytes.byteLength } }
}

function manifestOf(body: object, algorithm: 'sha256' | 'sha512' = 'sha256') {
  const mediaType = 'manifests' in body ? MediaType.ociIndex : MediaType.ociManifest
  const bytes = encode(JSON.stringify({ schemaVersion: 2, mediaType, ...body }))
  return { bytes, descriptor: { mediaType, digest: digestOf(bytes, algorithm), size: bytes.byteLength } }
}

const config = blobOf('{}', MediaType.ociConfig)
const layer = blobOf('the quick brown fox')
const empty = blobOf('')
const image = manifestOf({ config: config.descriptor, layers: [layer.descriptor, empty.descriptor] })
const index = manifestOf({ manifests: [image.descriptor] })
const attestation = manifestOf({
  artifactType: 'application/vnd.example.attestation',
  config: config.descriptor,
  layers: [layer.descriptor],
  subject: image.descriptor,
  annotations: { 'com.example.kind': 'test – ünïcode' },
})

/** An index with one image and an attestation on it. */
export const SUITE_CONTENT: Content = {
  blobs: [config, layer, empty],
  manifests: [image, index, attestation],
  tags: { latest: index.descriptor.digest, '1.0': index.descriptor.digest, single: image.descriptor.digest },
}

/** @param open a repository that holds `SUITE_CONTENT` */
export function describeRepositoryReader(name: string, open: () => Promise<OpenedRepository>): void {
  describe(`${name} reads a repository`, () => {
    let opened: OpenedRepository
    let reader: RepositoryReader
    beforeEach(async () => {
      opened = await open()
      reader = opened.reader()
    })
    afterEach(() => opened.close())

    test('lists every tag', async () => {
      const tags: string[] = []
      for await (const { tag } of reader.listTags()) tags.push(tag)
      expect(tags.sort()).toEqual(['1.0', 'latest', 'single'])
    })

    test('resolves tags and digests to type, digest and size, and knows what is absent', async () => {
      expect(await reader.resolve({ tag: 'latest' as Tag })).toMatchObject(index.descriptor)
      expect(await reader.resolve({ digest: image.descriptor.digest })).toMatchObject(image.descriptor)
      expect(await reader.resolve({ tag: 'nope' as Tag })).toBeUndefined()
      expect(await reader.resolve({ digest: digestOf('nope') })).toBeUndefined()
    })

    test('gives the exact bytes of a manifest, and undefined for an absent one', async () => {
      const found = await reader.readManifest(index.descriptor)
      expect(found?.descriptor).toMatchObject(index.descriptor)
      expect(Buffer.from(found?.bytes ?? []).equals(Buffer.from(index.bytes))).toBe(true)
      expect(await reader.readManifest({ ...index.descriptor, digest: digestOf('nope') })).toBeUndefined()
    })

    test('gives a blob whole, and says which part it gives when asked for one', async () => {
      const whole = await reader.openBlob(layer.descriptor)
      expect([whole.offset, whole.totalBytes]).toEqual([0, layer.bytes.byteLength])
      expect(await new Response(whole.stream).text()).toBe('the quick brown fox')
      const part = await reader.openBlob(layer.descriptor, { offset: 4 })
      const text = await new Response(part.stream).text()
      expect(text).toBe('the quick brown fox'.slice(part.offset))
      expect(part.totalBytes).toBe(layer.bytes.byteLength)
      const none = await reader.openBlob(empty.descriptor)
      expect(await new Response(none.stream).text()).toBe('')
    })

    test('throws for a blob that is absent', async () => {
      const absent = { ...layer.descriptor, digest: digestOf('nope') }
      expect(reader.openBlob(absent)).rejects.toThrow()
    })

    test('lists referrers with their artifactType and annotations, and none where there are none', async () => {
      const list = await reader.listReferrers(image.descriptor)
      if (list === 'unchanged') throw new Error('nothing was known')
      expect(await Array.fromAsync(list.items)).toEqual([
        {
          ...attestation.descriptor,
          artifactType: 'application/vnd.example.attestation',
          annotations: { 'com.example.kind': 'test – ünïcode' },
        },
      ])
      const none = await reader.listReferrers(attestation.descriptor)
      expect(none !== 'unchanged' && (await Array.fromAsync(none.items))).toEqual([])
    })

    test('ends with CANCELLED when its signal has aborted', async () => {
      const signal = AbortSignal.abort()
      expect(reader.resolve({ tag: 'latest' as Tag }, { signal })).rejects.toMatchObject({ code: 'CANCELLED' })
      expect(Array.fromAsync(reader.listTags({ signal }))).rejects.toMatchObject({ code: 'CANCELLED' })
    })
  })
}

/** Puts content through a writer as a mirror does: blobs, manifests, then one publish. */
export async function putContent(writer: RepositoryWriter, content: Content): Promise<void> {
  for (const { descriptor, bytes } of content.blobs) await putBlob(writer, descriptor, bytes)
  for (const manifest of content.manifests) await writer.writeManifest(manifest)
  const descriptors = new Map(content.manifests.map(({ descriptor }) => [descriptor.digest, descriptor]))
  const tags = Object.entries(content.tags).map(
    ([tag, digest]): TagMove => ({ tag: tag as Tag, to: descriptors.get(digest), expect: undefined }),
  )
  await writer.publish({ roots: content.manifests.map(({ descriptor }) => descriptor), tags }, async (descriptor) => {
    const found = content.manifests.find((one) => one.descriptor.digest === descriptor.digest)
    if (found === undefined) throw new Error(`nobody asked for ${descriptor.digest}`)
    return found.bytes
  })
}

async function putBlob(writer: RepositoryWriter, descriptor: Descriptor, bytes: Uint8Array): Promise<void> {
  const sink = await writer.stageBlob(descriptor)
  if (sink === 'present') return
  try {
    for (const { from, to } of sink.missing) await sink.write(from, streamOf(bytes.subarray(from, to)))
    await sink.commit()
  } finally {
    await sink.close()
  }
}

function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new Blob([new Uint8Array(bytes)]).stream()
}

/** @param open an empty repository whose writer stages (nothing is visible before `publish`) */
export function describeStagingWriter(name: string, open: () => Promise<OpenedPorts>): void {
  describe(`${name} writes a repository`, () => {
    let opened: OpenedPorts
    let writer: RepositoryWriter
    beforeEach(async () => {
      opened = await open()
      writer = opened.writer()
    })
    afterEach(() => opened.close())
    const read = async (descriptor: Descriptor): Promise<Uint8Array> => {
      throw new Error(`a staging writer has ${descriptor.digest} already`)
    }
    const publish = (roots: readonly Descriptor[], tags: readonly TagMove[]) => writer.publish({ roots, tags }, read)
    const move = (tag: string, to: Descriptor | undefined, expect?: Digest): TagMove => ({
      tag: tag as Tag,
      to,
      expect,
    })
    const sinkFor = async (blob: Descriptor): Promise<BlobSink> => {
      const sink = await writer.stageBlob(blob)
      if (sink === 'present') throw new Error(`${blob.digest} is present`)
      return sink
    }
    const stage = async () => {
      for (const { descriptor, bytes } of [config, layer, empty]) await putBlob(writer, descriptor, bytes)
      await writer.writeManifest(image)
      await writer.writeManifest(index)
    }

    test('shows nothing before publish, and the whole closure after it', async () => {
      await stage()
      const before = opened.reader()
      expect(await Array.fromAsync(before.listTags())).toEqual([])
      expect(await before.resolve({ digest: image.descriptor.digest })).toBeUndefined()
      expect(before.openBlob(layer.descriptor)).rejects.toThrow()
      expect(await publish([index.descriptor], [move('latest', index.descriptor)])).toEqual([
        { tag: 'latest' as Tag, result: 'moved' },
      ])
      const after = opened.reader()
      expect(await after.resolve({ tag: 'latest' as Tag })).toMatchObject(index.descriptor)
      expect(await after.resolve({ digest: image.descriptor.digest })).toMatchObject(image.descriptor)
      expect(await new Response((await after.openBlob(layer.descriptor)).stream).text()).toBe('the quick brown fox')
    })

    test('publishes nothing at all when part of the closure is missing', async () => {
      for (const { descriptor, bytes } of [config, layer]) await putBlob(writer, descriptor, bytes)
      await writer.writeManifest(image)
      await writer.writeManifest(index)
      const lacking = publish([index.descriptor], [move('latest', index.descriptor)])
      expect(lacking).rejects.toMatchObject({ code: 'MANIFEST_BLOB_UNKNOWN' })
      await lacking.catch(() => {})
      expect(await opened.reader().resolve({ digest: index.descriptor.digest })).toBeUndefined()
      expect(await Array.fromAsync(opened.reader().listTags())).toEqual([])
    })

    test('shows referrers with their root, and late ones by a publish without tags', async () => {
      await stage()
      await publish([index.descriptor], [move('latest', index.descriptor)])
      await writer.writeManifest(attestation)
      const listed = async () => {
        const list = await opened.reader().listReferrers(image.descriptor)
        return list === 'unchanged' ? [] : (await Array.fromAsync(list.items)).map(({ digest }) => digest)
      }
      expect(await listed()).toEqual([])
      expect(await publish([index.descriptor], [])).toEqual([])
      expect(await listed()).toEqual([attestation.descriptor.digest])
    })

    test('moves a tag only from where it is expected', async () => {
      await stage()
      await publish([index.descriptor, image.descriptor], [move('a', index.descriptor)])
      const results = async (moves: TagMove[]) => (await publish([], moves)).map(({ result, found }) => [result, found])
      expect(await results([move('a', image.descriptor)])).toEqual([['conflict', index.descriptor.digest]])
      expect(await results([move('a', image.descriptor, image.descriptor.digest)])).toEqual([
        ['conflict', index.descriptor.digest],
      ])
      expect(await results([move('a', index.descriptor)])).toEqual([['unchanged', index.descriptor.digest]])
      expect(await results([move('a', image.descriptor, index.descriptor.digest)])).toEqual([
        ['moved', index.descriptor.digest],
      ])
      expect(await opened.reader().resolve({ tag: 'a' as Tag })).toMatchObject(image.descriptor)
      expect(await results([move('b', image.descriptor, image.descriptor.digest)])).toEqual([['conflict', undefined]])
      expect(await results([move('a', undefined, image.descriptor.digest)])).toEqual([
        ['moved', image.descriptor.digest],
      ])
      expect(await Array.fromAsync(opened.reader().listTags())).toEqual([])
    })

    test('refuses bytes that are not the blob, and takes the right ones afterwards', async () => {
      const wrong = await sinkFor(layer.descriptor)
      await wrong.write(0, streamOf(encode('the quick brown cat')))
      expect(wrong.commit()).rejects.toMatchObject({ code: 'DIGEST_INVALID' })
      await wrong.close()
      const short = await sinkFor(layer.descriptor)
      await short.write(0, streamOf(encode('the')))
      expect(short.commit()).rejects.toMatchObject({ code: 'SIZE_INVALID' })
      await short.close()
      await putBlob(writer, layer.descriptor, layer.bytes)
      expect(await writer.stageBlob(layer.descriptor)).toBe('present')
    })

    test('keeps what a broken transfer brought and asks for the rest', async () => {
      const first = await sinkFor(layer.descriptor)
      expect(first.missing).toEqual([{ from: 0, to: layer.bytes.byteLength }])
      await first.write(0, streamOf(layer.bytes.subarray(0, 7)))
      await first.close()
      const second = await sinkFor(layer.descriptor)
      expect(second.missing).toEqual([{ from: 7, to: layer.bytes.byteLength }])
      await second.write(7, streamOf(layer.bytes.subarray(7)))
      await second.commit()
      await second.close()
      expect(await writer.stageBlob(layer.descriptor)).toBe('present')
    })

    test('starts over when the source gives the whole blob again', async () => {
      const first = await sinkFor(layer.descriptor)
      await first.write(0, streamOf(layer.bytes.subarray(0, 7)))
      await first.close()
      const second = await sinkFor(layer.descriptor)
      await second.write(0, streamOf(layer.bytes))
      await second.commit()
      await second.close()
      expect(await writer.stageBlob(layer.descriptor)).toBe('present')
    })

    test('takes sha512 content under its own digest', async () => {
      const strong = blobOf('strong', MediaType.ociLayerGzip, 'sha512')
      const manifest = manifestOf({ config: config.descriptor, layers: [strong.descriptor] }, 'sha512')
      for (const { descriptor, bytes } of [config, strong]) await putBlob(writer, descriptor, bytes)
      await writer.writeManifest(manifest)
      await publish([manifest.descriptor], [move('strong', manifest.descriptor)])
      expect(await opened.reader().resolve({ tag: 'strong' as Tag })).toMatchObject(manifest.descriptor)
      expect(await new Response((await opened.reader().openBlob(strong.descriptor)).stream).text()).toBe('strong')
    })

    test('refuses a manifest whose bytes are not those of its digest', async () => {
      const other = { descriptor: image.descriptor, bytes: encode(`${new TextDecoder().decode(image.bytes)} `) }
      expect(writer.writeManifest(other)).rejects.toMatchObject({ code: 'DIGEST_INVALID' })
    })
  })
}
