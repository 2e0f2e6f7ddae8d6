/** Google Artifact Registry (and gcr.io): an access token by the official library, which the registry takes for a password. */
import { AppError } from '../../errors.ts'
import { parseForeignJson } from '../../lib/json.ts'
import type { AskedLogin, GivenLogin } from './asked.ts'
import { type Exchange, openExchange } from './exchange.ts'
import { signInFailure } from './failure.ts'

const USERNAME = 'oauth2accesstoken'
const SCOPES = ['https://www.googleapis.com/auth/cloud-platform']
/** The library would look for one, and ask services about it that give no token. */
const NO_PROJECT = 'none'
/** Where the library tells no end. */
const UNKNOWN_LIFE_SECONDS = 300

interface Client {
  getAccessToken(): Promise<{ token?: string | null }>
  readonly credentials: { readonly expiry_date?: number | null }
}

/** @throws AppError TARGET_*, ADDRESS_NOT_ALLOWED */
export async function signInToGoogle({ host, keys, http, timeout, nowMs }: AskedLogin): Promise<GivenLogin> {
  const exchange = openExchange(http, {}, timeout)
  const key = keys === undefined ? undefined : serviceAccountOf(keys.password, host)
  try {
    const { GoogleAuth, JWT } = await import('google-auth-library')
    const transporterOptions = {
      fetchImplementation: fetchOf(exchange),
      retryConfig: { retry: 1, noResponseRetries: 1 },
    }
    const client: Client =
      key === undefined
        ? await new GoogleAuth({
            scopes: SCOPES,
            projectId: NO_PROJECT,
            clientOptions: { transporterOptions },
          }).getClient()
        : new JWT({ email: key.email, key: key.privateKey, scopes: SCOPES, transporterOptions })
    const { token } = await client.getAccessToken()
    if (typeof token !== 'string' || token === '') throw new Error('it answered without a token')
    const endMs = client.credentials.expiry_date
    const expiresInSeconds = typeof endMs === 'number' ? Math.max(0, (endMs - nowMs) / 1000) : UNKNOWN_LIFE_SECONDS
    return { credential: { username: USERNAME, password: token }, expiresInSeconds }
  } catch (error) {
    const whose =
      keys === undefined
        ? 'that the server has Application Default Credentials (GOOGLE_APPLICATION_CREDENTIALS, workload identity, service account)'
        : 'that the key of the service account is not revoked'
    const remedy = `Check ${whose}, and that it has roles/artifactregistry.writer`
    const secrets = key === undefined ? [] : [key.privateKey, keys?.password ?? '']
    throw signInFailure(error, { host, by: 'Google', remedy, secrets, last: exchange.last })
  }
}

/**
 * Of a service account's key alone: the other kinds of such files name addresses to ask, files to read and programs to run on the server,
 * which is for whoever has the server to say (GOOGLE_APPLICATION_CREDENTIALS).
 * @throws AppError TARGET_DENIED
 */
function serviceAccountOf(text: string, host: string): { readonly email: string; readonly privateKey: string } {
  let key: Record<string, unknown> = {}
  try {
    key = (parseForeignJson(text) ?? {}) as Record<string, unknown>
  } catch {
    // Told below, without any of it.
  }
  const { type, client_email: email, private_key: privateKey } = key
  if (type === 'service_account' && typeof email === 'string' && typeof privateKey === 'string') {
    return { email, privateKey }
  }
  throw new AppError(
    'TARGET_DENIED',
    `${host}: the password is no key of a service account, want the JSON that Google made for it (type service_account). Other kinds of credentials are for GOOGLE_APPLICATION_CREDENTIALS of the server`,
  )
}

/** The library's port for whoever sends its requests. */
function fetchOf(exchange: Exchange): typeof fetch {
  const send = async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const url = new URL(input instanceof Request ? input.url : input)
    const { method = 'GET', body, signal } = init
    const headers = Object.fromEntries(new Headers(init.headers as HeadersInit | undefined))
    const answer = await exchange.send(url, { method, headers, body, signal: signal ?? undefined })
    return new Response(new Uint8Array(answer.bytes), { status: answer.status, headers: answer.headers })
  }
  return send as typeof fetch
}
