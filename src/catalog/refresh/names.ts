/** The names that an upstream's catalog is made of. */
import type { CatalogRow } from '../../db/schema.ts'
import { AppError } from '../../errors.ts'
import { cancelledBy } from '../../lib/abort.ts'
import type { RegistryReader } from '../../oci/repository.ts'

export const MAX_ENTRIES = 100_000
/** Names between two breaths, so that a large catalog holds up nothing else. */
const NAMES_A_TURN = 500
/** However slow a registry is, others wait for its place. */
const MAX_NAMES_MS = 2 * 60_000
/** A catalog that has fewer may lose what it likes. */
const MIN_BRAKED = 10

/** The names that people gave; undefined: those that the registry lists. */
export function givenNames(row: Pick<CatalogRow, 'names'> | undefined): string[] | undefined {
  return row === undefined || row.names === null ? undefined : (JSON.parse(row.names) as string[])
}

/** @throws AppError UPSTREAM_*, UPSTREAM_UNAVAILABLE after `ms`, UPSTREAM_INVALID beyond 100,000 repositories, CANCELLED */
export async function listNames(
  registry: RegistryReader,
  upstream: string,
  signal: AbortSignal,
  ms: number = MAX_NAMES_MS,
): Promise<string[]> {
  const deadline = AbortSignal.timeout(ms)
  try {
    return await readNames(registry, upstream, AbortSignal.any([signal, deadline]))
  } catch (error) {
    if (!deadline.aborted || signal.aborted) throw error
    const message = `${upstream} has not listed its repositories within ${ms / 1000} seconds`
    throw new AppError('UPSTREAM_UNAVAILABLE', message, { cause: error })
  }
}

async function readNames(registry: RegistryReader, upstream: string, signal: AbortSignal): Promise<string[]> {
  const names = new Set<string>()
  let listed = 0
  for await (const name of registry.listRepositories({ signal })) {
    if (signal.aborted) throw cancelledBy(signal)
    names.add(name)
    if (++listed > MAX_ENTRIES) {
      throw new AppError('UPSTREAM_INVALID', `${upstream} lists more than ${MAX_ENTRIES} repositories`)
    }
    if (listed % NAMES_A_TURN === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  return [...names].sort()
}

/** Why what is listed now is not believed; undefined: it is. @param before entries at the last good read; 0: there was none */
export function whyShrunk(what: string, before: number, now: number): string | undefined {
  if (before === 0 || (now > 0 && (before < MIN_BRAKED || now >= before / 2))) return undefined
  return `${what} ${now} of the ${before} entries that there were: what was read before stays`
}
