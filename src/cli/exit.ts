/** What the program ends with. */
export const EXIT = { done: 0, failed: 1, wrongUse: 2 } as const

/** The command was called wrongly, which its parser could not see; ends with 2 and the usage. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** The command has said everything already and ends with this status: a run that was partial, say. */
export class ExitStatus extends Error {
  override readonly name = 'ExitStatus'
  readonly status: number

  constructor(status: number) {
    super(`exit ${status}`)
    this.status = status
  }
}
