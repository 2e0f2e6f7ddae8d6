/**
 * Two passes that want the same blob at one target: one sends it, the other waits, with its other work going on, and mounts it then. Whoever has
 * a turn is sending, so nobody waits for somebody that waits.
 */
import type { KeyedTurns } from '../../lib/held-turns.ts'
import type { BlobSink, RepositoryWriter } from '../../oci/repository.ts'
import type { TargetMemory } from '../../oci/target-repository.ts'

export function withSharedUploads(
  writer: RepositoryWriter,
  o: { readonly turns: KeyedTurns; readonly targetId: string; readonly memory: TargetMemory },
): RepositoryWriter {
  return {
    ...writer,
    async stageBlob(blob, options) {
      if (o.memory.hasBlob(blob.digest)) return 'present'
      const end = await o.turns.take(`${o.targetId} ${blob.digest}`, options?.signal)
      let sink: 'present' | BlobSink = 'present'
      try {
        sink = await writer.stageBlob(blob, options)
      } finally {
        if (sink === 'present') end()
      }
      return sink === 'present' ? sink : endingWith(sink, end)
    },
  }
}

function endingWith(sink: BlobSink, end: () => void): BlobSink {
  const over = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } finally {
      end()
    }
  }
  return {
    get missing() {
      return sink.missing
    },
    order: sink.order,
    write: (offset, body, options) => sink.write(offset, body, options),
    commit: (options) => over(() => sink.commit(options)),
    close: () => over(() => sink.close()),
    [Symbol.asyncDispose]: () => over(async () => sink[Symbol.asyncDispose]()),
  }
}
