/** The names that a subscription is about. */
import { AppError } from '../../errors.ts'
import type { RepositoryName } from '../../oci/reference.ts'
import type { RegistryReader } from '../../oci/repository.ts'
import type { CatalogReading } from './plan-read.ts'
import { type Selection, selectorOf } from './selection.ts'

const MAX_ENTRIES = 100_000
/** Names between two breaths, so that a large catalog holds up nothing else. */
const NAMES_A_TURN = 500

/**
 * Reads the catalog as it comes; only what matches is held.
 * @throws AppError UPSTREAM_*; UPSTREAM_INVALID beyond 100,000 repositories
 */
export async function readCatalog(
  open: () => RegistryReader,
  upstream: string,
  selection: Selection,
  signal: AbortSignal,
): Promise<CatalogReading> {
  const isSelected = selectorOf(selection)
  const matched = new Set<RepositoryName | string>()
  let listed = 0
  const names = selection.repositories ?? open().listRepositories({ signal })
  for await (const name of names) {
    if (++listed > MAX_ENTRIES) {
      throw new AppError('UPSTREAM_INVALID', `${upstream} lists more than ${MAX_ENTRIES} repositories`)
    }
    if (isSelected(name)) matched.add(name)
    if (listed % NAMES_A_TURN === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  return { matched: [...matched].sort(), listed }
}

/** A registry without a catalog of its own is told with what to do instead. */
export function withAdvice(error: unknown, upstream: string): unknown {
  if (!(error instanceof AppError)) return error
  const { code, message, detail } = error
  if (code !== 'UPSTREAM_UNSUPPORTED' && code !== 'UPSTREAM_DENIED') return error
  const what =
    code === 'UPSTREAM_DENIED' ? 'does not let this login list its repositories' : 'does not list its repositories'
  return new AppError(
    code,
    `${upstream} ${what}, so that they cannot be subscribed to as a whole: name them, --repositories A,B,C, or start them one by one, mirror start ${upstream}/REPOSITORY (${message})`,
    { detail, cause: error },
  )
}
