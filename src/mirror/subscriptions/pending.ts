/** What people asked to be done to all mirrors of a subscription, as it is kept until it is done. */
import type { MirrorChange } from '../../api/mirror-settings.ts'

export interface Pending {
  readonly settings?: MirrorChange
  readonly stop?: true
  /** Who asked last, as events name them. */
  readonly by: string
  /** Done up to the mirror of this source. */
  readonly after: string
}

export function parsePending(text: string | null): Pending | undefined {
  return text === null ? undefined : (JSON.parse(text) as Pending)
}

/** One more thing to do, with what is still to be done: for all of the mirrors, from the first. */
export function morePending(before: string | null, more: Omit<Pending, 'after'>): string {
  const known = parsePending(before)
  const settings = { ...known?.settings, ...more.settings }
  const pending: Pending = {
    ...(Object.keys(settings).length === 0 ? {} : { settings }),
    ...(more.stop === true || known?.stop === true ? { stop: true } : {}),
    by: more.by,
    after: '',
  }
  return JSON.stringify(pending)
}

/** What is left after a batch whose last mirror is `last`; nothing when it was the last batch. */
export function restOf(pending: Pending, last: { readonly source_repository: string } | undefined): string | null {
  return last === undefined ? null : JSON.stringify({ ...pending, after: last.source_repository })
}
