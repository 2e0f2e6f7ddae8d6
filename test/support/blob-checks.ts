// What the tests of blobs share: bodies in every form that clients send, and what must hold of a blob that was pushed.
import { expect } from 'bun:test'
import type { Content, OciRequests, SendOptions } from './oci-requests.ts'

export const OCTETS = { 'content-type': 'application/octet-stream' }

/** HEAD, GET, then DELETE and HEAD 404: what must hold of a pushed blob, however it came. */
export async function expectServed(client: OciRequests, { digest, bytes }: Content) {
  const head = await client.send('HEAD', `blobs/${digest}`)
  expect(head.status).toBe(200)
  expect(head.headers.get('content-length')).toBe(String(bytes.byteLength))
  expect(head.headers.get('docker-content-digest')).toBe(digest)
  expect(head.headers.get('content-type')).toBe('application/octet-stream')
  const got = await client.send('GET', `blobs/${digest}`)
  expect(got.status).toBe(200)
  expect(got.headers.get('content-length')).toBe(String(bytes.byteLength))
  expect(got.headers.get('transfer-encoding')).toBeNull()
  expect(got.headers.get('docker-content-digest')).toBe(digest)
  expect(got.headers.get('accept-ranges')).toBe('bytes')
  expect(Buffer.compare(got.bytes, bytes)).toBe(0)
  expect((await client.send('DELETE', `blobs/${digest}`)).status).toBe(202)
  expect((await client.send('HEAD', `blobs/${digest}`)).status).toBe(404)
}

/** The chunk `[from, to)` with its Content-Range. */
export const chunk = (bytes: Uint8Array<ArrayBuffer>, from: number, to: number): SendOptions => ({
  headers: { ...OCTETS, 'content-range': `${from}-${to - 1}` },
  body: bytes.subarray(from, to),
})

/** The bytes in chunked encoding: no Content-Length is sent. */
export function streamOf(bytes: Uint8Array, pieces = 3): ReadableStream<Uint8Array> {
  const size = Math.ceil(bytes.byteLength / pieces)
  let at = 0
  return new ReadableStream({
    pull(controller) {
      controller.enqueue(bytes.subarray(at, at + size))
      at += size
      if (at >= bytes.byteLength) controller.close()
    },
  })
}
