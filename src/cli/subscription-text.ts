/** Subscriptions as people read them. */
import type { Subscription, SubscriptionEntry, SubscriptionPlan } from '../api/subscriptions.ts'
import { age, count, wordsOf } from './format.ts'
import { scheduleText } from './mirror-text.ts'
import { selectionText as takenText } from './selection.ts'
import { blocks, lines, properties, table } from './table.ts'

/** `python*, node except *-dev`, or `all`. */
function selectionText({ match, except, repositories }: Subscription): string {
  const taken = match.length === 0 ? 'all' : match.join(' ')
  const named =
    repositories === null ? '' : ` of ${count(repositories.length, 'named repository').replace(/ys$/, 'ies')}`
  return `${taken}${named}${except.length === 0 ? '' : ` except ${except.join(' ')}`}`
}

export function subscriptionTable(subscriptions: readonly Subscription[]): string {
  return table(
    ['id', 'organization', 'upstream', 'repositories', 'mirrors', 'state', 'catalog read'],
    subscriptions.map((one) => [
      one.id,
      one.organization,
      one.upstream,
      selectionText(one),
      mirrorsText(one),
      one.state,
      age(one.readAt, 'never'),
    ]),
    'No subscriptions yet. Mirror a whole catalog: kagami mirror start UPSTREAM --all',
  )
}

/** `550 (4 waiting, 2 failed)`: what is missing is told. */
function mirrorsText({ mirrors, entries }: Subscription): string {
  const besides = [
    [entries.waiting, 'waiting'],
    [entries.failed, 'failed'],
    [entries.stopped + entries.removed, 'left to people'],
  ].flatMap(([number, what]) => (number === 0 ? [] : [`${number} ${what}`]))
  return `${mirrors}${besides.length === 0 ? '' : ` (${besides.join(', ')})`}`
}

/** What its mirrors have otherwise than by default. */
function settingsText({ settings }: Subscription): string | undefined {
  const { schedule, selection, ...others } = settings
  const given = [
    ...(schedule === undefined ? [] : [scheduleText(schedule)]),
    ...(selection === undefined ? [] : [takenText(selection)]),
    ...Object.entries(others).map(([name, value]) => `${wordsOf(name)} ${value}`),
  ]
  return given.length === 0 ? undefined : given.join('; ')
}

export function subscriptionText(one: Subscription, program: string): string {
  const { entries } = one
  const states = (['initial', 'active', 'degraded', 'paused'] as const).flatMap((state) =>
    entries[state] === 0 ? [] : [`${entries[state]} ${state}`],
  )
  return blocks([
    properties([
      ['Id', one.id],
      ['Organization', one.organization],
      ['Upstream', one.upstream],
      ['Repositories', selectionText(one)],
      ['State', `${one.state} since ${age(one.since, '')}`],
      ['Reason', one.reason ?? undefined],
      ['To go on', one.remedy === null ? undefined : `${program} ${one.remedy}`],
      ['Mirrors', mirrorsText(one)],
      ['Of these', states.length === 0 ? undefined : states.join(', ')],
      ['Settings', settingsText(one)],
      ['Changing', one.changing ? 'its mirrors, one after the other' : undefined],
      ['Not listed', entries.unlisted === 0 ? undefined : `${entries.unlisted}, whose mirrors stay`],
      ['Catalog', one.listed === null ? undefined : count(one.listed, 'repository').replace(/ys$/, 'ies')],
      ['Read', age(one.readAt, 'never')],
      ['Next read', age(one.nextReadAt, 'none planned')],
      ['Created', age(one.createdAt, '')],
    ]),
    entryLines('Without a mirror:', one.failures, entries.failed),
    entryLines('Left to people:', one.left, entries.stopped + entries.removed),
    entryLines('Subscribed no more:', one.unmatched, entries.unmatched),
  ])
}

function entryLines(heading: string, entries: readonly SubscriptionEntry[], total: number): string {
  if (total === 0) return ''
  const more = total - entries.length
  return lines([
    heading,
    ...entries.map(({ repository, reason }) => `  ${repository}: ${reason ?? ''}`),
    ...(more > 0 ? [`  and ${more} more`] : []),
  ])
}

export function entryTable(entries: readonly SubscriptionEntry[]): string {
  return table(
    ['repository', 'state', 'mirror', 'reason'],
    entries.map(({ repository, state, listed, mirror, reason }) => [
      repository,
      listed ? state : `${state}, not listed`,
      mirror ?? '-',
      reason ?? '-',
    ]),
    'None.',
  )
}

export function subscriptionPlanText({ listed, matched, entries }: SubscriptionPlan, upstream: string): string {
  const more = matched - entries.length
  return blocks([
    table(
      ['repository', 'mirror', 'action', 'reason'],
      entries.map(({ repository, mirror, action, reason }) => [repository, mirror ?? '-', action, reason ?? '-']),
      'Nothing matches.',
    ),
    lines([...(more > 0 ? [`and ${more} more`] : []), `${matched} of ${listed} repositories of ${upstream}.`]),
  ])
}
