/** The flags of `mirror start` and `mirror change` for what `api/mirror-settings.ts` keeps. */
import { type Command, Option } from 'commander'
import type { MirrorChange } from '../api/mirror-settings.ts'
import { type SelectionFlags, selectionOf, withSelection } from './selection.ts'

export interface SettingFlags extends SelectionFlags {
  readonly every?: string
  readonly cron?: string
  readonly objective?: string
}

export function withSettings(command: Command): Command {
  return withSelection(command)
    .option('--every <time>', 'time between two passes, such as 5m, 2h or 1d; default: 15m')
    .addOption(new Option('--cron <fields>', 'passes by the five fields of cron, in UTC').conflicts('every'))
    .option(
      '--objective <time>',
      'the longest that a change of upstream may take to be here, such as 30m; none: no objective',
    )
}

/** As the API takes them; the server says what is wrong with a value. Undefined when no flag was given. @throws UsageError */
export function settingsOf(flags: SettingFlags): MirrorChange | undefined {
  const { every, cron } = flags
  const schedule = every !== undefined ? { every } : cron !== undefined ? { cron } : undefined
  const selection = selectionOf(flags)
  const { objective } = flags
  const change: MirrorChange = {
    ...(schedule === undefined ? {} : { schedule }),
    ...(selection === undefined ? {} : { selection }),
    ...(objective === undefined ? {} : { objective: objective === 'none' ? null : objective }),
  }
  return Object.keys(change).length === 0 ? undefined : change
}
