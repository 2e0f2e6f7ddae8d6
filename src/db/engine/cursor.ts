/** Where a page of a list ended, as a text: the last row's key itself, so that a page goes on though the row is gone. */
import { AppError } from '../../errors.ts'

/** A sort key that may repeat, and the id that tells equal ones apart. */
export type Cursor = readonly [key: string, id: string]

/** Names, times and ids have none. */
const SEPARATOR = '~'
const SHAPE = /^[a-zA-Z0-9:._-]{1,200}~[a-zA-Z0-9_-]{1,100}$/

export function formatCursor([key, id]: Cursor): string {
  return key + SEPARATOR + id
}

/** @throws AppError INVALID_REQUEST: a list never begins anew because its cursor is not one */
export function parseCursor(text: string): Cursor {
  const at = text.indexOf(SEPARATOR)
  if (SHAPE.test(text)) return [text.slice(0, at), text.slice(at + 1)]
  throw new AppError(
    'INVALID_REQUEST',
    `after: got ${JSON.stringify(text.slice(0, 80))}, want the \`next\` of the page before`,
  )
}
