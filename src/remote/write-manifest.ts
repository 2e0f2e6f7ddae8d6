/** Puts manifests by their digests, as they are, and sees to it that referrers are found. */
import { AppError, type ErrorCode } from '../errors.ts'
import { quoted } from '../lib/quoted.ts'
import { discard } from '../net/bounded-body.ts'
import type { HttpResponse } from '../net/guarded-fetch.ts'
import { algorithmOf, type Digest } from '../oci/digest.ts'
import { type ManifestReferences, referencesOf } from '../oci/manifest.ts'
import { MANIFEST_ACCEPT } from '../oci/media-types.ts'
import type { Abortable, Manifest } from '../oci/repository.ts'
import type { ReferrerLinks } from './link-referrers.ts'
import { resolveReference } from './manifests.ts'
import { placeOf, sendTo, signalOf, type TargetSession, titleOf } from './target-session.ts'

export interface ManifestPuts {
  write(manifest: Manifest, o: Abortable): Promise<void>
  /** PUT to a reference, which was seen to be wanted. @param at `TAG`, or a digest with a query @returns the answer, of any status */
  put(manifest: Manifest, at: string, o: Abortable): Promise<HttpResponse>
  /** What an answer other than success stands for. */
  failure(response: HttpResponse, manifest: Manifest, what: string): Promise<AppError>
}

/** @throws AppError UPSTREAM_*, see `sendTo`, and TARGET_UNSUPPORTED for what this registry cannot hold */
export function createManifestPuts(target: TargetSession, links: ReferrerLinks): ManifestPuts {
  const { memory, name, session, usage } = target
  /** Written, or found, in this pass. */
  const seen = new Set<Digest>()
  let hasHead = true

  async function isThere(digest: Digest, o: Abortable): Promise<boolean> {
    if (!hasHead) return (await resolveReference(session, name, { digest }, { ...o, isRead: true }))?.digest === digest
    const what = titleOf(target, { digest })
    const response = await sendTo(target, {
      ...signalOf(o),
      method: 'HEAD',
      at: `manifests/${digest}`,
      headers: { accept: MANIFEST_ACCEPT },
      what,
    })
    const { status, headers } = response
    if (status === 401 || status === 403 || status === 408 || status === 429 || status >= 500) {
      throw await session.failure(response, { what })
    }
    await discard(response)
    if (status === 405) {
      hasHead = false
      return await isThere(digest, o)
    }
    if (status === 404) await target.nothing.lookAfterAbsence(o)
    const told = headers.get('docker-content-digest')
    return status === 200 && (told === null || told === digest)
  }

  async function put(manifest: Manifest, at: string, o: Abortable): Promise<HttpResponse> {
    const { descriptor, bytes } = manifest
    usage.sentBytes += bytes.byteLength
    return await sendTo(target, {
      ...signalOf(o),
      method: 'PUT',
      at: `manifests/${at}`,
      headers: { 'content-type': descriptor.mediaType },
      body: new Uint8Array(bytes),
      what: `${target.name} ${at}`,
    })
  }

  /** The registry lacks what was remembered to be there, or takes no such manifest: the next pass looks again. */
  async function failure(response: HttpResponse, manifest: Manifest, what: string): Promise<AppError> {
    const { digest } = manifest.descriptor
    const error = await session.failure(response, { what })
    const words = (error.detail as { body?: string } | undefined)?.body ?? ''
    const facts = referencesOf(manifest.bytes)
    const isLacking = /(MANIFEST_BLOB|BLOB|MANIFEST)_UNKNOWN/.test(words)
    if (isLacking) for (const one of [...blobsOf(facts), ...childrenOf(facts), digest]) memory.forget(one)
    const of = (code: ErrorCode, why: string) =>
      new AppError(code, `${error.message}; ${why}`, { detail: error.detail })
    const { status } = response
    if (status < 400 || status >= 500 || [401, 403, 408, 429].includes(status)) return error
    const isSparse = childrenOf(facts).some(
      (child) => !seen.has(child) && !memory.hasManifest(child) && !memory.hasBlob(child),
    )
    if (isSparse) return of('TARGET_UNSUPPORTED', 'it takes no index of which some manifests are not there')
    if (algorithmOf(digest) === 'sha512' && !isLacking) return of('TARGET_UNSUPPORTED', 'it takes no sha512 digests')
    if (status === 405) return of('TARGET_UNSUPPORTED', 'it takes no manifests of this kind')
    return error
  }

  return {
    put,
    failure,
    async write(manifest, o) {
      const { digest } = manifest.descriptor
      if (memory.hasManifest(digest)) return
      const facts = referencesOf(manifest.bytes)
      let isListed = false
      if (target.nothing.isKnown || !(await isThere(digest, o))) {
        const response = await put(manifest, digest, o)
        if (response.status < 200 || response.status >= 300) {
          throw await failure(response, manifest, titleOf(target, { digest }))
        }
        await discard(response)
        refuseOther(target, digest, response)
        isListed = facts.subject !== undefined && response.headers.get('oci-subject')?.trim() === facts.subject.digest
      }
      if (facts.subject !== undefined) await links.link(facts.subject.digest, manifest, { ...o, isListed })
      seen.add(digest)
      memory.noteManifest(digest, blobsOf(facts))
    },
  }
}

/** @throws AppError UPSTREAM_INVALID when the registry says that it has stored something else */
export function refuseOther(target: TargetSession, digest: Digest, { headers }: HttpResponse): void {
  const told = headers.get('docker-content-digest')?.trim()
  if (told === undefined || told === digest || !told.startsWith(`${algorithmOf(digest)}:`)) return
  throw new AppError('UPSTREAM_INVALID', `${placeOf(target)}@${digest}: stored as ${quoted(told, 200)}`)
}

function blobsOf({ config, layers }: ManifestReferences): Digest[] {
  return [...(config === undefined ? [] : [config]), ...layers].map(({ digest }) => digest)
}

function childrenOf({ children }: ManifestReferences): Digest[] {
  return children.map(({ digest }) => digest)
}
