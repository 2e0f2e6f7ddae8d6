/** What a walk has found: the graph below the tags, and what is missing from it. */
import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Origin } from './known.ts'
import type { Problem } from './problem.ts'
import type { SubjectList } from './subject-lists.ts'

/** One manifest and what it needs. */
export interface Node {
  readonly descriptor: Descriptor
  readonly origin: Origin
  readonly here: 'no' | 'staged' | 'published'
  /** True when it was met as an attestation, signature or other attachment, not as (part of) a tagged image. */
  readonly isAttached: boolean
  /** Undefined when it is here, or too much is held already. */
  bytes?: Uint8Array | undefined
  /** Config, layers, and index entries that turned out to be blobs. */
  readonly blobs: readonly Descriptor[]
  /** Those of `blobs` that are still to be asked for though the manifest is here: non-distributable layers that upstream may have now. */
  readonly lacks?: readonly Descriptor[]
  readonly children: readonly Digest[]
  /** Of an index that was read in this pass. */
  readonly platforms?: readonly string[] | undefined
  readonly subject: Digest | undefined
  referrers: readonly Digest[]
  /** An index of which the selection takes no entry. */
  readonly isEmptied?: true
}

/** What the selection leaves out, with the rule. */
export interface Unchosen {
  readonly parent: Digest
  readonly kind: 'platform' | 'referrer'
  readonly rule: string
}

export interface Walked {
  readonly nodes: ReadonlyMap<Digest, Node>
  /** Digests that cannot be had, or whose referrers could not be listed. */
  readonly problems: ReadonlyMap<Digest, Problem>
  /** Upstream answers 404 for them, though `parent` lists them. */
  readonly absent: ReadonlyMap<Digest, { readonly parents: ReadonlySet<Digest> }>
  readonly lists: readonly SubjectList[]
  /** Entries of indexes and referrers that the selection leaves out, each with the rule. */
  readonly unchosen: ReadonlyMap<Digest, Unchosen>
  /** What goes on though not all of its referrers could be listed or read, and why. */
  readonly without: ReadonlyMap<Digest, Problem>
  /** When the referrers of a manifest were last asked for, where this pass goes by what is known of them. */
  readonly spared: ReadonlyMap<Digest, string>
}
