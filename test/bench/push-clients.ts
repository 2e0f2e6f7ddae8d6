// How clients push: one large blob as one PUT or in pieces, and many small ones, alone or as images.
import { createHash } from 'node:crypto'
import { closeSync, openSync, writeSync } from 'node:fs'
import { eachLimited } from '../support/limit.ts'
import { expectStatus, registryClient } from '../support/registry-client.ts'
import { basic } from './api-client.ts'
import type { Peer } from './peers.ts'
import { noise, OCI_CONFIG, OCI_LAYER, OCI_MANIFEST } from './workload.ts'

const PIECE_BYTES = 16 * 1024 * 1024
const SMALL_BYTES = 10 * 1024

export interface LargeFile {
  readonly path: string
  readonly digest: string
  readonly sizeBytes: number
}

const digestOf = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`
const text = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))

/** A file that differs in every round: a registry may be fast with what it has already. */
export function writeLargeFile(path: string, sizeBytes: number, seed: string): LargeFile {
  const hash = createHash('sha256')
  const file = openSync(path, 'w')
  for (let at = 0; at < sizeBytes; at += PIECE_BYTES) {
    const piece = noise(`${seed} ${at}`, Math.min(PIECE_BYTES, sizeBytes - at))
    hash.update(piece)
    writeSync(file, piece)
  }
  closeSync(file)
  return { path, digest: `sha256:${hash.digest('hex')}`, sizeBytes }
}

/** A body this large must be sent only once, so its credentials go with it, unasked. */
async function sendPart(
  peer: Peer,
  location: URL,
  method: string,
  body: Blob | Uint8Array<ArrayBuffer> | null,
  headers = {},
) {
  const authorization = peer.credentials && { authorization: basic(peer.credentials) }
  const answer = await fetch(location, { method, body, headers: { ...authorization, ...headers } })
  if (!answer.ok) throw new Error(`${peer.name}: ${method} answered ${answer.status}: ${await answer.text()}`)
  await answer.arrayBuffer()
  return answer
}

/** @param send brings the bytes to the upload's address and ends the upload @returns seconds until the registry has checked the digest */
async function pushLarge(
  peer: Peer,
  repository: string,
  { digest, sizeBytes }: LargeFile,
  send: (location: URL) => Promise<void>,
): Promise<number> {
  const client = registryClient(peer.url, repository, { credentials: peer.credentials })
  const begun = performance.now()
  const post = expectStatus(await client.send('blobs/uploads/', { method: 'POST' }), `${peer.name}: POST`, 202)
  await send(new URL(post.headers.get('location') ?? '', peer.url))
  const seconds = (performance.now() - begun) / 1000
  const length = (await client.headBlob(digest)).headers.get('content-length')
  if (length !== String(sizeBytes)) throw new Error(`${peer.name}: want a blob of ${sizeBytes} bytes, got ${length}`)
  return seconds
}

/** POST, then one PUT of the whole. @returns seconds */
export function pushWhole(peer: Peer, repository: string, file: LargeFile): Promise<number> {
  return pushLarge(peer, repository, file, async (location) => {
    location.searchParams.set('digest', file.digest)
    await sendPart(peer, location, 'PUT', Bun.file(file.path))
  })
}

/** POST, a PATCH for every 16 MiB, an empty PUT. @returns seconds */
export function pushChunked(peer: Peer, repository: string, file: LargeFile): Promise<number> {
  return pushLarge(peer, repository, file, async (first) => {
    let location = first
    for (let at = 0; at < file.sizeBytes; at += PIECE_BYTES) {
      const bytes = await Bun.file(file.path)
        .slice(at, Math.min(file.sizeBytes, at + PIECE_BYTES))
        .bytes()
      const headers = { 'content-type': 'application/octet-stream', 'content-range': `${at}-${at + bytes.length - 1}` }
      const patched = await sendPart(peer, location, 'PATCH', bytes, headers)
      location = new URL(patched.headers.get('location') ?? '', peer.url)
    }
    location.searchParams.set('digest', file.digest)
    await sendPart(peer, location, 'PUT', null)
  })
}

export function smallBlobs(count: number, seed: string): Map<string, Uint8Array> {
  const blobs = Array.from({ length: count }, (_, n) => noise(`${seed} ${n}`, SMALL_BYTES))
  return new Map(blobs.map((bytes) => [digestOf(bytes), bytes]))
}

/** As clients push layers, eight at a time. @returns seconds */
export async function pushSmall(
  peer: Peer,
  repository: string,
  blobs: ReadonlyMap<string, Uint8Array>,
): Promise<number> {
  const client = registryClient(peer.url, repository, { credentials: peer.credentials })
  const begun = performance.now()
  await eachLimited(blobs, 8, ([digest, bytes]) => client.pushBlob(digest, bytes))
  return (performance.now() - begun) / 1000
}

export interface SmallImage {
  readonly tag: string
  readonly blobs: readonly (readonly [digest: string, bytes: Uint8Array])[]
  readonly manifest: Uint8Array
}

/** A config and one layer of 10 KiB of its own under one manifest. */
export function smallImage(seed: string, n: number): SmallImage {
  const config = text({ architecture: 'amd64', os: 'linux', config: { Labels: { seed, n: String(n) } } })
  const layer = noise(`${seed} image ${n}`, SMALL_BYTES)
  const described = (mediaType: string, bytes: Uint8Array) => ({
    mediaType,
    digest: digestOf(bytes),
    size: bytes.length,
  })
  const [head, only] = [described(OCI_CONFIG, config), described(OCI_LAYER, layer)]
  return {
    tag: `t${n}`,
    blobs: [
      [head.digest, config],
      [only.digest, layer],
    ],
    manifest: text({ schemaVersion: 2, mediaType: OCI_MANIFEST, config: head, layers: [only] }),
  }
}

/** What pushes images to one repository, blobs before their manifest, with one session for all of them. */
export function imagePusher(peer: Peer, repository: string): (image: SmallImage) => Promise<void> {
  const client = registryClient(peer.url, repository, { credentials: peer.credentials })
  return async ({ tag, blobs, manifest }) => {
    for (const [digest, bytes] of blobs) await client.pushBlob(digest, bytes)
    expectStatus(await client.putManifest(tag, manifest, OCI_MANIFEST), `${peer.name}: PUT ${tag}`, 201)
  }
}

/** Eight clients. @returns seconds */
export async function pushImages(peer: Peer, repository: string, images: readonly SmallImage[]): Promise<number> {
  const push = imagePusher(peer, repository)
  const begun = performance.now()
  await eachLimited(images, 8, push)
  return (performance.now() - begun) / 1000
}
