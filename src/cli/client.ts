/** Talks to the management API of one server. Errors of the server come out as the AppError that it sent. */
import { errorSchema } from '../api/errors.ts'
import { MAX_LIMIT } from '../api/lists.ts'
import type { z } from '../api/schema.ts'
import { AppError, type ErrorCode } from '../errors.ts'
import { explainFailure } from '../net/connection-failure.ts'

export interface Request {
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>
  readonly body?: unknown
  /** Sent in place of a body of JSON, as the endpoints of OAuth want it. */
  readonly form?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

export interface ApiClient {
  readonly server: string
  /** @throws AppError as the server sent it; UNAVAILABLE when it cannot be reached; INTERNAL when its answer has another shape */
  call<T>(method: string, path: string, schema: z.ZodType<T>, request?: Request): Promise<T>
  /** The same for an answer without a body. */
  send(method: string, path: string, request?: Request): Promise<void>
  /** All pages of a list, as one. */
  listAll<T>(path: string, nouns: string, item: z.ZodType<T>, query?: Request['query']): Promise<T[]>
  /** An answer of JSON lines, one value each, as they arrive. @param o.onHead called with its headers before all of them */
  stream<T>(
    path: string,
    item: z.ZodType<T>,
    o?: Request & { readonly onHead?: (headers: Headers) => void },
  ): AsyncGenerator<T>
}

/** A part of a path, whatever it holds. */
export function segment(text: string): string {
  return encodeURIComponent(text)
}

/** `organization/rest` as two parts of a path. @param name at least one `/` */
export function repositoryPath(name: string): string {
  const slash = name.indexOf('/')
  return `${segment(name.slice(0, slash))}/${segment(name.slice(slash + 1))}`
}

/** @param authorization the value of the header; undefined: anonymous */
export function createApiClient(server: string, authorization: string | undefined): ApiClient {
  const base = `${server.replace(/\/+$/, '')}/api/v1`

  const request = async (
    method: string,
    path: string,
    { query, body, form, signal }: Request = {},
  ): Promise<Response> => {
    const url = new URL(base + path)
    for (const [name, value] of Object.entries(query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value))
    }
    let response: Response
    try {
      response = await fetch(url, {
        method,
        redirect: 'manual',
        headers: {
          accept: 'application/json',
          ...(authorization === undefined ? {} : { authorization }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(form === undefined ? {} : { body: new URLSearchParams(form) }),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(signal === undefined ? {} : { signal }),
      })
    } catch (error) {
      if (signal?.aborted) throw new AppError('CANCELLED', 'the request was cancelled', { cause: error })
      throw new AppError(
        'UNAVAILABLE',
        `cannot reach ${server}: ${explainFailure(error, url).phrase}; is it running?`,
        {
          cause: error,
        },
      )
    }
    if (!response.ok) throw await errorOf(server, response)
    return response
  }

  /** The body as it arrives; one that breaks off is told as what it means to people. */
  async function* chunksOf(response: Response, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of response.body ?? []) yield chunk
    } catch (error) {
      if (signal?.aborted) throw new AppError('CANCELLED', 'the request was cancelled', { cause: error })
      throw new AppError('UNAVAILABLE', `${server} ended the connection before its answer was complete`, {
        cause: error,
      })
    }
  }

  /** Undefined for what is not JSON. */
  async function jsonOf(response: Response, signal?: AbortSignal): Promise<unknown> {
    const chunks = await Array.fromAsync(chunksOf(response, signal))
    try {
      return JSON.parse(Buffer.concat(chunks).toString())
    } catch {
      return undefined
    }
  }

  const client: ApiClient = {
    server,
    async call(method, path, schema, options) {
      const response = await request(method, path, options)
      return read(server, schema, await jsonOf(response, options?.signal))
    },
    async send(method, path, options) {
      await request(method, path, options).then((response) => response.body?.cancel())
    },
    async listAll(path, nouns, item, query) {
      const all = []
      let after: string | undefined
      do {
        const response = await request('GET', path, { query: { limit: MAX_LIMIT, ...query, after } })
        const page = Object(await jsonOf(response)) as Record<string, unknown>
        all.push(...read(server, item.array(), page[nouns]))
        after = typeof page.next === 'string' ? page.next : undefined
      } while (after !== undefined)
      return all
    },
    async *stream(path, item, options) {
      const response = await request('GET', path, options)
      options?.onHead?.(response.headers)
      const decoder = new TextDecoder()
      let rest = ''
      for await (const chunk of chunksOf(response, options?.signal)) {
        const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
        rest = lines.pop() ?? ''
        // An empty line only keeps the connection alive.
        for (const line of lines) if (line !== '') yield read(server, item, JSON.parse(line))
      }
    },
  }
  return client
}

function read<T>(server: string, schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  throw new AppError(
    'INTERNAL',
    `${server} answered in a shape that this version does not know: is it a Kagami of the same version?`,
    {
      detail: parsed.error.issues,
    },
  )
}

async function errorOf(server: string, response: Response): Promise<AppError> {
  const text = await response.text().catch(() => '')
  const oauth = oauthErrorOf(text)
  if (oauth !== undefined) return new AppError('INVALID_REQUEST', `${server}: ${oauth.message}`, { detail: oauth })
  try {
    const { error } = errorSchema.parse(JSON.parse(text))
    const { code, message, detail, about } = error
    return new AppError(code as ErrorCode, message, { about, ...(detail === null ? {} : { detail }) })
  } catch {
    // What stands before the server says so in its own words.
    return new AppError(
      [502, 503, 504].includes(response.status) ? 'UNAVAILABLE' : 'INTERNAL',
      `${server} answered ${response.status} ${response.statusText}: ${text.slice(0, 200)}`,
    )
  }
}

/** The shape of errors at the endpoints of OAuth (RFC 6749, section 5.2). */
function oauthErrorOf(text: string): { readonly oauth: string; readonly message: string } | undefined {
  try {
    const { error, error_description: message } = JSON.parse(text)
    if (typeof error === 'string') return { oauth: error, message: typeof message === 'string' ? message : error }
  } catch {
    // Another shape.
  }
  return undefined
}
