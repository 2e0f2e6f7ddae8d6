// The generated catalog as a registry, in a process of its own: `bun catalog-upstream.ts PORT SHAPE DELAY_MS`, SHAPE as JSON.
import { classify, type RequestKind } from '../support/request-kind.ts'
import { bytesOf, everyHundredth, type Image, INDEX_TYPE, makeCatalog } from './catalog-content.ts'

/** What was asked since the last reset. */
export interface UpstreamCounts {
  readonly requests: Partial<Record<RequestKind, number>>
  /** Bytes of manifests and blobs, and of those each digest once that no earlier answer had. */
  readonly contentBytes: number
  readonly newBytes: number
  /** Bytes of lists: tags, referrers, the catalog. */
  readonly listBytes: number
  /** Answers of 4xx. */
  readonly refused: number
}

/** What a bench can make it do. */
export type UpstreamChange = 'reset' | 'move' | 'attest'

const TAGS_OF_A_PAGE = 100
const REPOSITORIES_OF_A_PAGE = 200

function serve(port: number, catalog: ReturnType<typeof makeCatalog>, delayMs: number) {
  const numberOf = new Map(catalog.repositories.map((name, number) => [name, number]))
  const moved = new Set<number>()
  const attested = new Set<number>()
  const images = new Map<string, Image>()
  /** Which image a digest is of. */
  const holders = new Map<string, Image>()
  const filled = new Set<number>()
  const sent = new Set<string>()
  let counts = newCounts()

  function imageOf(number: number, isRebuilt: boolean): Image {
    const key = `${number} ${isRebuilt} ${attested.has(number)}`
    const made = images.get(key) ?? catalog.image(number, isRebuilt, attested.has(number))
    if (!images.has(key)) for (const digest of made.parts.keys()) holders.set(digest, made)
    images.set(key, made)
    return made
  }

  function holderOf(repository: number, digest: string): Image | undefined {
    if (!holders.has(digest) && !filled.has(repository)) {
      filled.add(repository)
      for (const number of catalog.imagesOf(repository)) imageOf(number, moved.has(number))
    }
    return holders.get(digest)
  }

  const refuse = (code: string) => {
    counts.refused++
    return Response.json({ errors: [{ code, message: 'not here' }] }, { status: 404 })
  }

  function list(body: object, headers: Record<string, string> = {}): Response {
    const text = JSON.stringify(body)
    counts.listBytes += text.length
    return new Response(text, { headers: { 'content-type': 'application/json', ...headers } })
  }

  function page(path: string, query: URLSearchParams, names: readonly string[], most: number) {
    const last = query.get('last')
    const from = last === null ? 0 : names.findIndex((name) => name > last)
    const count = Math.min(Number(query.get('n') ?? most), most)
    const part = from === -1 ? [] : names.slice(from, from + count)
    const end = part.at(-1)
    const isLast = end === undefined || end === names.at(-1)
    const link = isLast ? {} : { link: `<${path}?n=${count}&last=${encodeURIComponent(end)}>; rel="next"` }
    return { part, link }
  }

  function content(request: Request, digest: string, image: Image | undefined): Response {
    const part = image?.parts.get(digest)
    if (part === undefined) return refuse('MANIFEST_UNKNOWN')
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.get('range') ?? '')
    const start = range === null ? 0 : Number(range[1])
    const end = range === null || range[2] === '' ? part.size : Math.min(Number(range[2]) + 1, part.size)
    const headers = {
      'content-type': part.mediaType,
      'docker-content-digest': digest,
      'accept-ranges': 'bytes',
      ...(range === null ? {} : { 'content-range': `bytes ${start}-${end - 1}/${part.size}` }),
    }
    if (request.method !== 'HEAD') {
      counts.contentBytes += end - start
      if (!sent.has(digest)) counts.newBytes += part.size
      sent.add(digest)
    }
    return new Response(bytesOf(part, start, end) as Uint8Array<ArrayBuffer>, {
      status: range === null ? 200 : 206,
      headers,
    })
  }

  function answer(request: Request, path: string, query: URLSearchParams): Response {
    const { kind, reference } = classify(request.method, path)
    counts.requests[kind] = (counts.requests[kind] ?? 0) + 1
    if (kind === 'ping') return Response.json({})
    if (kind === 'catalog') {
      const { part, link } = page(path, query, catalog.repositories, REPOSITORIES_OF_A_PAGE)
      return list({ repositories: part }, link)
    }
    const name = /^\/v2\/(.+)\/(?:tags|manifests|blobs|referrers)\//.exec(path)?.[1] ?? ''
    const repository = numberOf.get(name)
    if (repository === undefined) return refuse('NAME_UNKNOWN')
    const tags = catalog.tagsOf(repository)
    if (kind === 'tags') {
      const { part, link } = page(path, query, [...tags.keys()].sort(), TAGS_OF_A_PAGE)
      return list({ name, tags: part }, link)
    }
    const tagged = tags.get(reference)
    if (tagged !== undefined) {
      const image = imageOf(tagged, moved.has(tagged))
      return content(request, image.index.digest, image)
    }
    if (kind === 'referrers') {
      const manifests = holderOf(repository, reference)?.referrers.get(reference) ?? []
      return list({ schemaVersion: 2, mediaType: INDEX_TYPE, manifests }, { 'content-type': INDEX_TYPE })
    }
    return content(request, reference, holderOf(repository, reference))
  }

  function change(what: UpstreamChange): Response {
    const before = counts
    if (what === 'reset') counts = newCounts()
    for (const number of everyHundredth(catalog.shape.images, 7)) if (what === 'move') moved.add(number)
    for (const number of everyHundredth(catalog.shape.images, 57)) if (what === 'attest') attested.add(number)
    // Lists of images that have changed are those of the images as they are now.
    for (const number of [...moved, ...attested]) imageOf(number, moved.has(number))
    return Response.json({ counts: before, moved: [...moved], attested: [...attested] })
  }

  return Bun.serve({
    hostname: '127.0.0.1',
    port,
    async fetch(request) {
      const at = request.url.indexOf('/', 'http://'.length)
      const [path = '', query = ''] = request.url.slice(at).split('?')
      if (path.startsWith('/bench/')) return change(path.slice('/bench/'.length) as UpstreamChange)
      if (delayMs > 0) await Bun.sleep(delayMs)
      return answer(request, path, new URLSearchParams(query))
    },
  })
}

function newCounts() {
  const requests: Partial<Record<RequestKind, number>> = {}
  return { requests, contentBytes: 0, newBytes: 0, listBytes: 0, refused: 0 }
}

if (import.meta.main) {
  const [port, shape, delayMs] = process.argv.slice(2)
  serve(Number(port), makeCatalog(JSON.parse(shape ?? '{}')), Number(delayMs))
}
