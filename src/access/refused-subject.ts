/** Whom credentials named that were refused: for the audit log, and never for the answer. */

export type RefusedSubject = RefusedPerson | RefusedToken

/** A token of an organization that is valid no more, or came with another's name. */
export interface RefusedToken {
  /** Name of the organization. */
  readonly organization: string
  readonly label: string
  readonly tokenId: string
}

export interface RefusedPerson {
  readonly userId: string
  readonly username: string
  readonly tokenId?: string | undefined
  /** The secret was theirs, and is valid no more; false: only the name was given. */
  readonly isProven: boolean
}

const subjects = new WeakMap<Error, RefusedSubject>()

/** The error, with the account that it is about noted beside it. */
export function refusedOf<E extends Error>(error: E, subject: RefusedSubject | undefined): E {
  if (subject !== undefined) subjects.set(error, subject)
  return error
}

/** Also of an error that has become the cause of another. */
export function findRefusedSubject(error: unknown): RefusedSubject | undefined {
  for (let one = error, depth = 0; one instanceof Error && depth < 10; one = one.cause, depth++) {
    const found = subjects.get(one)
    if (found !== undefined) return found
  }
  return undefined
}
