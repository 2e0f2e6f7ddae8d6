// Reads the shared fixtures: OCI image layouts with a `contents.json` beside them, the answer key of what a layout holds.

import { describe, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

export interface LayoutManifest {
  readonly digest: string
  /** The type to push it with and to be served with. */
  readonly mediaType: string
  readonly bytes: Uint8Array
  /** As a referrers list shows it: the manifest's own, else `config.mediaType`; undefined for an index without one. */
  readonly artifactType: string | undefined
  readonly annotations: Readonly<Record<string, unknown>> | undefined
  readonly subject: string | undefined
  readonly tags: readonly string[]
  /** Entries of an index in its order; they may be absent (sparse), or blobs (BuildKit cache). Empty for an image manifest. */
  readonly children: readonly string[]
  /** Config and layers in order, duplicates removed. Empty for an index. */
  readonly blobs: readonly string[]
  readonly predicateType: string | undefined
  readonly note: string | undefined
}

export interface Layout {
  readonly name: string
  readonly directory: string
  /** tag → digest, fallback tags (`sha256-<hex>`) included. */
  readonly tags: ReadonlyMap<string, string>
  readonly manifests: ReadonlyMap<string, LayoutManifest>
  readonly blobs: ReadonlyMap<string, Uint8Array>
  /** subject digest → digests of the manifests that name it; the subject itself may be absent. */
  readonly referrers: ReadonlyMap<string, readonly string[]>
  /** digest → why nobody can have it. */
  readonly referencedButAbsent: ReadonlyMap<string, string>
}

interface Contents {
  name: string
  tags: Record<string, string>
  manifests: {
    digest: string
    mediaType: string
    size: number
    artifactType?: string
    subject?: string
    tags?: string[]
    manifests?: string[]
    blobs?: string[]
    predicateType?: string
    note?: string
  }[]
  blobs: { digest: string; size: number }[]
  referencedButAbsent: { digest: string; why: string }[]
}

interface ParsedManifest {
  artifactType?: string
  annotations?: Record<string, unknown>
  subject?: { digest: string }
  config?: { mediaType?: string; digest: string }
  layers?: { digest: string }[]
  /** Only in the withdrawn OCI artifact manifest. */
  blobs?: { digest: string }[]
  manifests?: { digest: string }[]
}

const repositoryRoot = resolve(import.meta.dir, '../..')

/** Where the shared folder is; `KAGAMI_TEST_SHARED` overrides the folder beside the repository. */
export const sharedDirectory: string = resolve(process.env.KAGAMI_TEST_SHARED ?? join(repositoryRoot, '../shared'))

export const haveFixtures: boolean = existsSync(join(sharedDirectory, 'fixtures'))

/** Path of a file or folder of the fixtures. */
export function fixturePath(...parts: string[]): string {
  return join(sharedDirectory, 'fixtures', ...parts)
}

/** A `describe` that needs the shared fixtures; where they are absent it is one skipped test and a loud line. */
export function describeWithFixtures(name: string, body: () => void): void {
  if (haveFixtures) {
    describe(name, body)
    return
  }
  console.warn(`\n*** SKIPPED, NO SHARED FIXTURES: "${name}" needs ${fixturePath()} (KAGAMI_TEST_SHARED overrides)\n`)
  describe(name, () => {
    test.skip('needs the shared fixtures', () => {})
  })
}

/** A `test` that needs them, in the same way. */
export function testWithFixtures(name: string, body: () => Promise<void>): void {
  describeWithFixtures('with the shared fixtures', () => {
    test(name, body)
  })
}

/** `sha256:…` or `sha512:…` of the bytes. */
export function digestOf(bytes: Uint8Array, algorithm = 'sha256'): string {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`
}

export function algorithmOf(digest: string): string {
  return digest.slice(0, digest.indexOf(':'))
}

/** The tag of the referrers tag schema (Distribution 1.1): algorithm cut at 32, encoded part at 64 characters. */
export function fallbackTagOf(subject: string): string {
  const colon = subject.indexOf(':')
  return `${subject.slice(0, colon).slice(0, 32)}-${subject.slice(colon + 1).slice(0, 64)}`.replace(/[^\w.-]/g, '-')
}

/** Whether a tag is one of the referrers tag schema, as opposed to cosign's `sha256-<hex>.sig`. */
export function isFallbackTag(tag: string): boolean {
  return /^(sha256|sha512)-[0-9a-f]{64}$/.test(tag)
}

function readVerified(directory: string, digest: string, size: number): Uint8Array {
  const [algorithm = '', encoded = ''] = digest.split(':')
  const bytes = readFileSync(join(directory, 'blobs', algorithm, encoded))
  const got = digestOf(bytes, algorithm)
  if (got !== digest || bytes.length !== size) {
    throw new Error(`layout ${directory}: want ${digest} of ${size} bytes, got ${got} of ${bytes.length} bytes`)
  }
  return bytes
}

function readManifest(directory: string, entry: Contents['manifests'][number]): LayoutManifest {
  const bytes = readVerified(directory, entry.digest, entry.size)
  const parsed: ParsedManifest = JSON.parse(new TextDecoder().decode(bytes))
  if (parsed.subject?.digest !== entry.subject) {
    throw new Error(
      `layout ${directory}: contents.json says subject ${entry.subject} of ${entry.digest}, its bytes say ${parsed.subject?.digest}`,
    )
  }
  const content = [...(parsed.config ? [parsed.config] : []), ...(parsed.layers ?? []), ...(parsed.blobs ?? [])]
  return {
    digest: entry.digest,
    mediaType: entry.mediaType,
    bytes,
    artifactType: parsed.artifactType || parsed.config?.mediaType,
    annotations: parsed.annotations,
    subject: entry.subject,
    tags: entry.tags ?? [],
    children: (parsed.manifests ?? []).map((child) => child.digest),
    blobs: [...new Set(content.map((descriptor) => descriptor.digest))],
    predicateType: entry.predicateType,
    note: entry.note,
  }
}

/** Puts the parts of a layout together; the referrers follow from the manifests. */
export function makeLayout(parts: Omit<Layout, 'referrers'>): Layout {
  const referrers = new Map<string, string[]>()
  for (const manifest of parts.manifests.values()) {
    if (manifest.subject === undefined) continue
    const list = referrers.get(manifest.subject)
    if (list) list.push(manifest.digest)
    else referrers.set(manifest.subject, [manifest.digest])
  }
  return { ...parts, referrers }
}

/**
 * Reads one layout folder and holds every byte against its digest and `contents.json`.
 * @throws Error when a file is missing or the layout contradicts its answer key
 */
export function readLayout(directory: string): Layout {
  const contents: Contents = JSON.parse(readFileSync(join(directory, 'contents.json'), 'utf8'))
  return makeLayout({
    name: contents.name,
    directory,
    tags: new Map(Object.entries(contents.tags)),
    manifests: new Map(contents.manifests.map((entry) => [entry.digest, readManifest(directory, entry)])),
    blobs: new Map(contents.blobs.map((blob) => [blob.digest, readVerified(directory, blob.digest, blob.size)])),
    referencedButAbsent: new Map(contents.referencedButAbsent.map((absent) => [absent.digest, absent.why])),
  })
}

/** Reads a layout of the shared fixtures: `fixtureLayout('dhi-python/release-1')`. */
export function fixtureLayout(name: string): Layout {
  return readLayout(fixturePath(name))
}
