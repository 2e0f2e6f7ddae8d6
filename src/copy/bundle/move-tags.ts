/** Makes the moves of a plan one after the other: those of different tags together, those of one tag each by itself. */
import type { RunFailure } from '../../api/runs.ts'
import { isAppError, isCancelled } from '../../errors.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Tag } from '../../oci/reference.ts'
import type { TagOutcome } from '../../oci/repository.ts'
import type { TargetRepository } from '../../oci/target-repository.ts'
import type { PlannedMove } from './plan-moves.ts'

const MAX_TOGETHER = 32

export interface MovesMade {
  readonly made: readonly PlannedMove[]
  readonly failures: readonly RunFailure[]
}

/** A tag that could not be moved is left where it is; the others go on. @throws AppError CANCELLED */
export async function makeMoves(
  target: TargetRepository,
  moves: readonly PlannedMove[],
  o: {
    readonly signal: AbortSignal
    /** Of a manifest that is at the target. */
    describe(digest: Digest): Descriptor
    read(of: Descriptor): Promise<Uint8Array>
  },
): Promise<MovesMade> {
  const made: PlannedMove[] = []
  const failures = new Map<Tag, RunFailure>()
  const { signal } = o

  async function publish(some: readonly PlannedMove[]): Promise<readonly TagOutcome[]> {
    const tags = some.map(({ tag, from, to }) => ({
      tag,
      to: to === null ? undefined : o.describe(to),
      expect: from ?? undefined,
    }))
    return await target.writer.publish({ roots: [], tags }, o.read, { signal })
  }

  async function each(some: readonly PlannedMove[]): Promise<void> {
    try {
      note(some, await publish(some))
    } catch (error) {
      if (isCancelled(error) || !isAppError(error)) throw error
      // Which of them it was about is seen by themselves; what was moved already is unchanged then.
      if (some.length > 1) for (const one of some) await each([one])
      else for (const one of some) fail(one, error.code, error.message)
    }
  }

  function note(some: readonly PlannedMove[], outcomes: readonly TagOutcome[]): void {
    for (const [i, { result, found, reason }] of outcomes.entries()) {
      const move = some[i]
      if (move === undefined) continue
      if (result === 'moved' || result === 'unchanged') made.push(move)
      else if (result === 'conflict') {
        fail(
          move,
          'CONFLICT',
          `it is at ${found ?? 'nothing'}, want ${move.from ?? 'nothing'}: somebody moved it meanwhile`,
        )
      } else if (result === 'refused') fail(move, 'DENIED', `may not be moved: ${reason ?? 'the server refuses it'}`)
      else fail(move, 'TARGET_UNSUPPORTED', reason ?? `the tag was left as it is: ${result}`)
    }
  }

  function fail({ tag, to }: PlannedMove, code: string, message: string): void {
    failures.set(tag, { tag, digest: to, code, message })
  }

  let batch = new Map<Tag, PlannedMove>()
  const flush = async () => {
    const some = [...batch.values()]
    batch = new Map()
    if (some.length > 0) await each(some)
  }
  for (const move of moves) {
    if (batch.has(move.tag) || batch.size >= MAX_TOGETHER) await flush()
    if (!failures.has(move.tag)) batch.set(move.tag, move)
  }
  await flush()
  return { made, failures: [...failures.values()] }
}
