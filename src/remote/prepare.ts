/** Makes a repository of a target where the registry wants it made before the first push. */
import type { Abortable } from '../oci/repository.ts'
import type { TargetSession } from './target-session.ts'

/** @throws AppError TARGET_NOT_FOUND where only people can make it */
export async function prepareRepository(target: TargetSession, _o: Abortable): Promise<void> {
  // The first push makes it.
  if (target.traits.repositories === 'by-push') return
}
