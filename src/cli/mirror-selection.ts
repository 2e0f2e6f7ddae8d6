/** The flags that say which repositories of an upstream are subscribed to. */
import type { Command } from 'commander'

export interface SelectionFlags {
  readonly match?: readonly string[]
  readonly except?: readonly string[]
  readonly repositories?: string
  readonly adopt?: boolean
}

export function withSelection(command: Command): Command {
  return command
    .option('--match <glob...>', 'only those that match, such as python* or team/**')
    .option('--except <glob...>', 'without those that match')
    .option('--repositories <names>', 'these instead of the catalog, with commas between them')
}

/** As the API takes it. */
export function selectionOf({ match, except, repositories }: SelectionFlags) {
  return { match, except, repositories: repositories?.split(',').map((name) => name.trim()) }
}
