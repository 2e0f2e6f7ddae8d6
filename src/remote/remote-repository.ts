import { LRUCache } from 'lru-cache'
import { AppError } from '../errors.ts'
import { createLimiter } from '../lib/concurrency.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import type { RepositoryName, Tag } from '../oci/reference.ts'
import type { Abortable, Manifest, ManifestKey, ReferrerList, RepositoryReader } from '../oci/repository.ts'
import { openBlob } from './blobs.ts'
import { readManifest, resolveReference } from './manifests.ts'
import type { RegistryNetwork } from './network.ts'
import { redactedReader } from './redacted-reader.ts'
import { listReferrersByApi } from './referrers.ts'
import { listReferrersByTag } from './referrers-fallback.ts'
import { openSession, type RegistrySession, type SentRequest } from './session.ts'
import { listTags } from './tags.ts'
import { nameAtRegistry, type UpstreamEndpoint } from './upstream.ts'

/** Manifests read to verify a fallback index are asked for again when they are copied: kept that long, in bytes. */
const KEPT_MANIFEST_BYTES = 16 * 1024 * 1024

/**
 * Reads one repository of another registry; open one for each pass. No request is sent before the first call.
 * @param repository its name under the endpoint's prefix
 * @param onRequest hears of every request that is really sent, tokens and retries included
 * @throws AppError INVALID_REQUEST or NAME_INVALID for an endpoint or name that cannot be; the methods throw UPSTREAM_* and
 *   ADDRESS_NOT_ALLOWED, with the registry's host, the repository and the reference in the message
 */
export function openRemoteRepository(
  network: RegistryNetwork,
  endpoint: UpstreamEndpoint,
  repository: RepositoryName,
  { onRequest }: { readonly onRequest?: (request: SentRequest) => void } = {},
): RepositoryReader {
  const session = openSession(network, endpoint, onRequest)
  return readRepository(session, nameAtRegistry(session.address, repository))
}

/** The same over a session that is there. @param name at the registry itself */
export function readRepository(session: RegistrySession, name: RepositoryName): RepositoryReader {
  const { network } = session
  const kept = new LRUCache<string, Manifest>({
    maxSize: KEPT_MANIFEST_BYTES,
    sizeCalculation: ({ bytes }) => bytes.byteLength + 1,
  })
  const firstQuestion = createLimiter(1)
  let tags: ReadonlySet<Tag> | undefined
  let listing: Promise<void> | undefined
  let hasReferrersApi: boolean | undefined
  let apiIsGone: AppError | undefined

  async function* listAndRemember(o: Abortable) {
    const seen = new Set<Tag>()
    for await (const listed of listTags(session, name, o)) {
      seen.add(listed.tag)
      yield listed
    }
    // Only a list that was read to its end says what is not there.
    tags = seen
  }

  async function seenTags(o: Abortable): Promise<ReadonlySet<Tag>> {
    if (tags === undefined) {
      listing ??= drain(listAndRemember(o)).finally(() => {
        listing = undefined
      })
      await listing
    }
    return tags ?? new Set()
  }

  /** The API's answer; 'unsupported' without a request once that is known. */
  async function listByApi(
    subject: Descriptor,
    o: Abortable & { known?: string | undefined; listed?: Digest | undefined },
  ) {
    const capability = `${await session.key()} ${name}`
    if (apiIsGone !== undefined) throw apiIsGone
    const isKnownWithout = o.listed === undefined && network.withoutReferrersApi.has(capability)
    if (hasReferrersApi === undefined && isKnownWithout) hasReferrersApi = false
    if (hasReferrersApi === false) return 'unsupported'
    let listed = await listReferrersByApi(session, name, subject, { ...o, hasApi: hasReferrersApi === true })
    if (listed === 'unauthorized') {
      // Whoever may read the subject now was not refused for want of rights.
      await resolveReference(session, name, { digest: subject.digest }, o)
      listed = 'unsupported'
    }
    if (listed === 'absent') return listed
    // After one good answer a bad one is about this subject, not about the registry.
    if (listed === 'unsupported' && hasReferrersApi === undefined) {
      // Any path in a repository that is not there may be a 404: that must not be remembered for when it is.
      await seenTags(o)
      if (o.listed === undefined) network.withoutReferrersApi.set(capability, true)
      else {
        await requireApi(o.listed, o)
        hasReferrersApi = true
      }
    }
    hasReferrersApi ??= listed !== 'unsupported'
    return listed
  }

  /** @throws AppError UPSTREAM_UNAVAILABLE when there is no API any more for a subject that it has listed before */
  async function requireApi(digest: Digest, o: Abortable): Promise<void> {
    const again = await listReferrersByApi(session, name, { digest }, { ...o, hasApi: false })
    if (again !== 'unsupported' && again !== 'unauthorized') return
    const where = `${session.address.host}: ${name}`
    apiIsGone = new AppError(
      'UPSTREAM_UNAVAILABLE',
      `${where}: the referrers API, which has listed referrers before, is not there now`,
    )
    throw apiIsGone
  }

  /** By digest alone: what a HEAD or an entry of an index says of the size is a hint. */
  async function readAndKeep(of: ManifestKey, o: Abortable) {
    const manifest = kept.get(of.digest) ?? (await readManifest(session, name, { digest: of.digest }, o))
    if (manifest !== undefined) kept.set(of.digest, manifest)
    return manifest
  }

  const reader: RepositoryReader = {
    listTags: (o = {}) => listAndRemember(o),
    resolve: (reference, o = {}) => resolveReference(session, name, reference, o),
    async readManifest(of, o = {}) {
      const manifest = kept.get(of.digest)
      const isWanted = manifest !== undefined && (of.size === undefined || of.size === manifest.descriptor.size)
      if (!isWanted) return await readManifest(session, name, of, o)
      kept.delete(of.digest)
      return manifest
    },
    openBlob: (blob, o = {}) => openBlob(session, name, blob, o),
    async listReferrers(subject, { known, listed: before, signal } = {}) {
      const asking = { known, listed: before, ...(signal && { signal }) }
      let listed: 'unsupported' | 'absent' | ReferrerList | undefined
      // What has listed referrers by the API has it: in a pass without news that question would be a round trip of its own.
      if (hasReferrersApi === undefined && before === undefined) {
        // One question finds out whether there is the API; those who ask at the same time wait for what it shows.
        await firstQuestion.run(async () => {
          if (hasReferrersApi === undefined) listed = await listByApi(subject, asking)
        })
      }
      listed ??= await listByApi(subject, asking)
      if (listed !== 'unsupported' && listed !== 'absent') return listed
      const o = signal === undefined ? {} : { signal }
      return await listReferrersByTag(
        {
          title: `${session.address.host}: ${name}`,
          tags: () => seenTags(o),
          resolve: (reference) => resolveReference(session, name, reference, o),
          readManifest: (of) => readAndKeep(of, o),
        },
        subject,
        known,
      )
    },
  }
  return redactedReader(reader, session.redacted)
}

async function drain(items: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of items);
}
