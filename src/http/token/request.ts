/** What a client asks the token service for, by GET (`auth/token.md`) or POST (`auth/oauth.md`). */
import { SERVICE } from '../../access/bearer.ts'
import { AppError } from '../../errors.ts'
import { parseScopes, type RequestedScope } from './scope.ts'

export type Grant =
  | { readonly type: 'header' }
  | { readonly type: 'password'; readonly username: string; readonly password: string }
  | { readonly type: 'refresh_token'; readonly refreshToken: string }

export interface TokenRequest {
  readonly grant: Grant
  readonly scopes: readonly RequestedScope[]
  /** A refresh token is asked for. */
  readonly isOffline: boolean
}

const MAX_FORM_BYTES = 64 * 1024

/** Credentials are in `Authorization`, or there are none; `account` and `client_id` say nothing that we need. */
export function parseQuery(query: URLSearchParams): TokenRequest {
  checkService(query)
  return {
    grant: { type: 'header' },
    scopes: parseScopes(query.getAll('scope')),
    isOffline: query.get('offline_token') === 'true',
  }
}

/** @throws AppError INVALID_REQUEST */
export async function readForm(request: Request): Promise<TokenRequest> {
  const type = request.headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase()
  if (type !== 'application/x-www-form-urlencoded') {
    throw new AppError('INVALID_REQUEST', `want a body of application/x-www-form-urlencoded, got ${type ?? 'no type'}`)
  }
  const form = new URLSearchParams(await readBounded(request))
  checkService(form)
  return {
    grant: grantOf(form),
    scopes: parseScopes(form.getAll('scope')),
    isOffline: form.get('access_type') === 'offline',
  }
}

function grantOf(form: URLSearchParams): Grant {
  const type = form.get('grant_type')
  if (type === 'password') return { type, username: required(form, 'username'), password: required(form, 'password') }
  if (type === 'refresh_token') return { type, refreshToken: required(form, 'refresh_token') }
  throw new AppError('INVALID_REQUEST', `grant_type: want password or refresh_token, got ${quote(type)}`)
}

function required(form: URLSearchParams, name: string): string {
  const value = form.get(name)
  if (value === null || value === '') throw new AppError('INVALID_REQUEST', `${name}: want a value, got none`)
  return value
}

function checkService(parameters: URLSearchParams): void {
  const service = parameters.get('service')
  if (service === null || service === '' || service === SERVICE) return
  throw new AppError('INVALID_REQUEST', `service: want ${SERVICE}, got ${quote(service)}`)
}

async function readBounded(request: Request): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of request.body ?? []) {
    size += chunk.length
    if (size > MAX_FORM_BYTES)
      throw new AppError('INVALID_REQUEST', `want a body of at most ${MAX_FORM_BYTES} bytes, got more`)
    chunks.push(chunk)
  }
  return new TextDecoder().decode(Buffer.concat(chunks))
}

function quote(text: string | null): string {
  return text === null ? 'none' : JSON.stringify(text.slice(0, 100))
}
