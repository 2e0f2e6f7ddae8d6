/** The port of everything that is written to another registry: one repository of one target, opened for one pass. */
import type { Digest } from './digest.ts'
import type { Reference, RepositoryName } from './reference.ts'
import type { Abortable, RepositoryReader, RepositoryWriter } from './repository.ts'

/** What is known of what a target has, from passes of before; what is learned in this one goes back to it. */
export interface TargetMemory {
  /** Manifests that are in the repository with all that they name. */
  hasManifest(digest: Digest): boolean
  /** Blobs that are in the repository. */
  hasBlob(digest: Digest): boolean
  /** Repositories of the same target where the blob may be mounted from, the surest first. */
  mountsOf(blob: Digest): readonly RepositoryName[]
  noteBlob(digest: Digest): void
  /** A manifest was put, or found: what it names is committed with it. */
  noteManifest(digest: Digest, blobs: readonly Digest[]): void
  /** The target does not have what was remembered. */
  forget(digest: Digest): void
}

export interface TargetUsage {
  readonly requests: number
  /** Bodies of blobs and manifests, in bytes. */
  readonly sentBytes: number
  readonly mountsTried: number
  readonly mountsDone: number
}

/** Errors are TARGET_*, and ADDRESS_NOT_ALLOWED, with host, repository and reference in the message. */
export interface TargetRepository {
  readonly reader: RepositoryReader
  /** Its sinks take bytes in a row; `publish` moves tags last, reads them back, and says `refused` where the target lets nobody move one. */
  readonly writer: RepositoryWriter
  /** What `reference` names there, by HEAD; undefined: absent, or no repository. */
  head(reference: Reference, o?: Abortable): Promise<Digest | undefined>
  /** Whether everybody may read it, by the registry's own API and a question without a login. */
  findVisibility(o?: Abortable): Promise<'private' | 'public' | 'unknown'>
  /** Makes the repository, private, where the registry wants it made first. @throws AppError TARGET_NOT_FOUND where only people can (a project) */
  prepare(o?: Abortable): Promise<void>
  /** Finds out which of these blobs are there in fewer requests than one each, and notes them; absent where a registry has no such question. */
  noteBlobs?(blobs: readonly Digest[], o?: Abortable): Promise<void>
  usage(): TargetUsage
}
