// Uploads of blobs, with whatever the quirks make of them.
import { type Asked, type Counts, DROP, type Reply, refuse } from './exchange.ts'
import type { Quirks } from './quirks.ts'
import { digestOf, isCommitted, type Store } from './store.ts'

interface Upload {
  readonly repository: string
  bytes: Uint8Array
  /** What the registry says that it has. */
  told: number
  patches: number
  /** A chunk came that may only be the last. */
  isLast: boolean
}

export interface Uploads {
  begin(asked: Asked, name: string): Reply | typeof DROP
  /** PATCH, PUT, GET and DELETE of one upload. */
  goOn(asked: Asked, id: string): Reply | typeof DROP
  /** What came of a body before its connection was cut. */
  keep(id: string, bytes: Uint8Array): void
}

const join = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts))

export function createUploads(
  quirks: Quirks,
  { store, counts, origins }: { store: Store; counts: Counts; origins: () => { registry: string; storage: string } },
): Uploads {
  const open = new Map<string, Upload>()
  let made = 0

  const locationOf = (id: string, { repository }: Upload): string => {
    const path = `/v2/${repository}/blobs/uploads/${id}?_state=a%2Bb`
    const { registry, storage } = origins()
    switch (quirks.location ?? 'path') {
      case 'elsewhere':
        return `${storage}/signed/${id}?X-Signature=abc%2Fdef`
      case 'relative':
        return `${id}?_state=a%2Bb`
      case 'without-scheme':
        return `${registry.replace(/^http:\/\//, '')}${path}`
      case 'absolute':
        return `${registry}${path}`
      default:
        return path
    }
  }
  const rangeOf = ({ told }: Upload) => `0-${Math.max(0, told - 1)}`
  const headersOf = (id: string, upload: Upload) => ({
    location: locationOf(id, upload),
    range: rangeOf(upload),
    'docker-upload-uuid': id,
    ...(quirks.smallestChunkBytes === undefined ? {} : { 'oci-chunk-min-length': `${quirks.smallestChunkBytes}` }),
  })
  const outOfRange = (id: string, upload: Upload): Reply => ({ status: 416, headers: headersOf(id, upload) })

  function mount(name: string, digest: string, from: string | null): Reply | 'not' {
    const { mount: how = 'any' } = quirks
    counts.mounts.tried++
    if (how === 'never') return 'not'
    if (typeof how === 'number') return refuse(how, how === 401 ? 'UNAUTHORIZED' : 'UNSUPPORTED', 'no mount')
    if (how === 'needs-from' && from === null) return refuse(400, 'UNSUPPORTED', 'mount without from')
    const source = from === null ? undefined : store.find(from)
    const bytes = source?.blobs.get(digest)
    if (source === undefined || bytes === undefined) return 'not'
    if (how === 'committed' && !isCommitted(source, digest)) return 'not'
    store.make(name).blobs.set(digest, bytes)
    counts.mounts.done++
    return { status: 201, headers: { location: `/v2/${name}/blobs/${digest}`, 'docker-content-digest': digest } }
  }

  function commit(upload: Upload, digest: string): Reply {
    const [algorithm = ''] = digest.split(':')
    if (algorithm === 'sha512' && quirks.refusesSha512)
      return refuse(400, 'DIGEST_INVALID', 'unsupported digest algorithm')
    if (!['sha256', 'sha512'].includes(algorithm) || digestOf(upload.bytes, algorithm) !== digest) {
      return refuse(400, 'DIGEST_INVALID', 'provided digest did not match uploaded content')
    }
    const { blobs } = store.make(upload.repository)
    const used = [...blobs.values()].reduce((sum, one) => sum + one.length, 0)
    if (quirks.quotaBytes !== undefined && used + upload.bytes.length > quirks.quotaBytes) {
      return refuse(
        403,
        'DENIED',
        'adding 1 KiB of storage resource, which when updated to 2 KiB will exceed the configured upper limit',
      )
    }
    blobs.set(digest, upload.bytes)
    const key = `${upload.repository} ${digest}`
    counts.uploads.set(key, (counts.uploads.get(key) ?? 0) + 1)
    const headers = { location: `/v2/${upload.repository}/blobs/${digest}`, 'docker-content-digest': digest }
    return { status: quirks.uploadStatus ?? 201, headers }
  }

  function patch(id: string, upload: Upload, { headers, body }: Asked): Reply {
    if (quirks.noPatch) return refuse(405, 'UNSUPPORTED', 'no chunks')
    const range = headers['content-range']
    if (range !== undefined) {
      const [first] = range.split('-').map(Number)
      if (body.length > (quirks.largestChunkBytes ?? Number.POSITIVE_INFINITY)) return outOfRange(id, upload)
      if (first !== upload.told && !quirks.patchIsStuck) return outOfRange(id, upload)
      if (upload.isLast) return outOfRange(id, upload)
      upload.isLast = body.length < (quirks.smallestChunkBytes ?? 0)
    }
    upload.patches++
    upload.bytes = quirks.patchOverwrites ? body : join(upload.bytes, body)
    if (!quirks.patchIsStuck || upload.patches === 1) upload.told = upload.bytes.length
    return { status: quirks.patchIsStuck ? 201 : 202, headers: headersOf(id, upload) }
  }

  function end(id: string, upload: Upload, { url, headers, body }: Asked): Reply {
    const digest = url.searchParams.get('digest')
    if (digest === null) return refuse(400, 'DIGEST_INVALID', 'digest missing')
    if (quirks.lastChunkWithPut && upload.patches > 0 && body.length === 0) {
      return refuse(400, 'BLOB_UPLOAD_INVALID', 'the last chunk comes with the PUT')
    }
    const range = headers['content-range']
    if (range !== undefined && Number(range.split('-')[0]) !== upload.told) return outOfRange(id, upload)
    upload.bytes = join(upload.bytes, body)
    open.delete(id)
    return commit(upload, digest)
  }

  return {
    keep(id, bytes) {
      const upload = open.get(id)
      if (upload === undefined) return
      upload.bytes = join(upload.bytes, bytes)
      upload.told = upload.bytes.length
    },
    begin({ url, body }, name) {
      if (quirks.missingRepository !== undefined && store.find(name) === undefined) {
        if (quirks.missingRepository === 'drop') return DROP
        return refuse(404, 'NAME_UNKNOWN', `The repository with name '${name}' does not exist`)
      }
      const digest = url.searchParams.get('mount')
      if (digest !== null) {
        const mounted = mount(name, digest, url.searchParams.get('from'))
        if (mounted !== 'not') return mounted
      }
      const id = `upload-${++made}`
      const upload: Upload = { repository: name, bytes: new Uint8Array(), told: 0, patches: 0, isLast: false }
      const whole = url.searchParams.get('digest')
      if (whole !== null && body.length > 0) return commit({ ...upload, bytes: body }, whole)
      open.set(id, upload)
      return { status: 202, headers: headersOf(id, upload) }
    },
    goOn(asked, id) {
      const upload = open.get(id)
      if (upload === undefined) return refuse(404, 'BLOB_UPLOAD_UNKNOWN')
      if (asked.body.length > (quirks.largestBodyBytes ?? Number.POSITIVE_INFINITY)) {
        return quirks.largeBody === 'drop' ? DROP : refuse(413, 'SIZE_INVALID', 'request entity too large')
      }
      if (asked.method === 'PATCH') return patch(id, upload, asked)
      if (asked.method === 'PUT') return end(id, upload, asked)
      if (asked.method === 'DELETE') open.delete(id)
      return { status: 204, headers: headersOf(id, upload) }
    },
  }
}
