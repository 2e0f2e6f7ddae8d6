// A registry that answers what a test says, for what no real registry would do.
import { createHash } from 'node:crypto'
import { type AppError, isAppError } from '../../src/errors.ts'
import { createHttpClient } from '../../src/net/guarded-fetch.ts'
import { createRequestBudgets } from '../../src/net/request-budgets.ts'
import type { Descriptor } from '../../src/oci/descriptor.ts'
import { type Digest, digestOf } from '../../src/oci/digest.ts'
import { parseRepositoryName, parseTag, type RepositoryName, type Tag } from '../../src/oci/reference.ts'
import { createRegistryNetwork, type RegistryNetwork } from '../../src/remote/network.ts'

export interface Asked {
  readonly method: string
  /** Path and query. */
  readonly path: string
  readonly headers: Headers
  readonly body: string
}

export interface ScriptedRegistry extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string
  readonly asked: Asked[]
  /** `METHOD path` of each request so far. */
  lines(): string[]
}

export type Answer = (asked: Asked, origin: string) => Response | undefined | Promise<Response | undefined>

/** Serves `answer` on a free port of loopback; undefined is a 404. */
export function scriptedRegistry(answer: Answer): ScriptedRegistry {
  const asked: Asked[] = []
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    idleTimeout: 60,
    async fetch(request) {
      const url = new URL(request.url)
      const one = {
        method: request.method,
        path: url.pathname + url.search,
        headers: request.headers,
        body: await request.text(),
      }
      asked.push(one)
      return (
        (await answer(one, url.origin)) ??
        Response.json({ errors: [{ code: 'NAME_UNKNOWN', message: 'not here' }] }, { status: 404 })
      )
    },
  })
  return {
    url: `http://127.0.0.1:${server.port}`,
    asked,
    lines: () => asked.map(({ method, path }) => `${method} ${path}`),
    async [Symbol.asyncDispose]() {
      await server.stop(true)
    },
  }
}

/** A network on loopback whose waits take no time; `slept` tells them in milliseconds. */
export function loopbackNetwork(
  options: { clock?: { now(): Date }; idleTimeoutMs?: number } = {},
): RegistryNetwork & { slept: number[] } {
  const slept: number[] = []
  let waitedMs = 0
  const clock = options.clock ?? { now: () => new Date(Date.now() + waitedMs) }
  const http = createHttpClient({
    policy: { allowLoopback: true, allowNetworks: [] },
    ...(options.idleTimeoutMs === undefined ? {} : { idleTimeoutMs: options.idleTimeoutMs }),
  })
  const budgets = createRequestBudgets({
    clock,
    random: () => 0.5,
    sleep: async (ms) => {
      slept.push(ms)
      waitedMs += ms
    },
  })
  return { ...createRegistryNetwork({ http, budgets, clock }), slept }
}

export const APP: RepositoryName = parseRepositoryName('app')
export const tagOf = (text: string): Tag => parseTag(text)

export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json'
export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json'

export interface Content {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly descriptor: Descriptor
}

/** A manifest (or anything) as bytes with its descriptor. */
export function content(value: unknown, mediaType = OCI_MANIFEST, algorithm: 'sha256' | 'sha512' = 'sha256'): Content {
  const bytes = new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value))
  const digest: Digest = `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`
  return { bytes, descriptor: { mediaType, digest, size: bytes.byteLength } }
}

/** An image manifest; `extra` adds or replaces fields. */
export function image(extra: Record<string, unknown> = {}): Content {
  const config = { mediaType: 'application/vnd.oci.empty.v1+json', digest: digestOf('{}'), size: 2 }
  return content({ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: [], ...extra })
}

export function index(manifests: readonly unknown[]): Content {
  return content({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }, OCI_INDEX)
}

/** The answer to GET or HEAD of a manifest; Bun leaves the body of a HEAD away but keeps its length. */
export function served({ bytes, descriptor }: Content, headers: Record<string, string> = {}): Response {
  return new Response(bytes, {
    headers: { 'content-type': descriptor.mediaType, 'docker-content-digest': descriptor.digest, ...headers },
  })
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

/** The AppError that the work ends with. */
export async function failed(work: Promise<unknown>): Promise<AppError> {
  const error = await work.then(
    () => new Error('want a failure, got an answer'),
    (thrown: unknown) => thrown,
  )
  if (isAppError(error)) return error
  throw error
}
