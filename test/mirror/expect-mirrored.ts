import { expect } from 'bun:test'
import type { Descriptor } from '../../src/oci/descriptor.ts'
import type { Digest } from '../../src/oci/digest.ts'
import type { RepositoryReader } from '../../src/oci/repository.ts'
import type { Layout } from '../support/fixtures.ts'
import { withoutFallbackTags } from '../support/layout-selection.ts'

/** Everything of the layout is served, byte by byte, and no tag or referrer more. */
export async function expectMirrored(reader: RepositoryReader, source: Layout): Promise<void> {
  const layout = withoutFallbackTags(source)
  const tags = new Map<string, string>()
  for await (const { tag, digest } of reader.listTags()) tags.set(tag, String(digest))
  expect(Object.fromEntries(tags)).toEqual(Object.fromEntries(layout.tags))

  for (const manifest of layout.manifests.values()) {
    const found = await reader.readManifest(describe(manifest.digest, manifest.mediaType, manifest.bytes.byteLength))
    expect([manifest.digest, found?.descriptor.mediaType]).toEqual([manifest.digest, manifest.mediaType])
    expect(found && Buffer.compare(found.bytes, manifest.bytes)).toBe(0)
  }
  for (const [digest, bytes] of layout.blobs) {
    const body = await reader.openBlob(describe(digest, 'application/octet-stream', bytes.byteLength))
    const got = new Uint8Array(await new Response(body.stream).arrayBuffer())
    expect([digest, Buffer.compare(got, bytes)]).toEqual([digest, 0])
  }
  for (const subject of new Set([...layout.manifests.keys(), ...layout.referrers.keys()])) {
    const list = await reader.listReferrers(describe(subject, 'application/octet-stream', 0))
    if (list === 'unchanged') throw new Error('nothing was known')
    const found: string[] = []
    for await (const item of list.items) found.push(item.digest)
    expect([subject, found.sort()]).toEqual([subject, [...(layout.referrers.get(subject) ?? [])].sort()])
  }
}

function describe(digest: string, mediaType: string, size: number): Descriptor {
  return { digest: digest as Digest, mediaType, size }
}
