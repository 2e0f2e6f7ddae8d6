// An upstream of one image whose large layer comes half, and the rest when a test says so: what is seen meanwhile stays.
import { digestOf } from '../../src/oci/digest.ts'
import { content, image, scriptedRegistry, served } from '../remote/scripted-registry.ts'

const REPOSITORY = 'app'
const LAYER = content('a large layer '.repeat(10_000), 'application/vnd.oci.image.layer.v1.tar+gzip')

export interface HeldLayer {
  readonly url: string
  readonly repository: typeof REPOSITORY
  readonly tag: string
  readonly layer: { readonly digest: string; readonly size: number }
  /** Half of the layer has been sent. */
  readonly isHeld: Promise<void>
  release(): void
  stop(): Promise<void>
}

export function heldLayer(tag = '3.12-slim'): HeldLayer {
  const held = Promise.withResolvers<void>()
  const released = Promise.withResolvers<void>()
  const only = image({ layers: [LAYER.descriptor] })
  const half = LAYER.bytes.byteLength / 2
  async function* halves(): AsyncGenerator<Uint8Array> {
    yield LAYER.bytes.subarray(0, half)
    held.resolve()
    await released.promise
    yield LAYER.bytes.subarray(half)
  }
  const registry = scriptedRegistry(({ path }) => {
    if (path.includes('/tags/list')) return Response.json({ name: REPOSITORY, tags: [tag] })
    if (path.endsWith(`/manifests/${tag}`) || path.endsWith(only.descriptor.digest)) return served(only)
    if (path.endsWith(digestOf('{}'))) return new Response('{}')
    if (!path.endsWith(LAYER.descriptor.digest)) return undefined
    return new Response(halves() as unknown as ReadableStream, {
      headers: { 'content-length': `${LAYER.bytes.byteLength}` },
    })
  })
  return {
    url: registry.url,
    repository: REPOSITORY,
    tag,
    layer: LAYER.descriptor,
    isHeld: held.promise,
    release: released.resolve,
    async stop() {
      released.resolve()
      await registry[Symbol.asyncDispose]()
    },
  }
}
