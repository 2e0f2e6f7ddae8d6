import type { RegistryKind } from '../api/targets.ts'
import { createKeyedTurns, type Lock } from '../lib/keyed-turns.ts'
import { type Sleep, systemSleep } from '../lib/retry.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { RepositoryName } from '../oci/reference.ts'
import type { Abortable, BlobSink, RepositoryWriter } from '../oci/repository.ts'
import type { TargetMemory, TargetRepository } from '../oci/target-repository.ts'
import { createReferrerLinks } from './link-referrers.ts'
import { createTagMoves } from './move-tags.ts'
import type { RegistryNetwork } from './network.ts'
import { createNothingThere } from './nothing-there.ts'
import { prepareRepository } from './prepare.ts'
import { noteBlobs, type RegistryApi } from './registry-api.ts'
import { kindOfAddress, type RegistryTraits, traitsOf } from './registry-traits.ts'
import { readRepository } from './remote-repository.ts'
import { openSession, type SentRequest } from './session.ts'
import { createBlobStage } from './stage-blob.ts'
import { asTarget, type TargetSession } from './target-session.ts'
import { unlinkReferrers } from './unlink-referrers.ts'
import { nameAtRegistry, type UpstreamEndpoint } from './upstream.ts'
import { findVisibility } from './visibility.ts'
import { createManifestPuts } from './write-manifest.ts'

export interface RemoteTargetOptions {
  /** As the address says when left out. */
  readonly kind?: RegistryKind | undefined
  readonly memory: TargetMemory
  /** For what others of us may write at the same time: over servers where there are several; within this process when left out. */
  readonly lock?: Lock | undefined
  readonly onRequest?: ((request: SentRequest) => void) | undefined
  /** Where there is a client for what the registry does besides `/v2`. */
  readonly api?: RegistryApi | undefined
  readonly sleep?: Sleep | undefined
  /** Otherwise than its kind has it. */
  readonly traits?: Partial<RegistryTraits> | undefined
}

export interface RemoteTarget extends TargetRepository {
  /** Whether it is there whole, by HEAD. */
  hasBlob(blob: Descriptor, o?: Abortable): Promise<boolean>
}

const ownLock = createKeyedTurns()

/**
 * Writes to one repository of another registry; open one for each pass. No request is sent before the first call.
 * @param repository its name under the endpoint's prefix
 * @throws AppError INVALID_REQUEST or NAME_INVALID for an endpoint or name that cannot be; the methods throw TARGET_* and
 *   ADDRESS_NOT_ALLOWED, DIGEST_INVALID and SIZE_INVALID for bytes that are not the blob, and what the source of a blob throws
 */
export function openRemoteTarget(
  network: RegistryNetwork,
  endpoint: UpstreamEndpoint,
  repository: RepositoryName,
  o: RemoteTargetOptions,
): RemoteTarget {
  let requests = 0
  const onRequest = (request: SentRequest) => {
    requests++
    o.onRequest?.(request)
  }
  const outer = openSession(network, endpoint, onRequest)
  const name = nameAtRegistry(outer.address, repository)
  const session = asTarget(outer, name)
  const kind = o.kind ?? kindOfAddress(session.address)
  const usage = { sentBytes: 0, mountsTried: 0, mountsDone: 0 }
  const target: TargetSession = {
    session,
    name,
    kind,
    traits: { ...traitsOf(kind), ...o.traits },
    memory: o.memory,
    nothing: createNothingThere(session, name),
    absentBlobs: new Set(),
    lock: o.lock ?? ownLock,
    sleep: o.sleep ?? systemSleep,
    usage,
  }
  const links = createReferrerLinks(target)
  const puts = createManifestPuts(target, links)
  const moves = createTagMoves(target, puts)
  const blobs = createBlobStage(target)

  async function guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw await session.redacted(error)
    }
  }

  const reader = readRepository(session, name)
  const writer: RepositoryWriter = {
    stageBlob: (blob, o = {}) => guarded<'present' | BlobSink>(() => blobs.stage(blob, o)),
    writeManifest: (manifest, o = {}) => guarded(() => puts.write(manifest, o)),
    publish: ({ tags }, read, o = {}) => guarded(() => moves.move(tags, read, o)),
    unlink: (referrers, o = {}) => guarded(() => unlinkReferrers(target, links, referrers, o)),
  }

  const { api } = o
  const createRepository = api?.createRepository?.bind(api)
  const hasBlobs = api?.hasBlobs?.bind(api)

  return {
    reader,
    writer,
    head: (reference, o = {}) =>
      guarded(async () => {
        if (target.nothing.isKnown) return undefined
        return await moves.find(reference, o)
      }),
    hasBlob: (blob, o = {}) => guarded(() => blobs.isThere(blob, o)),
    findVisibility: (o = {}) =>
      guarded(() => findVisibility(network, endpoint, { ...o, session, kind, name, onRequest })),
    prepare: (o = {}) => guarded(() => prepareRepository({ ...o, session, kind, name, createRepository })),
    ...(hasBlobs === undefined
      ? {}
      : {
          noteBlobs: (blobs, o = {}) =>
            guarded(async () => {
              const absent = await noteBlobs(blobs, (some) => hasBlobs(name, some, o), target.memory)
              for (const digest of absent) target.absentBlobs.add(digest)
            }),
        }),
    usage: () => ({ requests, ...usage }),
  }
}
