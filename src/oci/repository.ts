/** The two ports of the mirror: everything that reads a repository, and everything that writes one (design section 4). */
import type { ErrorCode } from '../errors.ts'
import type { Descriptor } from './descriptor.ts'
import type { Digest } from './digest.ts'
import type { Reference, RepositoryName, Tag } from './reference.ts'

export interface Abortable {
  readonly signal?: AbortSignal
}

/** Raw bytes of a blob. `offset` and `length` say which range the source really gave; `totalBytes` the size of the whole blob. */
export interface BlobBody {
  readonly stream: ReadableStream<Uint8Array>
  readonly offset: number
  readonly length: number
  readonly totalBytes: number
}

export interface Manifest {
  readonly descriptor: Descriptor
  readonly bytes: Uint8Array
}

/** What is asked for is a digest; a size is somebody's word, checked where it is given. */
export type ManifestKey = Partial<Descriptor> & { readonly digest: Digest }

/** An entry of a list that cannot be had; what else the list says holds all the same. */
export interface LeftOut {
  /** Undefined when the entry names none that can be read. */
  readonly digest: Digest | undefined
  readonly code: ErrorCode
  readonly message: string
}

/**
 * `version` identifies the answer: the digest of the fallback index (from HEAD), or an ETag. `unchanged` when it equals
 * what the caller knew. `leftOut` is complete once the items were read to their end. `isByApi`: a referrers API has answered.
 */
export type ReferrerList =
  | 'unchanged'
  | {
      readonly version?: string
      readonly items: AsyncIterable<Descriptor>
      readonly leftOut?: readonly LeftOut[]
      readonly isByApi?: boolean
    }

/** Reads one repository. Lives for one pass and remembers the tag list that it saw. On doubt it throws, it never answers "empty". */
export interface RepositoryReader {
  listTags(o?: Abortable): AsyncIterable<{ readonly tag: Tag; readonly digest?: Digest }>
  /**
   * Type, digest and size of what a reference names, as the source says: type and size are hints, and so is the digest unless
   * `isRead` asks for the content itself. Undefined when it is absent (404).
   */
  resolve(reference: Reference, o?: Abortable & { readonly isRead?: boolean }): Promise<Descriptor | undefined>
  /** Exact bytes, verified against the digest (and the size that is given), size-limited; undefined when absent (404). */
  readManifest(of: ManifestKey, o?: Abortable): Promise<Manifest | undefined>
  openBlob(blob: Descriptor, o?: Abortable & { readonly offset?: number; readonly length?: number }): Promise<BlobBody>
  /**
   * @param o.known the version that the caller knows
   * @param o.listed a subject whose referrers this source has listed by an API before: that the API is gone is then a failure, and not a
   *   registry that never had one
   */
  listReferrers(
    subject: Descriptor,
    o?: Abortable & { readonly known?: string; readonly listed?: Digest },
  ): Promise<ReferrerList>
}

/** `from` inclusive, `to` exclusive, in bytes. */
export interface ByteRange {
  readonly from: number
  readonly to: number
}

/** Takes the bytes of one blob; `commit` verifies the digest and throws DIGEST_INVALID when it differs. */
export interface BlobSink extends AsyncDisposable {
  readonly missing: readonly ByteRange[]
  readonly order: 'any' | 'sequential'
  write(offset: number, body: ReadableStream<Uint8Array>, o?: Abortable): Promise<void>
  commit(o?: Abortable): Promise<void>
  /** Releases the sink; what was written stays for the next try. Safe after commit. */
  close(): Promise<void>
}

/** Compare and set: the tag moves only if it now points at `expect` (undefined: absent). `to` undefined removes it. */
export interface TagMove {
  readonly tag: Tag
  readonly to: Descriptor | undefined
  readonly expect: Digest | undefined
}

export interface TagOutcome {
  readonly tag: Tag
  readonly result: 'moved' | 'unchanged' | 'conflict' | 'excluded' | 'pinned' | 'refused' | 'unsupported'
  readonly found?: Digest
  readonly reason?: string
}

export interface RepositoryWriter {
  /** @param o.order `sequential`: what came in pieces is kept as far as it is whole from byte 0 on, and gone on with from there */
  stageBlob(
    blob: Descriptor,
    o?: Abortable & { readonly mountFrom?: readonly RepositoryName[]; readonly order?: 'sequential' },
  ): Promise<'present' | BlobSink>
  /** Local: staged, not served before `publish`. Remote: visible by digest at once, and kept in the fallback tag where there is no referrers API. */
  writeManifest(manifest: Manifest, o?: Abortable): Promise<void>
  /** Roots become visible with their closure even when `tags` is empty (late attestations). */
  publish(
    change: { readonly roots: readonly Descriptor[]; readonly tags: readonly TagMove[] },
    read: (descriptor: Descriptor) => Promise<Uint8Array>,
    o?: Abortable,
  ): Promise<readonly TagOutcome[]>
  /**
   * Takes referrers away that their source no longer lists; what somebody else needs stays.
   * @returns those that are gone
   */
  unlink(referrers: readonly Digest[], o?: Abortable): Promise<readonly Digest[]>
}

/** The catalog of a whole registry; absent where the registry has no `_catalog`. */
export interface RegistryReader {
  listRepositories(o?: Abortable): AsyncIterable<RepositoryName>
}
