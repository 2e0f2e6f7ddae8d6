/** What a pass reads with: the registries of one mirror, and what it knows before it asks them. */

import type { Selection } from '../../api/selection.ts'
import type { Limiter } from '../../lib/concurrency.ts'
import type { Held } from '../../lib/held.ts'
import type { Tag } from '../../oci/reference.ts'
import type { Abortable, RepositoryReader } from '../../oci/repository.ts'
import type { Begin } from './current.ts'
import type { Known } from './known.ts'
import type { Learner } from './learn.ts'
import type { Policy } from './policy.ts'

export interface Readers {
  readonly image: RepositoryReader
  /** Where attestations and signatures are, when they are elsewhere. */
  readonly referrers?: RepositoryReader | undefined
}

export interface WalkOptions extends Abortable {
  readonly readers: Readers
  readonly known: Known
  /** How many requests may be under way. */
  readonly limiter: Limiter
  readonly isFull: boolean
  /** Looks at these image tags and what hangs on them only; undefined: at all. */
  readonly only?: ReadonlySet<Tag> | undefined
  readonly now: Date
  readonly policy: Policy
  /** When the next pass is expected, from now. */
  readonly nextPassMs: number
  /** Subjects whose fallback tag is in a tag list: `<alg>-<hex>` tags (distribution-spec "Referrers Tag Schema"). */
  readonly fallbackTags: ReadonlySet<string>
  /** What the mirror takes; undefined: everything. */
  readonly selection?: Selection | undefined
  readonly learner: Learner
  /** Bytes of manifests that may be kept until they are copied. */
  readonly held: Held
  /** Takes down what is under way; undefined: nobody watches. */
  readonly begin?: Begin | undefined
}
