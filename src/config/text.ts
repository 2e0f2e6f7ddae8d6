import { AppError } from '../errors.ts'
import type { Field } from './fields.ts'

/** A setting as it was found: its text and where that was (`KAGAMI_LISTEN`, `kagami.yaml:3: listen`). */
export interface Found {
  readonly text: string
  readonly where: string
}

/** @param shown what was got, as it may be shown: never a secret */
export function invalid(where: string, field: Pick<Field, 'want'>, shown: string): AppError {
  return new AppError('CONFIG_INVALID', `${where}: want ${field.want}, got ${shown}`)
}

/** The known word that `text` was probably meant to be: at most a third of it differs. */
export function nearest(text: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((word) => ({ word, distance: editDistance(text.toLowerCase(), word.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)
  const best = ranked[0]
  return best !== undefined && best.distance <= Math.max(2, best.word.length / 3) ? best.word : undefined
}

/** Levenshtein: the fewest insertions, removals and changes of one character. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, change))
    }
    row = next
  }
  return row[b.length] ?? 0
}

/** `; did you mean X?`, or nothing. */
export function suggestion(text: string, known: readonly string[]): string {
  const word = nearest(text, known)
  return word === undefined ? '' : `; did you mean ${word}?`
}
