/** Paged lists of distribution-spec: `n`, `last` and a relative `Link` to the next page. */
import { AppError } from '../../errors.ts'

export const MAX_PAGE_ITEMS = 1000

export interface PageRequest {
  readonly limit: number
  /** Exclusive; works without `n` too. */
  readonly after: string | undefined
}

/** A large `n` is cut, the rest follows by `Link`. @throws AppError PAGINATION_NUMBER_INVALID */
export function parsePage(query: URLSearchParams): PageRequest {
  const n = query.get('n')
  if (n !== null && !/^\d{1,15}$/.test(n)) {
    throw new AppError('PAGINATION_NUMBER_INVALID', `n is ${JSON.stringify(n.slice(0, 40))}, want a number, 0 or more`)
  }
  const last = query.get('last')
  // PostgreSQL's text cannot hold it, and no name does.
  if (last?.includes('\0')) {
    throw new AppError('PAGINATION_NUMBER_INVALID', 'last holds a zero byte, want the last name of the page before')
  }
  return {
    limit: n === null ? MAX_PAGE_ITEMS : Math.min(Number(n), MAX_PAGE_ITEMS),
    after: last === null || last === '' ? undefined : last,
  }
}

/** `Link` to the page after `last`: path-absolute, so that no client thinks it leaves the registry. */
export function linkToNext(path: string, parameters: Readonly<Record<string, string>>): Record<string, string> {
  return { Link: `<${path}?${new URLSearchParams(parameters)}>; rel="next"` }
}
