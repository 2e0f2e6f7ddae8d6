import { LRUCache } from 'lru-cache'
import { AppError, isCancelled } from '../errors.ts'
import { orAborted } from '../lib/abort.ts'
import type { Clock } from '../lib/clock.ts'

export interface BearerToken {
  readonly token: string
  readonly expiresInSeconds: number
}

export interface TokenCache {
  /**
   * The token under `key`, fetched when there is none or it is about to expire; callers at the same time share one request.
   * @param refused a token that the registry did not take: it is not given out again
   */
  get(
    key: string,
    fetchToken: () => Promise<BearerToken>,
    o: { readonly refused?: string | undefined; readonly signal?: AbortSignal | undefined },
  ): Promise<string>
}

/** No server takes longer headers. */
export const MAX_TOKEN_LENGTH = 16_384

/** A token with less time left is fetched anew, so that it does not expire on its way. */
const REFRESH_BEFORE_MS = 30_000

export function createTokenCache(clock: Clock): TokenCache {
  const tokens = new LRUCache<string, { token: string; refreshAtMs: number }>({ max: 10_000 })
  const fetching = new Map<string, Promise<string>>()

  async function fetchAndKeep(key: string, fetchToken: () => Promise<BearerToken>): Promise<string> {
    // Counted from before the request: the clock of the token service need not agree with ours.
    const askedMs = clock.now().getTime()
    const { token, expiresInSeconds } = await fetchToken()
    const lifeMs = expiresInSeconds * 1000
    tokens.set(key, { token, refreshAtMs: askedMs + lifeMs - Math.min(REFRESH_BEFORE_MS, lifeMs / 2) })
    return token
  }

  return {
    async get(key, fetchToken, { refused, signal }) {
      for (;;) {
        const known = tokens.get(key)
        if (known !== undefined && known.token !== refused && clock.now().getTime() < known.refreshAtMs) {
          return known.token
        }
        let work = fetching.get(key)
        const isOurs = work === undefined
        if (work === undefined) {
          work = fetchAndKeep(key, fetchToken).finally(() => fetching.delete(key))
          fetching.set(key, work)
        }
        try {
          return await orAborted(work, signal)
        } catch (error) {
          // Whoever asked first went away; the others still want the token.
          if (isOurs || !isCancelled(error) || signal?.aborted) throw error
        }
      }
    },
  }
}

/** distribution's token.md: `token` or `access_token`, and 60 seconds when `expires_in` is missing. @throws AppError UPSTREAM_INVALID */
export function parseTokenAnswer(answer: unknown, what: string): BearerToken {
  const { token, access_token, expires_in } = (typeof answer === 'object' && answer !== null ? answer : {}) as Record<
    string,
    unknown
  >
  const value = [token, access_token].find((text) => typeof text === 'string' && text !== '')
  // What would break the Authorization header must not get into it.
  if (typeof value === 'string' && value.length > MAX_TOKEN_LENGTH) {
    throw new AppError(
      'UPSTREAM_INVALID',
      `${what}: the token has ${value.length} characters, want at most ${MAX_TOKEN_LENGTH}`,
    )
  }
  if (typeof value !== 'string' || !/^[\x21-\x7e]+$/.test(value)) {
    throw new AppError(
      'UPSTREAM_INVALID',
      `${what}: the answer holds no token, want JSON with "token" or "access_token"`,
    )
  }
  const seconds = Number(expires_in)
  return { token: value, expiresInSeconds: Number.isFinite(seconds) && seconds > 0 ? seconds : 60 }
}
