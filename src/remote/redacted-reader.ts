/** The one way out of this room: whatever an upstream says in an error, its reader hears without the upstream's secrets. */
import { AppError, isAppError, messageOf } from '../errors.ts'
import type { LeftOut, RegistryReader, RepositoryReader } from '../oci/repository.ts'

/** See `RegistrySession`. */
type Redacted = (error: unknown) => Promise<unknown>

export function redactedReader(reader: RepositoryReader, redacted: Redacted): RepositoryReader {
  return {
    listTags: (o) => redactedItems(() => reader.listTags(o), redacted),
    resolve: (reference, o) => redactedCall(() => reader.resolve(reference, o), redacted),
    readManifest: (of, o) => redactedCall(() => reader.readManifest(of, o), redacted),
    openBlob: (blob, o) => redactedCall(() => reader.openBlob(blob, o), redacted),
    async listReferrers(subject, o) {
      const list = await redactedCall(() => reader.listReferrers(subject, o), redacted)
      if (list === 'unchanged') return list
      const { items: all, leftOut: found = [] } = list
      const leftOut: LeftOut[] = []
      async function* items() {
        yield* redactedItems(() => all, redacted)
        for (const one of found) leftOut.push({ ...one, ...(await redactedText(one, redacted)) })
      }
      return { ...list, items: items(), leftOut }
    },
  }
}

export function redactedRegistry(reader: RegistryReader, redacted: Redacted): RegistryReader {
  return { listRepositories: (o) => redactedItems(() => reader.listRepositories(o), redacted) }
}

async function redactedText({ code, message }: LeftOut, redacted: Redacted): Promise<Omit<LeftOut, 'digest'>> {
  const error = await redacted(new AppError(code, message))
  return { code: isAppError(error) ? error.code : code, message: messageOf(error) }
}

async function redactedCall<T>(call: () => Promise<T>, redacted: Redacted): Promise<T> {
  try {
    return await call()
  } catch (error) {
    throw await redacted(error)
  }
}

async function* redactedItems<T>(items: () => AsyncIterable<T>, redacted: Redacted): AsyncGenerator<T> {
  try {
    yield* items()
  } catch (error) {
    throw await redacted(error)
  }
}
