// A client that pushes in every way that there is, moves and deletes tags, and notes what it was told.
import {
  type Answer,
  type Content,
  contentOf,
  describeContent,
  freshContent,
  locationOf,
  OCI_CONFIG,
  OCI_LAYER,
  OCI_MANIFEST,
  type OciRequests,
  type SendOptions,
  withQuery,
} from '../oci-requests.ts'
import type { Kind, Ledger, Value } from './ledger.ts'

export interface Pusher {
  /** One image by four kinds of uploads under two tags; the tag of the round before is deleted in every second round. @throws UnexpectedAnswer; what `fetch` throws */
  round(): Promise<void>
}

/** An answer that no client expects, whatever the server went through. */
export class UnexpectedAnswer extends Error {
  readonly answer: Answer

  constructor(what: string, answer: Answer) {
    super(`${what} answered ${answer.status}: ${answer.text.slice(0, 300)}`)
    this.answer = answer
  }
}

export interface PusherOptions {
  readonly ledger: Ledger
  /** Tells its content and its tags from those of others. */
  readonly worker: number
  readonly layerBytes?: number
  /** A client asks again: the answers to wait for. Otherwise the first one that is not expected is thrown. */
  readonly again?: (answer: Answer) => Promise<boolean>
}

export function createPusher(client: OciRequests, o: PusherOptions): Pusher {
  const { ledger, worker, layerBytes = 60_000, again = async () => false } = o
  const mounted = client.in(`${client.repository}-mounted-${worker}`)
  let number = 0

  async function told(
    status: number,
    request: readonly [client: OciRequests, method: string, path: string, options?: SendOptions],
    asked?: readonly [kind: Kind, name: string, value: Value, ...more: (readonly [Kind, string, Value])[]],
  ): Promise<Answer> {
    const [via, method, path, options] = request
    const writes = asked === undefined ? [] : [asked.slice(0, 3) as [Kind, string, Value], ...asked.slice(3)]
    const acknowledge = (writes as (readonly [Kind, string, Value])[]).map(([kind, name, value]) =>
      ledger.ask({ kind, repository: via.repository, name }, value),
    )
    for (let tries = 1; ; tries++) {
      const answer = await via.send(method, path, options)
      if (answer.status === status || (tries > 1 && (await wasDone(via, method, path, answer)))) {
        for (const one of acknowledge) one(answer.headers.get('x-request-id') ?? '')
        return answer
      }
      if (!(await again(answer))) throw new UnexpectedAnswer(`${method} ${path}`, answer)
    }
  }

  /** The request before had done it, and its answer was another: as clients find out. */
  async function wasDone(via: OciRequests, method: string, path: string, answer: Answer): Promise<boolean> {
    if (answer.status === 404 && method === 'DELETE') return true
    const digest = new URL(path, 'http://invalid').searchParams.get('digest')
    if (answer.status === 404 && digest !== null) return (await via.send('HEAD', `blobs/${digest}`)).status === 200
    return answer.status === 416 && method === 'PATCH'
  }

  function fresh(bytes: number): Content {
    // The same as nobody else's: the worker is in it.
    const content = contentOf(Buffer.concat([Buffer.from(`${worker} `), freshContent(bytes + worker).bytes]))
    ledger.contents.set(content.digest, content)
    return content
  }

  async function pushWhole(blob: Content): Promise<void> {
    const path = `blobs/uploads/?digest=${blob.digest}`
    await told(201, [client, 'POST', path, { body: blob.bytes }], ['blob', blob.digest, true])
  }

  async function pushInOne(blob: Content): Promise<void> {
    const location = locationOf(await told(202, [client, 'POST', 'blobs/uploads/']))
    const path = withQuery(location, { digest: blob.digest })
    await told(201, [client, 'PUT', path, { body: blob.bytes }], ['blob', blob.digest, true])
  }

  async function pushInChunks(blob: Content): Promise<void> {
    const location = locationOf(await told(202, [client, 'POST', 'blobs/uploads/']))
    const size = blob.bytes.byteLength
    for (let from = 0; from < size; ) {
      const to = Math.min(size, from + Math.ceil(size / 3))
      const headers = { 'content-range': `${from}-${to - 1}` }
      const body = blob.bytes.subarray(from, to)
      const register = ['session', `${location} ${blob.digest}`, to] as const
      const answer = await told(202, [client, 'PATCH', location, { headers, body }], register)
      from = 1 + Number(/^0-(\d+)$/.exec(answer.headers.get('range') ?? '')?.[1])
    }
    await told(
      201,
      [client, 'PUT', withQuery(location, { digest: blob.digest })],
      ['session', `${location} ${blob.digest}`, undefined, ['blob', blob.digest, true]],
    )
  }

  async function pushManifest(tag: string, manifest: Content): Promise<void> {
    const request = { headers: { 'content-type': OCI_MANIFEST }, body: manifest.bytes }
    await told(
      201,
      [client, 'PUT', `manifests/${tag}`, request],
      ['tag', tag, manifest.digest, ['manifest', manifest.digest, true]],
    )
  }

  return {
    async round() {
      const [config, ...layers] = [fresh(200), fresh(layerBytes), fresh(layerBytes), fresh(10)] as [
        Content,
        Content,
        Content,
        Content,
      ]
      const [whole, chunked, other] = layers as [Content, Content, Content]
      await pushInOne(config)
      await pushWhole(whole)
      await pushInChunks(chunked)
      await pushInOne(other)
      const mount = `blobs/uploads/?mount=${whole.digest}&from=${client.repository}`
      await told(201, [mounted, 'POST', mount], ['blob', whole.digest, true])
      number++
      const manifest = contentOf(
        JSON.stringify({
          schemaVersion: 2,
          mediaType: OCI_MANIFEST,
          config: describeContent(config, OCI_CONFIG),
          layers: [whole, chunked, other].map((blob) => describeContent(blob, OCI_LAYER)),
          annotations: { 'org.example.number': `${worker}-${number}` },
        }),
      )
      ledger.contents.set(manifest.digest, manifest)
      await pushManifest(`latest-${worker}`, manifest)
      await pushManifest(`${worker}-${number}`, manifest)
      if (number % 2 === 1) return
      const old = `${worker}-${number - 1}`
      await told(202, [client, 'DELETE', `manifests/${old}`], ['tag', old, undefined])
    },
  }
}
