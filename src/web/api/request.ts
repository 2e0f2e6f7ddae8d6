/** Calls of the management API, in the session of the browser. */
import type { ErrorAbout } from '../../errors.ts'

/** What the API refused, in its words; `status` 0: it could not be reached. */
export class ApiError extends Error {
  readonly code: string
  readonly status: number
  readonly detail: unknown
  readonly about: ErrorAbout | undefined
  constructor(code: string, status: number, message: string, detail: unknown = null, about?: ErrorAbout) {
    super(message)
    this.name = 'ApiError'
    this.code = code
    this.status = status
    this.detail = detail
    this.about = about
  }
}

export interface RequestOptions {
  readonly body?: unknown
  readonly query?: Readonly<Record<string, string | number | undefined>>
  readonly signal?: AbortSignal
}

const BASE = '/api/v1'

export function pathWith(path: string, query: RequestOptions['query'] = {}): string {
  const given = Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]]))
  return given.length === 0 ? `${BASE}${path}` : `${BASE}${path}?${new URLSearchParams(given)}`
}

/** @throws ApiError */
export async function request<T>(method: string, path: string, o: RequestOptions = {}): Promise<T> {
  const answer = await fetch(pathWith(path, o.query), {
    method,
    headers: { accept: 'application/json', ...(o.body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(o.body === undefined ? {} : { body: JSON.stringify(o.body) }),
    ...(o.signal === undefined ? {} : { signal: o.signal }),
  }).catch((error) => {
    if (o.signal?.aborted) throw error
    throw new ApiError('UNREACHABLE', 0, 'The server cannot be reached.')
  })
  if (answer.status === 204) return undefined as T
  const text = await answer.text()
  const document = parse(text)
  if (answer.ok) return document as T
  const { code = 'UNKNOWN', message = text, detail = null, about } = document?.error ?? {}
  throw new ApiError(code, answer.status, message, detail, about)
}

function parse(
  text: string,
): { error?: { code?: string; message?: string; detail?: unknown; about?: ErrorAbout } } | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** All pages of a list, up to `most` items. @throws ApiError */
export async function requestAll<T>(
  path: string,
  name: string,
  o: RequestOptions & { readonly most?: number } = {},
): Promise<{ readonly items: readonly T[]; readonly isWhole: boolean }> {
  const items: T[] = []
  let after: string | undefined
  do {
    const query = { ...o.query, limit: 1000, after }
    const page = await request<Record<string, unknown> & { next: string | null }>('GET', path, { ...o, query })
    items.push(...(page[name] as T[]))
    after = page.next ?? undefined
  } while (after !== undefined && items.length < (o.most ?? 20_000))
  return { items, isWhole: after === undefined }
}
