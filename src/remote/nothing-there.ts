/** Whether a registry has nothing yet by the name of a repository: then no part of it need be asked for by itself. */
import { isCancelled } from '../errors.ts'
import { discard } from '../net/bounded-body.ts'
import type { RepositoryName } from '../oci/reference.ts'
import type { Abortable } from '../oci/repository.ts'
import type { RegistrySession } from './session.ts'

/** The question is worth itself once so much was not there. */
const ABSENCES = 3

/** Found out once a pass, and only where things were not there. */
export interface NothingThere {
  /** True once it was found; what we have sent since, the memory knows. */
  readonly isKnown: boolean
  /** Something was not there: is anything? By the list of tags, where that is 404. False too while too little was absent to ask. */
  lookAfterAbsence(o: Abortable): Promise<boolean>
}

export function createNothingThere(session: RegistrySession, name: RepositoryName): NothingThere {
  let isKnown = false
  let absences = 0
  let asked: Promise<boolean> | undefined

  async function ask({ signal }: Abortable): Promise<boolean> {
    try {
      const response = await session.send({
        method: 'GET',
        url: new URL(`/v2/${name}/tags/list?n=1`, session.address.base),
        scope: `repository:${name}:pull`,
        headers: { accept: 'application/json' },
        what: `${name} tags`,
        ...(signal === undefined ? {} : { signal }),
      })
      await discard(response)
      return response.status === 404
    } catch (error) {
      // Whoever asked goes on as if there were something.
      if (isCancelled(error)) throw error
      return false
    }
  }

  return {
    get isKnown() {
      return isKnown
    },
    async lookAfterAbsence(o) {
      if (++absences < ABSENCES) return false
      asked ??= ask(o).catch((error) => {
        asked = undefined
        throw error
      })
      isKnown = await asked
      return isKnown
    },
  }
}
