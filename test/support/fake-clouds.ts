// Sign-in services of the clouds on loopback, over HTTP: what they check and answer is what the real ones document. The official libraries
// ask them as they ask the real ones.
import type { HttpClient } from '../../src/net/guarded-fetch.ts'
import { createHttpClient } from '../../src/net/guarded-fetch.ts'

export interface AskedOfCloud {
  readonly path: string
  readonly headers: Headers
  readonly body: string
}

export interface FakeCloud extends AsyncDisposable {
  readonly url: string
  readonly asked: AskedOfCloud[]
}

/** @param answer by path and body; undefined: 404 */
export function fakeCloud(
  answer: (request: AskedOfCloud & { readonly method: string }) => Response | undefined | Promise<Response | undefined>,
): FakeCloud {
  const asked: AskedOfCloud[] = []
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    async fetch(request) {
      const { pathname, search } = new URL(request.url)
      const one = { path: `${pathname}${search}`, headers: request.headers, body: await request.text() }
      asked.push(one)
      return (await answer({ ...one, method: request.method })) ?? new Response('', { status: 404 })
    },
  })
  return {
    url: `http://127.0.0.1:${server.port}`,
    asked,
    async [Symbol.asyncDispose]() {
      await server.stop(true)
    },
  }
}

export interface RecordedClient extends HttpClient {
  /** Origins that were asked through it. */
  readonly origins: string[]
}

/** The guarded client, which takes what goes to one of `elsewhere` to the fake in its place: addresses that libraries have built in. */
export function clientTo(elsewhere: Readonly<Record<string, string>> = {}, allowLoopback = true): RecordedClient {
  const http = createHttpClient({ policy: { allowLoopback, allowNetworks: [] } })
  const origins: string[] = []
  return {
    origins,
    get inFlight() {
      return http.inFlight
    },
    request(url, request) {
      origins.push(url.origin)
      const base = elsewhere[url.origin]
      return http.request(base === undefined ? url : new URL(`${url.pathname}${url.search}`, base), request)
    },
  }
}

/** Variables of the environment, as libraries read them, until it is disposed of; undefined: unset. */
export function withEnvironment(variables: Readonly<Record<string, string | undefined>>): Disposable {
  const before = Object.keys(variables).map((name) => [name, process.env[name]] as const)
  const set = (name: string, value: string | undefined) => {
    if (value === undefined) delete process.env[name]
    else process.env[name] = value
  }
  for (const [name, value] of Object.entries(variables)) set(name, value)
  return {
    [Symbol.dispose]() {
      for (const [name, value] of before) set(name, value)
    },
  }
}
