// Pushes: one large blob as one PUT, and many small ones.
import { createHash } from 'node:crypto'
import { closeSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { eachLimited } from '../support/limit.ts'
import { temporaryDirectory } from '../support/process.ts'
import { registryClient } from '../support/registry-client.ts'
import type { Peer } from './peers.ts'
import { ratioText, short, table } from './ratios.ts'
import { noise } from './workload.ts'

export interface PushSize {
  readonly pushMiB: number
  readonly smallBlobs: number
  readonly pushRounds: number
  readonly say: (line: string) => void
}

const PIECE_BYTES = 16 * 1024 * 1024

interface LargeFile {
  readonly path: string
  readonly digest: string
  readonly sizeBytes: number
}

/** A file that differs in every round: a registry may be fast with what it has already. */
function writeLargeFile(path: string, sizeBytes: number, seed: string): LargeFile {
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

/** POST, then one PUT of the whole; the registry has checked the digest when it answers. @returns seconds */
async function pushLarge(peer: Peer, repository: string, { path, digest, sizeBytes }: LargeFile): Promise<number> {
  const client = registryClient(peer.url, repository, { credentials: peer.credentials })
  const begun = performance.now()
  const post = await client.send('blobs/uploads/', { method: 'POST' })
  if (post.status !== 202) throw new Error(`${peer.name}: POST answered ${post.status}`)
  const location = new URL(post.headers.get('location') ?? '', peer.url)
  location.searchParams.set('digest', digest)
  const authorization = peer.credentials && {
    authorization: `Basic ${Buffer.from(`${peer.credentials.username}:${peer.credentials.password}`).toString('base64')}`,
  }
  // A body this large must be sent only once, so its credentials go with it, unasked.
  const put = await fetch(location, { method: 'PUT', body: Bun.file(path), headers: { ...authorization } })
  const seconds = (performance.now() - begun) / 1000
  if (put.status !== 201) throw new Error(`${peer.name}: PUT answered ${put.status}: ${await put.text()}`)
  const head = await client.headBlob(digest)
  if (head.headers.get('content-length') !== String(sizeBytes)) {
    throw new Error(`${peer.name}: want a blob of ${sizeBytes} bytes, got ${head.headers.get('content-length')}`)
  }
  return seconds
}

/** As clients push layers, eight at a time. @returns seconds */
async function pushSmall(peer: Peer, repository: string, blobs: ReadonlyMap<string, Uint8Array>): Promise<number> {
  const client = registryClient(peer.url, repository, { credentials: peer.credentials })
  const begun = performance.now()
  await eachLimited(blobs, 8, ([digest, bytes]) => client.pushBlob(digest, bytes))
  return (performance.now() - begun) / 1000
}

function smallBlobs(count: number, seed: string): Map<string, Uint8Array> {
  const blobs = new Map<string, Uint8Array>()
  for (let n = 0; n < count; n++) {
    const bytes = noise(`${seed} ${n}`, 10 * 1024)
    blobs.set(`sha256:${createHash('sha256').update(bytes).digest('hex')}`, bytes)
  }
  return blobs
}

/** Seconds of each kind of push, as Markdown. */
export async function measurePushes(peers: readonly Peer[], size: PushSize): Promise<string> {
  const large = new Map<string, number[]>(peers.map(({ name }) => [name, []]))
  const small = new Map<string, number[]>(peers.map(({ name }) => [name, []]))
  using directory = temporaryDirectory('bench-push')
  for (let round = 0; round < size.pushRounds; round++) {
    const file = writeLargeFile(join(directory.path, 'large'), size.pushMiB * 1024 * 1024, `large ${round}`)
    const blobs = smallBlobs(size.smallBlobs, `small ${round}`)
    for (const peer of peers) {
      const one = await pushLarge(peer, `acme/large-${round}`, file)
      const many = await pushSmall(peer, `acme/small-${round}`, blobs)
      large.get(peer.name)?.push(one)
      small.get(peer.name)?.push(many)
      size.say(`  ${peer.name}: ${size.pushMiB} MiB in ${short(one)} s, ${size.smallBlobs} blobs in ${short(many)} s`)
    }
  }
  const others = peers.slice(1).map(({ name }) => name)
  const row = (title: string, times: ReadonlyMap<string, number[]>) => [
    title,
    ...others.map((name) => ratioText(times.get('Kagami') ?? [], times.get(name) ?? [])),
  ]
  return table(
    ['Push, time', ...others.map((name) => `÷ ${name}`)],
    [row(`${size.pushMiB} MiB as one PUT`, large), row(`${size.smallBlobs} blobs of 10 KiB, 8 at a time`, small)],
  )
}
