/** How much somebody waits for a request: asked for by a person, told of by upstream, a new tag, looked at again. */
export type Priority = 'asked' | 'hinted' | 'new' | 'recheck'

/** The most urgent first. */
export const PRIORITIES = ['asked', 'hinted', 'new', 'recheck'] as const satisfies readonly Priority[]

export function rankOf(priority: Priority): number {
  return PRIORITIES.indexOf(priority)
}
