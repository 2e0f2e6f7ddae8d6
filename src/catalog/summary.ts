/** What definitions say of an entry, as it is kept (JSON). Whoever reads it back has written it. */
import type { Compliance } from '../api/catalog.ts'

/** What lists show. */
export interface Summary {
  readonly title: string | null
  readonly description: string | null
  readonly kind: 'image' | 'chart'
  readonly categories: readonly string[]
  readonly distributions: readonly string[]
  readonly compliance: readonly Compliance[]
  readonly endOfSupport: string | null
  readonly endOfLife: string | null
  readonly released: string | null
  readonly words: string
}

export interface Variant {
  readonly name: string
  readonly definition: string | null
  readonly variant: string | null
  readonly flavor: string | null
  readonly distribution: string | null
  readonly tags: readonly string[]
  readonly platforms: readonly string[]
  readonly compliance: readonly Compliance[]
  readonly packageManager: string | null
  readonly shell: string | null
  readonly user: string | null
  readonly released: string | null
  readonly endOfSupport: string | null
  readonly endOfLife: string | null
  readonly entitlement: string | null
}

/** What the entry's own page shows besides. */
export interface Detail {
  readonly description: string | null
  readonly overview: string | null
  readonly guides: string | null
  readonly homeUrl: string | null
  readonly tools: readonly { readonly name: string; readonly description: string }[]
  readonly alternatives: readonly string[]
  readonly variants: readonly Variant[]
}

/** What one image of the entry says of itself, by annotations and labels. */
export interface Facts {
  readonly title: string | null
  readonly description: string | null
  readonly kind: 'image' | 'chart'
  readonly homeUrl: string | null
  /** Day of its build. */
  readonly created: string | null
  readonly variant: Variant
}
