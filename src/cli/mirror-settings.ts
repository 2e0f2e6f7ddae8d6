/** The flags of `mirror start` and `mirror change` for what `api/mirror-settings.ts` keeps. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { MirrorChange } from '../api/mirror-settings.ts'
import { type SelectionFlags, selectionOf, withSelection } from './selection.ts'

export interface SettingFlags extends SelectionFlags {
  readonly every?: string
  readonly cron?: string
  readonly vanished?: string
  readonly grace?: string
  readonly brake?: number
  readonly settle?: string
  readonly withoutReferrers?: string
  readonly recheck?: string
  readonly objective?: string
}

export function withSettings(command: Command): Command {
  return withSelection(command)
    .option('--every <time>', 'time between two passes, such as 5m, 2h or 1d; default: 15m')
    .addOption(new Option('--cron <fields>', 'passes by the five fields of cron, in UTC').conflicts('every'))
    .addOption(
      new Option(
        '--vanished <what>',
        'tags and attestations that upstream no longer lists: keep, or untag after the grace; default: keep',
      ).choices(['keep', 'untag']),
    )
    .option('--grace <time>', 'how long they have to be away before they go; default: 7d')
    .option(
      '--brake <percent>',
      'take away no more of the tags, or attestations, in one run, unless accepted; default: 10',
      percent,
    )
    .option('--settle <time>', 'hold a new digest until no attestation has come for so long, or 0; default: 0')
    .addOption(
      new Option(
        '--without-referrers <what>',
        'while referrers cannot be listed: hold, or publish without; default: hold',
      ).choices(['hold', 'publish']),
    )
    .option('--recheck <time>', 'ask for referrers of old digests within this time; 0: in every pass; default: 1h')
    .option(
      '--objective <time>',
      'the longest that a change of upstream may take to be here, such as 30m; none: no objective',
    )
}

/** As the API takes them; the server says what is wrong with a value. Undefined when no flag was given. @throws UsageError */
export function settingsOf(flags: SettingFlags): MirrorChange | undefined {
  const { every, cron, vanished, grace, brake, settle, withoutReferrers, recheck } = flags
  const schedule = every !== undefined ? { every } : cron !== undefined ? { cron } : undefined
  const selection = selectionOf(flags)
  const { objective } = flags
  const change = {
    ...(schedule === undefined ? {} : { schedule }),
    ...(selection === undefined ? {} : { selection }),
    ...given({ vanished, grace, settle, withoutReferrers, recheck }),
    ...(brake === undefined ? {} : { brake }),
    ...(objective === undefined ? {} : { objective: objective === 'none' ? null : objective }),
  } as MirrorChange
  return Object.keys(change).length === 0 ? undefined : change
}

function given(flags: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(flags).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )
}

function percent(text: string): number {
  if (!/^\d{1,3}%?$/.test(text)) throw new InvalidArgumentError('want a percentage such as 10')
  return Number.parseInt(text, 10)
}
