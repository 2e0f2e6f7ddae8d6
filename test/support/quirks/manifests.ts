// Manifests, tags and referrers, with whatever the quirks make of them.
import { type Asked, type Counts, json, type Reply, refuse } from './exchange.ts'
import type { Quirks } from './quirks.ts'
import {
  blobsOf,
  digestOf,
  INDEX,
  type QuirkRepository,
  type ReadManifest,
  read,
  referrersOf,
  resolve,
  type Store,
} from './store.ts'

const SCHEMA_1 = 'application/vnd.docker.distribution.manifest.v1+json'
const NONDISTRIBUTABLE = /nondistributable|foreign/

export function answerManifests(quirks: Quirks, { store, counts }: { store: Store; counts: Counts }) {
  const missing = () => refuse(404, 'MANIFEST_UNKNOWN')

  function get(repository: QuirkRepository, reference: string, { method, headers }: Asked): Reply {
    if (method === 'HEAD' && quirks.noHead?.includes('manifests')) return { status: 405 }
    const digest = resolve(repository, reference, quirks.showsSubjectAtFallbackTag ?? false)
    const stored = digest === undefined ? undefined : repository.manifests.get(digest)
    if (digest === undefined || stored === undefined) return missing()
    if (quirks.convertsToSchema1 && !(headers.accept ?? '').includes('vnd.oci.image')) {
      return json({ schemaVersion: 1, name: 'x', tag: 'x', fsLayers: [] }, { 'content-type': SCHEMA_1 })
    }
    const named = quirks.hidesDigest && method === 'HEAD' ? {} : { 'docker-content-digest': digest }
    return { status: 200, headers: { 'content-type': stored.mediaType, ...named }, body: stored.bytes }
  }

  /** Why the registry does not take it. */
  function refusal(repository: QuirkRepository, manifest: ReadManifest, digest: string): Reply | undefined {
    if (quirks.wantsMediaType && manifest.mediaType === undefined) {
      return refuse(405, 'UNSUPPORTED', 'Invalid parameter at ImageManifest: Invalid JSON syntax')
    }
    if (quirks.refusesSha512 && digest.startsWith('sha512:')) return refuse(400, 'DIGEST_INVALID')
    if (manifest.subject !== undefined && quirks.referrerPut !== undefined) {
      return refuse(quirks.referrerPut, 'UNSUPPORTED', 'referrers of this type are not taken')
    }
    const wanted = (manifest.layers ?? []).filter((one) => !NONDISTRIBUTABLE.test(one.mediaType ?? ''))
    const blobs = blobsOf({ ...manifest, layers: wanted }).filter((blob) => !repository.blobs.has(blob))
    const children = (manifest.manifests ?? []).filter((one) => !repository.manifests.has(one.digest))
    if (blobs.length > 0) return refuse(400, 'MANIFEST_BLOB_UNKNOWN', `blob unknown: ${blobs[0]}`)
    if (quirks.refusesSparse && children.length > 0) {
      return refuse(400, 'MANIFEST_BLOB_UNKNOWN', `manifest unknown: ${children[0]?.digest}`)
    }
    return undefined
  }

  function put(name: string, reference: string, { url, headers, body }: Asked): Reply {
    if (quirks.missingRepository !== undefined && store.find(name) === undefined) return refuse(404, 'NAME_UNKNOWN')
    const repository = store.make(name)
    const isDigest = reference.includes(':')
    const digest = digestOf(body, isDigest ? reference.split(':')[0] : 'sha256')
    if (isDigest && digest !== reference) return refuse(400, 'DIGEST_INVALID')
    let manifest: ReadManifest
    const sent = { mediaType: headers['content-type'] ?? '', bytes: body }
    try {
      manifest = read(sent)
    } catch {
      return refuse(400, 'MANIFEST_INVALID')
    }
    const refused = refusal(repository, manifest, digest)
    if (refused !== undefined) return refused
    const together = isDigest && quirks.takesTags ? url.searchParams.getAll('tag') : []
    const tags = isDigest ? together : [reference]
    const taken = tags.find((tag) => ![undefined, digest].includes(repository.tags.get(tag)))
    if (taken !== undefined && quirks.immutable !== undefined) {
      const code = quirks.immutable === 412 ? 'PRECONDITION' : 'DENIED'
      return refuse(quirks.immutable, code, `tag ${taken} is immutable`)
    }
    const isThere = repository.manifests.has(digest) && tags.every((tag) => repository.tags.get(tag) === digest)
    if (isThere) counts.identicalPuts.push(`${name} ${reference}`)

    const changed = quirks.changesManifests && !isDigest ? new Uint8Array([...body, 0x0a]) : body
    const kept = digestOf(changed, digest.split(':')[0])
    repository.manifests.set(kept, { mediaType: sent.mediaType, bytes: changed })
    for (const tag of tags) if (!quirks.keepsOldTags || !repository.tags.has(tag)) repository.tags.set(tag, kept)
    const { subject } = manifest
    const knowsSubject = quirks.claimsSubject ?? (quirks.referrers ?? 'api') === 'api'
    return {
      status: quirks.manifestStatus ?? 201,
      headers: {
        location: `/v2/${name}/manifests/${digest}`,
        'docker-content-digest': quirks.liesAboutDigest ? `sha256:${'0'.repeat(64)}` : digest,
        ...(together.length === 0 ? {} : { 'oci-tag': together.join(', ') }),
        ...(subject !== undefined && knowsSubject ? { 'oci-subject': subject.digest } : {}),
      },
    }
  }

  function remove(repository: QuirkRepository, reference: string): Reply {
    if (quirks.noDelete) return refuse(405, 'UNSUPPORTED')
    if (!reference.includes(':')) return repository.tags.delete(reference) ? { status: 202 } : missing()
    if (!repository.manifests.delete(reference)) return missing()
    for (const [tag, digest] of repository.tags) if (digest === reference) repository.tags.delete(tag)
    return { status: 202 }
  }

  function referrers(name: string, subject: string): Reply {
    const { referrers: how = 'api' } = quirks
    if (how === 'page') return { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>not found</html>' }
    if (how === 303) return { status: 303, headers: { location: `http://web.test/${name}` } }
    if (how !== 'api') return refuse(how, 'UNSUPPORTED')
    const found = store.find(name)
    const body = referrersOf(found ?? { blobs: new Map(), manifests: new Map(), tags: new Map() }, subject)
    return { status: 200, headers: { 'content-type': INDEX }, body }
  }

  return { get, put, remove, referrers }
}
