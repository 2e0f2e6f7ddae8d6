/** The flags of `mirror start` and `mirror change` for what a mirror takes, and a selection as people read it. */
import type { Command } from 'commander'
import type { Selection, SelectionChange } from '../api/selection.ts'
import { UsageError } from './exit.ts'

export interface SelectionFlags {
  readonly tags?: readonly string[]
  readonly tagsRegex?: readonly string[]
  readonly semver?: string
  readonly newest?: string
  readonly newerThan?: string
  readonly platforms?: readonly string[]
  readonly referrers?: readonly string[]
  readonly everything?: boolean
}

export function withSelection(command: Command): Command {
  return command
    .option('--tags <glob...>', 'tags that one of these globs matches; one that begins with ! leaves out')
    .option('--tags-regex <re...>', 'or one of these expressions (RE2, of the whole name)')
    .option('--semver <range>', 'of these, versions in a range, such as ">=3.11 <4"; 3.13-slim counts as 3.13')
    .option('--newest <n>', 'of these, the newest N of each pattern, by version')
    .option('--newer-than <age>', 'of these, images created since: an age such as 90d, or a date')
    .option(
      '--platforms <list>',
      'entries of indexes, such as linux/amd64,linux/arm64',
      (list: string, before: readonly string[] = []) => [...before, ...list.split(',').map((one) => one.trim())],
    )
    .option('--referrers <type...>', 'artifact or predicate types (globs); none: no referrers')
    .option('--everything', 'without any limit but those given beside it; the word any takes away one')
}

/** One word instead of values takes the limit away. */
const ANY = 'any'

const KEYS = ['tags', 'tagsRegex', 'semver', 'newest', 'newerThan', 'platforms', 'referrers'] as const

/** As the API takes it; undefined when no flag was given. @throws UsageError */
export function selectionOf(flags: SelectionFlags): SelectionChange | null | undefined {
  const change: SelectionChange = {
    ...given('tags', list(flags.tags)),
    ...given('tagsRegex', list(flags.tagsRegex)),
    ...given('semver', flags.semver === ANY ? null : flags.semver),
    ...given('newest', newestOf(flags.newest)),
    ...given('newerThan', flags.newerThan === ANY ? null : flags.newerThan),
    ...given('platforms', list(flags.platforms)),
    ...given('referrers', isWord(flags.referrers, 'none') ? [] : list(flags.referrers)),
  }
  const isNothing = Object.keys(change).length === 0
  if (flags.everything !== true) return isNothing ? undefined : change
  return isNothing ? null : { ...Object.fromEntries(KEYS.map((key) => [key, null])), ...change }
}

function given<K extends keyof SelectionChange>(key: K, value: SelectionChange[K]): SelectionChange {
  return value === undefined ? {} : { [key]: value }
}

function isWord(values: readonly string[] | undefined, word: string): boolean {
  return values?.length === 1 && values[0] === word
}

function list(values: readonly string[] | undefined): string[] | null | undefined {
  return values === undefined ? undefined : isWord(values, ANY) ? null : [...values]
}

function newestOf(text: string | undefined): number | null | undefined {
  if (text === undefined || text === ANY) return text === undefined ? undefined : null
  if (/^\d{1,7}$/.test(text)) return Number(text)
  throw new UsageError(`--newest is ${JSON.stringify(text)}, want a whole number, or any`)
}

/** In the order in which it is applied; `everything` where nothing is limited. */
export function selectionText(selection: Selection): string {
  const { tags, tagsRegex, semver, newest, newerThan, platforms, referrers } = selection
  const parts = [
    tags && `tags ${tags.join(' ')}`,
    tagsRegex && `tags like ${tagsRegex.join(' ')}`,
    semver && `versions ${semver}`,
    newest && `the newest ${newest}`,
    newerThan && `newer than ${newerThan}`,
    platforms && `platforms ${platforms.join(', ')}`,
    referrers && (referrers.length === 0 ? 'no referrers' : `referrers ${referrers.join(' ')}`),
  ].filter((part) => part !== undefined)
  return parts.length === 0 ? 'everything' : parts.join('; ')
}
