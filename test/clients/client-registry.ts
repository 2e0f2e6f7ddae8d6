// A registry for real clients: an image that anybody may pull, one that only acme may, and people with every kind of right.
import { expect } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { digestOf } from '../support/fixtures.ts'
import { type Image, ociRequests } from '../support/oci-requests.ts'
import { type CountingProxy, countingProxy } from '../support/proxy.ts'
import { expectStatus, type RegistryClient, registryClient } from '../support/registry-client.ts'
import type { Credentials } from '../support/registry-session.ts'
import { OWNER, startServer, type TestServer } from '../support/server.ts'
import { pushUnpackableImage } from './unpackable-image.ts'

export const PUBLIC = 'acme/public'
export const PRIVATE = 'acme/private'

export interface ClientRegistry {
  readonly server: TestServer
  /** `127.0.0.1:PORT`, for image references. */
  readonly host: string
  /** The same registry behind a proxy that keeps every request. */
  readonly traced: CountingProxy
  /** An owner of acme, the organization of every repository here. */
  readonly owner: Credentials
  /** A user of no organization. */
  readonly stranger: Credentials
  /** The image under `v1` of both repositories; clients can unpack it. */
  readonly image: Image
  /** What an independent client of the owner sees. */
  readBack(repository: string): RegistryClient
  stop(): Promise<void>
}

export async function startClientRegistry(): Promise<ClientRegistry> {
  const server = await startServer()
  const traced = await countingProxy(server.url)
  const requests = ociRequests(server.url, PRIVATE, OWNER)
  const image = await pushUnpackableImage(requests, 'v1')
  await pushUnpackableImage(requests.in(PUBLIC), 'v1')
  await server.setRepository(PUBLIC, { visibility: 'public' })
  return {
    server,
    host: server.host,
    traced,
    owner: OWNER,
    stranger: await server.addUser('stranger'),
    image,
    readBack: (repository) => registryClient(server.url, repository, { credentials: OWNER }),
    async stop() {
      await traced.stop()
      await server.stop()
    },
  }
}

interface ParsedManifest {
  readonly mediaType?: string
  readonly config?: { readonly digest: string; readonly mediaType: string }
  readonly layers?: readonly { readonly digest: string; readonly mediaType: string; readonly size: number }[]
  readonly manifests?: readonly { readonly digest: string; readonly platform?: { readonly architecture: string } }[]
}

export interface ServedManifest extends ParsedManifest {
  readonly digest: string
  readonly contentType: string
}

/**
 * Fetches a manifest and everything below it, each held against its digest; expects all of it to be there.
 * @returns the manifest, its digest computed from the bytes
 */
export async function expectWhole(client: RegistryClient, reference: string): Promise<ServedManifest> {
  const answer = expectStatus(await client.getManifest(reference), `${client.repository} ${reference}`, 200)
  const digest = digestOf(answer.bytes)
  expect(answer.headers.get('docker-content-digest')).toBe(digest)
  const manifest: ParsedManifest = JSON.parse(new TextDecoder().decode(answer.bytes))
  for (const { digest: child } of manifest.manifests ?? []) {
    expect((await expectWhole(client, child)).digest).toBe(child)
  }
  for (const blob of [...(manifest.config ? [manifest.config] : []), ...(manifest.layers ?? [])]) {
    const got = expectStatus(await client.getBlob(blob.digest), `${client.repository} ${blob.digest}`, 200)
    expect(digestOf(got.bytes)).toBe(blob.digest)
  }
  return { ...manifest, digest, contentType: answer.headers.get('content-type') ?? '' }
}

/** Digest of the only manifest in an image layout on disk. */
export function layoutDigest(layout: string, tag = 'v1'): string {
  const { manifests } = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8')) as {
    manifests: { digest: string; annotations?: Record<string, string> }[]
  }
  const found = manifests.find((entry) => entry.annotations?.['org.opencontainers.image.ref.name'] === tag)
  if (found === undefined) throw new Error(`layout ${layout} has no tag ${tag}`)
  return found.digest
}
