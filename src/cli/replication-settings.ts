/** The flags of `replication start` and `replication change` for what `api/replications.ts` keeps. */
import { type Command, Option } from 'commander'
import type { ReplicationChange } from '../api/replications.ts'
import { type SelectionFlags, selectionOf, withSelection } from './selection.ts'

export interface ReplicationFlags extends SelectionFlags {
  readonly every?: string
  readonly cron?: string
  readonly onChange?: boolean
  readonly drift?: string
  readonly driftEvery?: string
  readonly after?: string | false
  readonly digestAlias?: boolean
  readonly objective?: string
}

export function withReplicationSettings(command: Command): Command {
  return withSelection(command)
    .option('--every <time>', 'time between two passes, such as 5m, 2h or 1d; default: 1h')
    .addOption(new Option('--cron <fields>', 'passes by the five fields of cron, in UTC').conflicts('every'))
    .option('--on-change', 'a pass at once when something changes here; the default')
    .option('--no-on-change', 'passes by the schedule and by hand only')
    .addOption(
      new Option(
        '--drift <what>',
        'tags that others have moved or deleted at the target: report, or repair; default: report',
      ).choices(['report', 'repair']),
    )
    .option('--drift-every <time>', 'how often the target is asked about them, or 0 for never; default: 1d')
    .option('--after <webhook>', 'send a tag on only once this webhook was called back with success')
    .option('--no-after', 'wait for no callback')
    .option('--digest-alias', 'where the target lets nobody move a tag, send TAG-<digest> in its place')
    .option('--no-digest-alias', 'leave such tags as they are; the default')
    .option('--objective <time>', 'the longest that a change may take to be at the target; none: no objective')
}

/** As the API takes them; the server says what is wrong with a value. Undefined when no flag was given. */
export function replicationSettingsOf(flags: ReplicationFlags): ReplicationChange | undefined {
  const { every, cron, onChange, drift, driftEvery, after, digestAlias, objective } = flags
  const selection = selectionOf(flags)
  const schedule = every !== undefined ? { every } : cron !== undefined ? { cron } : undefined
  const change = Object.entries({
    schedule,
    selection,
    onChange,
    drift,
    driftEvery,
    after: after === false ? null : after,
    digestAlias,
    objective: objective === 'none' ? null : objective,
  }).filter(([, value]) => value !== undefined)
  return change.length === 0 ? undefined : (Object.fromEntries(change) as ReplicationChange)
}
