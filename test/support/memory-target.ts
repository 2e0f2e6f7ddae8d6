// A registry in memory that is written to: repositories that tests can look into, count, break and open to everybody.
import { AppError } from '../../src/errors.ts'
import type { Digest } from '../../src/oci/digest.ts'
import { referencesOf } from '../../src/oci/manifest.ts'
import type { RepositoryName } from '../../src/oci/reference.ts'
import type { RepositoryWriter, TagOutcome } from '../../src/oci/repository.ts'
import type { TargetMemory, TargetRepository } from '../../src/oci/target-repository.ts'
import { type MemoryRepository, memoryRepository } from './memory-repository.ts'

export interface MemoryTarget {
  readonly repositories: Map<string, MemoryRepository>
  /** What was asked: `HEAD 1`, `HEAD blob …`, `MOUNT …`, `UPLOAD …`, `PUT …`. */
  readonly requests: string[]
  visibility: 'private' | 'public' | 'unknown'
  readonly immutable: Set<string>
  /** Called before each request; what it throws is the answer, what it awaits delays it. */
  before(request: string, repository: string, signal: AbortSignal | undefined): void | Promise<void>
  open(repository: RepositoryName, memory: TargetMemory): TargetRepository
}

export function memoryTarget(): MemoryTarget {
  const repositories = new Map<string, MemoryRepository>()
  const requests: string[] = []
  const target: MemoryTarget = {
    repositories,
    requests,
    visibility: 'private',
    immutable: new Set(),
    before: () => {},
    open(name, memory) {
      const found = repositories.get(name) ?? memoryRepository()
      repositories.set(name, found)
      const usage = { requests: 0, sentBytes: 0, mountsTried: 0, mountsDone: 0 }
      const ask = async (request: string, signal: AbortSignal | undefined) => {
        signal?.throwIfAborted()
        usage.requests++
        requests.push(request)
        await target.before(request, name, signal)
      }
      const inner = found.writer()
      const writer: RepositoryWriter = {
        ...inner,
        async stageBlob(blob, o) {
          const { digest } = blob
          if (memory.hasBlob(digest)) return 'present'
          await ask(`HEAD blob ${digest}`, o?.signal)
          if (found.blobs.has(digest) || found.staged.has(digest)) {
            memory.noteBlob(digest)
            return 'present'
          }
          const from = memory.mountsOf(digest)[0]
          if (from !== undefined) {
            usage.mountsTried++
            await ask(`MOUNT ${digest} from ${from}`, o?.signal)
            const source = repositories.get(from)
            // A registry shows a blob at once, whether a manifest names it or not.
            const bytes = source?.blobs.get(digest) ?? source?.staged.get(digest)
            if (bytes !== undefined) {
              found.blobs.set(digest, bytes)
              usage.mountsDone++
              memory.noteBlob(digest)
              return 'present'
            }
          }
          await ask(`UPLOAD ${digest}`, o?.signal)
          const sink = await inner.stageBlob(blob, o)
          if (sink === 'present') return sink
          const parts: Uint8Array<ArrayBuffer>[] = []
          return {
            get missing() {
              return sink.missing
            },
            order: sink.order,
            async write(offset, body, options) {
              const part = await new Response(body).bytes()
              parts.push(part)
              await sink.write(offset, new Blob([part]).stream(), options)
            },
            async commit(options) {
              await sink.commit(options)
              // Others may mount it from now on.
              found.blobs.set(digest, Buffer.concat(parts))
              usage.sentBytes += blob.size
              memory.noteBlob(digest)
            },
            close: () => sink.close(),
            async [Symbol.asyncDispose]() {},
          }
        },
        async writeManifest(manifest, o) {
          const { digest } = manifest.descriptor
          if (memory.hasManifest(digest)) return
          await ask(`HEAD ${digest}`, o?.signal)
          const { config, layers, children } = referencesOf(manifest.bytes)
          const blobs = [...(config === undefined ? [] : [config]), ...layers].map((one) => one.digest)
          if (!found.manifests.has(digest)) {
            await ask(`PUT ${digest}`, o?.signal)
            await inner.writeManifest(manifest, o)
            const lacking = children.find((child) => !found.manifests.has(child.digest))
            try {
              // A registry shows a manifest by its digest at once.
              await inner.publish({ roots: [manifest.descriptor], tags: [] }, async () => manifest.bytes, o)
            } catch (error) {
              for (const one of [...blobs, ...children.map((child) => child.digest), digest]) memory.forget(one)
              throw error
            }
            if (lacking !== undefined) throw new AppError('TARGET_UNSUPPORTED', 'no sparse indexes')
          }
          memory.noteManifest(digest, blobs)
        },
        async publish(change, read, o) {
          const outcomes: TagOutcome[] = []
          for (const move of change.tags) {
            await ask(`TAG ${move.tag}`, o?.signal)
            const is = found.tags.get(move.tag)
            if (target.immutable.has(move.tag) && is !== undefined && is !== move.to?.digest) {
              outcomes.push({ tag: move.tag, result: 'refused', reason: `${move.tag} is immutable there` })
            } else outcomes.push(...(await inner.publish({ roots: [], tags: [move] }, read, o)))
          }
          return outcomes
        },
      }
      return {
        reader: {
          ...found.reader(),
          async listReferrers(subject, o) {
            await ask(`REFERRERS ${subject.digest}`, o?.signal)
            return found.reader().listReferrers(subject, o)
          },
        },
        writer,
        async head(reference, o) {
          await ask(`HEAD ${reference.tag ?? reference.digest}`, o?.signal)
          const digest = reference.digest ?? found.tags.get(reference.tag)
          return digest !== undefined && found.manifests.has(digest) ? (digest as Digest) : undefined
        },
        async findVisibility(o) {
          await ask('VISIBILITY', o?.signal)
          return target.visibility
        },
        async prepare(o) {
          await ask('PREPARE', o?.signal)
        },
        usage: () => usage,
      }
    },
  }
  return target
}
