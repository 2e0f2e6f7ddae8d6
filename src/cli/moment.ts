import { findDuration } from '../lib/duration.ts'

/** A length of time is one ago; everything else the server judges. */
export function momentOf(text: string | undefined): string | undefined {
  const ms = text === undefined ? undefined : findDuration(text)
  return ms === undefined ? text : new Date(Date.now() - ms).toISOString()
}
