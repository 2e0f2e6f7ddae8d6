/** How long content waits before it goes (docs/decisions/0068). */
const HOUR_MS = 60 * 60 * 1000

/** Unreferenced content that somebody touched lives at least this long. */
export const GRACE_TIME_MS = 24 * HOUR_MS

/** Staged content of a mirror that goes on: its next runs build on it. */
export const STAGED_MS = 7 * 24 * HOUR_MS

/** Keys of objects in neither table, and downloads that nobody goes on with. */
export const ORPHAN_MS = 24 * HOUR_MS

/** What a client was told is there stays at least this long: from being doomed to going, and from leaving the tables to leaving the storage. */
export const quarterOf = (graceMs: number): number => graceMs / 4

/** What of superseded content is kept, beside what something holds. */
export interface Keep {
  /** The manifests that were superseded last. */
  readonly newest: number
  /** Since it was superseded. */
  readonly days: number
  readonly daysAfterPull: number
}

/** What the server's settings say. */
export interface KeepSettings {
  readonly graceMs: number
  readonly mirrored: Keep
  readonly pushed: Keep
}

/** Pushed content: the grace time only. */
export const DEFAULT_KEEP: KeepSettings = {
  graceMs: GRACE_TIME_MS,
  mirrored: { newest: 0, days: 180, daysAfterPull: 90 },
  pushed: { newest: 0, days: 0, daysAfterPull: 0 },
}

/** Runs do not touch again what was linked or touched so shortly before. */
export const FRESH_MS = HOUR_MS

/** Who holds it collects. */
export const COLLECTION_LEASE = 'collection'
