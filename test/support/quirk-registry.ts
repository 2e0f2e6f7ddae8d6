// One registry in memory that behaves as the table of its quirks says, over HTTP, and counts what it is asked. It imports nothing from src/.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Asked, type Counts, createCounts, DROP, kindOf, type Reply, refuse } from './quirks/exchange.ts'
import { answerManagement } from './quirks/management.ts'
import { answerManifests } from './quirks/manifests.ts'
import type { Quirks, RequestKind } from './quirks/quirks.ts'
import { createSignIn } from './quirks/sign-in.ts'
import { createStore, type QuirkRepository, type Store } from './quirks/store.ts'
import { createUploads } from './quirks/uploads.ts'

export { type Quirks, REGISTRIES } from './quirks/quirks.ts'
export { USER } from './quirks/sign-in.ts'
export type { QuirkRepository }

export interface QuirkRegistry extends AsyncDisposable, Counts {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string
  readonly repositories: Store['repositories']
  /** The repository, made if it is not there. */
  repository(name: string): QuirkRepository
}

type Answer = Reply | typeof DROP

export async function startQuirkRegistry(quirks: Quirks = {}): Promise<QuirkRegistry> {
  const store = createStore()
  const counts = createCounts()
  const origins = { registry: '', storage: '' }
  const signIn = createSignIn(quirks, () => origins.registry)
  const uploads = createUploads(quirks, { store, counts, origins: () => origins })
  const manifests = answerManifests(quirks, { store, counts })
  let refusals = 0
  let limited = 0
  let bodies = 0

  function refusedByLimit(kind: RequestKind): Reply | undefined {
    const { limit } = quirks
    if (limit === undefined || limit.kind !== kind || ++limited <= limit.after || refusals >= limit.refusals)
      return undefined
    refusals++
    return refuse(429, 'TOOMANYREQUESTS', 'slow down', { 'retry-after': limit.retryAfter })
  }

  function answer(asked: Asked): Answer {
    const { method, url, kind } = asked
    const limit = refusedByLimit(kind)
    if (limit !== undefined) return limit
    if (kind === 'token') return signIn.token(asked)
    if (kind === 'management') return answerManagement(quirks, store, asked, signIn.isUser(asked))
    if (kind === 'ping') return signIn.check(asked, 'ping') ?? { status: 200, body: '{}' }
    const [, name = '', noun = '', rest = ''] =
      /^\/v2\/(.+?)\/(manifests|blobs|tags|referrers)\/(.*)$/.exec(url.pathname) ?? []
    if (name === '') return refuse(404, 'UNSUPPORTED')
    const isRead = method === 'GET' || method === 'HEAD'
    const action = kind === 'delete' ? 'delete' : isRead && kind !== 'upload-status' ? 'pull' : 'pull,push'
    const refused = signIn.check(asked, { name, action })
    if (refused !== undefined) return refused
    const reference = decodeURIComponent(rest)
    if (kind === 'upload-begin') return uploads.begin(asked, name)
    if (kind.startsWith('upload-')) return uploads.goOn(asked, reference.replace(/^uploads\//, ''))
    if (kind === 'manifest-put') return manifests.put(name, reference, asked)
    if (kind === 'referrers') return manifests.referrers(name, reference)
    const found = store.find(name)
    if (found === undefined) return refuse(404, 'NAME_UNKNOWN', 'repository name not known to registry')
    if (noun === 'manifests') {
      return kind === 'delete' ? manifests.remove(found, reference) : manifests.get(found, reference, asked)
    }
    if (noun === 'tags') return { status: 200, body: JSON.stringify({ name, tags: [...found.tags.keys()].sort() }) }
    return blob(found, reference, asked)
  }

  function blob({ blobs }: QuirkRepository, digest: string, { method, headers }: Asked): Reply {
    if (method === 'HEAD' && quirks.noHead?.includes('blobs')) return { status: 405 }
    const body = blobs.get(digest)
    if (body === undefined) return refuse(404, 'BLOB_UNKNOWN')
    const told = { 'content-type': 'application/octet-stream', 'docker-content-digest': digest }
    const [, from, to = `${body.length - 1}`] = /^bytes=(\d+)-(\d+)?$/.exec(headers.range ?? '') ?? []
    if (from === undefined) return { status: 200, headers: told, body }
    const range = { 'content-range': `bytes ${from}-${to}/${body.length}` }
    return { status: 206, headers: { ...told, ...range }, body: body.subarray(Number(from), Number(to) + 1) }
  }

  /** Signed URLs know nobody: who comes with two proofs of who he is is sent away, as by S3. */
  function answerStorage(asked: Asked): Answer {
    if (asked.headers.authorization !== undefined) {
      return { status: 400, body: '<Error><Code>InvalidArgument</Code></Error>' }
    }
    if (!asked.url.searchParams.has('X-Signature')) return { status: 403 }
    return uploads.goOn(asked, asked.url.pathname.replace(/^\/signed\//, ''))
  }

  async function serve(
    host: 'registry' | 'storage',
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const method = request.method ?? 'GET'
    const url = new URL(request.url ?? '/', origins[host])
    const kind = kindOf(method, url, signIn.tokenPath)
    const length = Number(request.headers['content-length'] ?? 0)
    const isBody = length > 0 && (kind === 'upload-part' || kind === 'upload-end')
    const cutAt = isBody && ++bodies === quirks.cutsUpload ? Math.floor(length / 2) : Number.POSITIVE_INFINITY
    const body = await readBody(request, cutAt)
    const headers = Object.fromEntries(Object.entries(request.headers).map(([key, value]) => [key, String(value)]))
    const asked: Asked = { method, url, kind, body, headers }
    const id = url.pathname.split('/').at(-1) ?? ''
    if (cutAt !== Number.POSITIVE_INFINITY) uploads.keep(id, body)
    const isCut = cutAt !== Number.POSITIVE_INFINITY
    const reply: Answer = isCut ? DROP : host === 'storage' ? answerStorage(asked) : answer(asked)
    const { authorization: proof } = headers
    counts.requests.push({
      method,
      path: url.pathname + url.search,
      kind,
      host,
      authorization:
        proof === undefined ? 'none' : /^basic /i.test(proof) ? 'basic' : /^bearer /i.test(proof) ? 'bearer' : 'other',
      bytes: body.length,
      status: reply === DROP ? 'dropped' : reply.status,
    })
    if (reply === DROP) {
      request.socket.destroy()
      return
    }
    const bytes = typeof reply.body === 'string' ? new TextEncoder().encode(reply.body) : reply.body
    const isEmpty = [204, 304].includes(reply.status)
    response.writeHead(reply.status, {
      'docker-distribution-api-version': 'registry/2.0',
      ...quirks.headers,
      ...reply.headers,
      ...(isEmpty ? {} : { 'content-length': String(bytes?.length ?? 0) }),
    })
    response.end(method === 'HEAD' || isEmpty ? undefined : bytes)
  }

  const registry = await listen((request, response) => serve('registry', request, response))
  const storage = await listen((request, response) => serve('storage', request, response))
  origins.registry = registry.origin
  origins.storage = storage.origin
  return {
    ...counts,
    url: registry.origin,
    repositories: store.repositories,
    repository: store.make,
    async [Symbol.asyncDispose]() {
      await Promise.all([registry.stop(), storage.stop()])
    },
  }
}

/** What comes, up to `cutAt` bytes. */
function readBody(request: IncomingMessage, cutAt: number): Promise<Uint8Array> {
  const parts: Buffer[] = []
  let size = 0
  return new Promise((resolve, reject) => {
    const done = () => resolve(new Uint8Array(Buffer.concat(parts)))
    request.on('data', (part: Buffer) => {
      if (size >= cutAt) return
      parts.push(part.subarray(0, cutAt - size))
      size += part.length
      if (size >= cutAt) done()
    })
    request.on('end', done)
    request.on('error', reject)
  })
}

async function listen(serve: (request: IncomingMessage, response: ServerResponse) => Promise<void>) {
  const server = createServer((request, response) => {
    serve(request, response).catch(() => request.socket.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://127.0.0.1:${port}`,
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
