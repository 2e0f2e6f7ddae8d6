/** How a blob gets to a target: it is there, or is mounted from where it is, or is sent. */
import { AppError, isAppError, isCancelled } from '../errors.ts'
import { quoted } from '../lib/quoted.ts'
import { discard } from '../net/bounded-body.ts'
import type { HttpResponse } from '../net/guarded-fetch.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { RepositoryName } from '../oci/reference.ts'
import type { Abortable, BlobSink } from '../oci/repository.ts'
import { openUpload } from './blob-upload.ts'
import { sendTo, signalOf, type TargetSession } from './target-session.ts'
import { sessionOf, type UploadSession } from './upload-session.ts'
import { nameAtRegistry } from './upstream.ts'

export interface BlobStage {
  stage(
    blob: Descriptor,
    o: Abortable & { readonly mountFrom?: readonly RepositoryName[] },
  ): Promise<'present' | BlobSink>
  isThere(blob: Descriptor, o: Abortable): Promise<boolean>
}

/** @throws AppError UPSTREAM_*, see `sendTo` */
export function createBlobStage(target: TargetSession): BlobStage {
  const { memory, traits, session, name, usage } = target
  /** Repositories of which this registry mounts nothing for us. */
  const unmountable = new Set<RepositoryName>()

  let hasHead = true

  /** By HEAD, or by a GET of its first byte where a registry answers none. What neither is answered for is not known to be there: it is sent. */
  async function isThere(blob: Descriptor, o: Abortable): Promise<boolean> {
    const what = `${name} blob ${blob.digest}`
    const isByHead = hasHead
    const response = await sendTo(target, {
      ...signalOf(o),
      method: isByHead ? 'HEAD' : 'GET',
      at: `blobs/${blob.digest}`,
      ...(isByHead ? {} : { headers: { range: 'bytes=0-0' } }),
      redirect: 'same-origin',
      what,
    })
    const { status, headers } = response
    const isRefused = status === 401 || status === 403 || status === 429 || status === 408 || status >= 500
    if (isRefused) throw await session.failure(response, { what })
    await discard(response)
    if (status === 405 && isByHead) {
      hasHead = false
      return await isThere(blob, o)
    }
    // It sends on to its storage for what it has alone.
    if (status >= 300 && status < 400) return true
    // Of an empty blob there is no first byte.
    if (status === 416) return blob.size === 0
    if (status === 404) await target.nothing.lookAfterAbsence(o)
    if (status !== 200 && status !== 206) return false
    const length = status === 206 ? totalOf(headers) : headers.get('content-length')
    return length === null || !/^\d{1,15}$/.test(length) || Number(length) === blob.size
  }

  async function begin(blob: Descriptor, o: Abortable): Promise<UploadSession> {
    const what = `${name} blob ${blob.digest}`
    const response = await sendTo(target, { ...signalOf(o), method: 'POST', at: 'blobs/uploads/', body: '', what })
    return await begunBy(response, what)
  }

  async function begunBy(response: HttpResponse, what: string): Promise<UploadSession> {
    if (response.status !== 202) throw await session.failure(response, { what: `${what}, its upload` })
    await discard(response)
    return sessionOf(target, response, what)
  }

  /** @returns undefined: not from there, and nothing was begun */
  async function mount(
    blob: Descriptor,
    from: RepositoryName,
    o: Abortable,
  ): Promise<'present' | UploadSession | undefined> {
    const what = `${name} blob ${blob.digest}`
    const other = nameAtRegistry(session.address, from)
    const query = `mount=${encodeURIComponent(blob.digest)}&from=${encodeURIComponent(other)}`
    usage.mountsTried++
    let response: HttpResponse
    try {
      response = await sendTo(target, {
        ...signalOf(o),
        method: 'POST',
        at: `blobs/uploads/?${query}`,
        alsoScope: `repository:${other}:pull`,
        body: '',
        what: `${what}, mounted from ${other}`,
      })
    } catch (error) {
      // A token service that gives nothing for both repositories may do so for one.
      if (isCancelled(error) || !isAppError(error, 'UPSTREAM_DENIED')) throw error
      unmountable.add(from)
      return undefined
    }
    const { status } = response
    if (status === 201) {
      await discard(response)
      const told = response.headers.get('docker-content-digest')
      if (told !== null && told !== blob.digest) {
        throw new AppError(
          'UPSTREAM_INVALID',
          `${session.address.host}: ${what}: mounted from ${other} as ${quoted(told, 200)}`,
        )
      }
      usage.mountsDone++
      return 'present'
    }
    if (status === 202) return await begunBy(response, what)
    if (status === 408 || status === 429 || status >= 500) throw await session.failure(response, { what })
    await discard(response)
    unmountable.add(from)
    return undefined
  }

  /** The surest place. */
  function placeFor(blob: Descriptor, mountFrom: readonly RepositoryName[]): RepositoryName | undefined {
    if (traits.mounts === 'none') return undefined
    // Of what others tell it is not known whether a manifest there names it.
    const places = [...memory.mountsOf(blob.digest), ...(traits.mounts === 'any' ? mountFrom : [])]
    return places.find((from) => !unmountable.has(from) && nameAtRegistry(session.address, from) !== name)
  }

  return {
    isThere,
    async stage(blob, { mountFrom = [], ...o }) {
      if (memory.hasBlob(blob.digest)) return 'present'
      const onDone = () => memory.noteBlob(blob.digest)
      const isTold = target.nothing.isKnown || target.absentBlobs.has(blob.digest)
      if (!isTold && (await isThere(blob, o))) {
        onDone()
        return 'present'
      }
      const from = placeFor(blob, mountFrom)
      const begun = from === undefined ? undefined : await mount(blob, from, o)
      if (begun === 'present') {
        onDone()
        return 'present'
      }
      return openUpload(target, {
        blob,
        session: begun,
        isThere: (o) => isThere(blob, o),
        begin: (o) => begin(blob, o),
        onDone,
      })
    },
  }
}

/** Of `bytes 0-0/TOTAL`. */
function totalOf(headers: Headers): string | null {
  return headers.get('content-range')?.split('/').at(-1) ?? null
}
