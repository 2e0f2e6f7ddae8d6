import { cutPage, type Page } from '../../lib/weighed-page.ts'

/**
 * A page of a list: one row more than asked for was read, to know whether there is a next page. Rows that may be heavy are read
 * by `readPage` instead.
 */
export function pageOf<T>(rows: readonly T[], limit: number, keyOf: (row: T) => string): Page<T> {
  return cutPage(rows, limit, keyOf)
}
