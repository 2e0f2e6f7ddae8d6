// The management API as the owner of a Kagami under measurement uses it.
import type { Kagami } from '../support/kagami.ts'
import type { Credentials } from '../support/registry-session.ts'

export interface ApiClient {
  /** An access token instead of the password, whose slow hash would be paid at every call. */
  readonly credentials: Credentials
  /** @throws Error when the answer is not 2xx */
  ask(method: string, path: string, body?: object): Promise<Response>
  call<T>(method: string, path: string, body?: object): Promise<T>
}

export const basic = ({ username, password }: Credentials) =>
  `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`

/** One request to a server at `url`. @throws Error when the answer is not 2xx */
export async function askAs(
  url: string,
  authorization: string,
  method: string,
  path: string,
  body?: object,
): Promise<Response> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { authorization, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  })
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${await response.text()}`)
  return response
}

/** Signs in as the owner. */
export async function openApi({ url, owner }: Pick<Kagami, 'url' | 'owner'>): Promise<ApiClient> {
  const label = { label: 'bench', scope: 'admin' }
  const answer = await askAs(url, basic(owner), 'POST', '/api/v1/tokens', label)
  const made = (await answer.json()) as { readonly username: string; readonly token: string }
  const ask = (method: string, path: string, body?: object) =>
    askAs(url, `Bearer ${made.token}`, method, `/api/v1${path}`, body)
  return {
    credentials: { username: made.username, password: made.token },
    ask,
    call: async <T>(method: string, path: string, body?: object) =>
      (await ask(method, path, body)).json() as Promise<T>,
  }
}
