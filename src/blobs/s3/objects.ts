/** The operations of S3 that a blob store needs, over keys below one prefix. */
import type { S3Client } from './client.ts'
import { refusalOf, unavailable } from './failure.ts'
import { elementsIn, textIn } from './xml.ts'

/** A copy or a completion may take as long as its bytes take at the server. */
const SERVER_WORK_MS = 5 * 60_000
export const PAGE = 1000

export interface S3Object {
  readonly key: string
  readonly sizeBytes: number
  readonly modifiedAt: Date
}

export interface Range {
  readonly from: number
  readonly to: number
}

export interface S3Objects {
  put(key: string, bytes: Uint8Array): Promise<void>
  /** The bytes `[from, to)`, all of them; undefined: there is no such object. @throws AppError STORAGE_UNAVAILABLE when it has fewer */
  get(key: string, range: Range, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer> | undefined>
  /** Bytes; undefined: there is no such object. */
  sizeOf(key: string): Promise<number | undefined>
  /** Absent is fine. */
  delete(key: string): Promise<void>
  /** In the order of their keys. */
  list(prefix: string): AsyncGenerator<S3Object>
  /** Up to 5 GiB, at the server. */
  copy(from: string, to: string): Promise<void>
  readonly multipart: Multipart
  presign(key: string, seconds: number, query?: Readonly<Record<string, string>>): Promise<string>
}

export interface Multipart {
  begin(key: string): Promise<string>
  /** @returns its ETag */
  put(upload: Upload, part: number, bytes: Uint8Array): Promise<string>
  /** A whole object as a part, at the server. @returns its ETag; undefined: this server cannot */
  copy(upload: Upload, part: number, from: string): Promise<string | undefined>
  complete(upload: Upload, etags: readonly string[]): Promise<void>
  abort(upload: Upload): Promise<void>
  list(prefix: string): AsyncGenerator<Upload & { readonly begunAt: Date }>
}

export interface Upload {
  readonly key: string
  readonly id: string
}

export function createObjects(client: S3Client): S3Objects {
  const { bucket, prefix: root } = client.location
  const pathOf = (key: string) => (root === '' ? key : `${root}/${key}`)
  const ownOf = (path: string) => (root === '' ? path : path.slice(root.length + 1))
  const sourceOf = (key: string) => `/${bucket}/${pathOf(key).split('/').map(encodeURIComponent).join('/')}`
  const textOf = ({ bytes }: { readonly bytes: Uint8Array }) => new TextDecoder().decode(bytes)

  async function* listPages(query: Readonly<Record<string, string>>, marks: Readonly<Record<string, string>>) {
    let from: Record<string, string> = {}
    for (;;) {
      const text = textOf(await client.send({ method: 'GET', query: { ...query, ...from } }))
      yield text
      if (textIn(text, 'IsTruncated') !== 'true') return
      const before = JSON.stringify(from)
      from = {}
      for (const [name, param] of Object.entries(marks)) from[param] = textIn(text, name) ?? ''
      // A server that says the same page again would be asked for ever.
      if (JSON.stringify(from) === before) throw unavailable('the blob store lists the same page again')
    }
  }

  return {
    async put(key, bytes) {
      await client.send({
        method: 'PUT',
        key: pathOf(key),
        body: bytes,
        headers: { 'content-type': 'application/octet-stream' },
      })
    },
    async get(key, { from, to }, signal) {
      if (to <= from) return new Uint8Array()
      const { status, bytes } = await client.send({
        method: 'GET',
        key: pathOf(key),
        headers: { range: `bytes=${from}-${to - 1}` },
        accept: [404],
        signal,
      })
      if (status === 404) return undefined
      if (status === 206 && bytes.byteLength === to - from) return bytes
      const got = `${status} with ${bytes.byteLength} bytes`
      throw unavailable(`the blob store answered ${got} for bytes ${from} to ${to} of ${key}`)
    },
    async sizeOf(key) {
      const { status, headers } = await client.send({ method: 'HEAD', key: pathOf(key), accept: [404] })
      return status === 404 ? undefined : Number(headers.get('content-length'))
    },
    async delete(key) {
      await client.send({ method: 'DELETE', key: pathOf(key), accept: [404] })
    },
    async *list(prefix) {
      const query = { 'list-type': '2', prefix: pathOf(prefix), 'max-keys': String(PAGE) }
      for await (const text of listPages(query, { NextContinuationToken: 'continuation-token' })) {
        for (const item of elementsIn(text, 'Contents')) {
          const modifiedAt = new Date(textIn(item, 'LastModified') ?? '')
          yield { key: ownOf(textIn(item, 'Key') ?? ''), sizeBytes: Number(textIn(item, 'Size')), modifiedAt }
        }
      }
    },
    async copy(from, to) {
      const headers = { 'x-amz-copy-source': sourceOf(from) }
      await client.send({ method: 'PUT', key: pathOf(to), headers, timeoutMs: SERVER_WORK_MS })
    },
    presign: (key, seconds, query) => client.presign(pathOf(key), seconds, query),
    multipart: {
      async begin(key) {
        const headers = { 'content-type': 'application/octet-stream' }
        const text = textOf(await client.send({ method: 'POST', key: pathOf(key), query: { uploads: '' }, headers }))
        const id = textIn(text, 'UploadId')
        if (id === undefined) throw unavailable('the blob store began a multipart upload without an id')
        return id
      },
      async put({ key, id }, part, bytes) {
        const query = { partNumber: String(part), uploadId: id }
        const { headers } = await client.send({ method: 'PUT', key: pathOf(key), query, body: bytes })
        return headers.get('etag') ?? ''
      },
      async copy({ key, id }, part, from) {
        const query = { partNumber: String(part), uploadId: id }
        const headers = { 'x-amz-copy-source': sourceOf(from) }
        try {
          const call = { method: 'PUT', key: pathOf(key), query, headers, timeoutMs: SERVER_WORK_MS } as const
          return textIn(textOf(await client.send(call)), 'ETag') ?? ''
        } catch (error) {
          if (refusalOf(error)?.code === 'NotImplemented' || refusalOf(error)?.status === 501) return undefined
          throw error
        }
      },
      async complete({ key, id }, etags) {
        const parts = etags.map(
          (etag, n) => `<Part><PartNumber>${n + 1}</PartNumber><ETag>${escapeXml(etag)}</ETag></Part>`,
        )
        const body = new TextEncoder().encode(`<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`)
        const call = {
          method: 'POST',
          key: pathOf(key),
          query: { uploadId: id },
          body,
          timeoutMs: SERVER_WORK_MS,
        } as const
        // Where an answer was lost it is done already: whoever asks looks at the object's size.
        await client.send(call).catch((error) => {
          if (refusalOf(error)?.code !== 'NoSuchUpload') throw error
        })
      },
      async abort({ key, id }) {
        await client.send({ method: 'DELETE', key: pathOf(key), query: { uploadId: id }, accept: [404] })
      },
      async *list(prefix) {
        const query = { uploads: '', prefix: pathOf(prefix), 'max-uploads': String(PAGE) }
        const marks = { NextKeyMarker: 'key-marker', NextUploadIdMarker: 'upload-id-marker' }
        for await (const text of listPages(query, marks)) {
          for (const item of elementsIn(text, 'Upload')) {
            const begunAt = new Date(textIn(item, 'Initiated') ?? '')
            yield { key: ownOf(textIn(item, 'Key') ?? ''), id: textIn(item, 'UploadId') ?? '', begunAt }
          }
        }
      },
    },
  }
}

const escapeXml = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
