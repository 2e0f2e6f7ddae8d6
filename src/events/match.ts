/** Which webhooks are to be told of which events: pure, in the order of the log. */

import type { Selectable } from 'kysely'
import { LRUCache } from 'lru-cache'
import type { EventRow, WebhookRow } from '../db/schema.ts'
import { compileGlobs } from '../oci/repository-globs.ts'
import { compileTagGlobs } from '../oci/tag-globs.ts'
import { SUMMARY } from './payload/event.ts'

export type LoggedEvent = Selectable<EventRow>

export interface PlannedDelivery {
  readonly webhook: WebhookRow
  readonly event: LoggedEvent
  readonly tag: string | null
  /** Among the deliveries of one event to one webhook. */
  readonly index: number
  /** `line`: its turn comes; `waits`: for another webhook's receiver; `dead`: it will not come, and `why`. */
  readonly start: 'line' | 'waits' | 'dead'
  readonly why: string | null
}

/** What of a payload decides. */
interface Told {
  readonly repository?: string
  readonly tag?: string
  readonly initial?: boolean
  readonly subject?: string
  readonly roots?: readonly string[]
}

export interface MatchFacts {
  readonly webhooks: readonly WebhookRow[]
  /** Names of webhooks that run before others, enabled or not. */
  nameOf(webhookId: string): string | undefined
  /** The name of an event's repository, where its payload does not say it. */
  repositoryOf(event: LoggedEvent): string | undefined
  /** Tags that point at what attestations were added to; none: the event is told without a tag. */
  tagsOf(event: LoggedEvent): readonly string[]
  /** Of the tags of a mirror whose first pass has ended the newest that the webhook takes. */
  newestOf(event: LoggedEvent, webhook: WebhookRow): string | undefined
}

/** Kinds of the log that are told under another name. */
const TOLD_AS: Readonly<Record<string, string>> = { 'tag.pushed': 'tag.moved', [SUMMARY]: 'tag.moved' }

export function toldOf(event: Pick<LoggedEvent, 'payload'>): Told {
  return JSON.parse(event.payload) as Told
}

export function planDeliveries(events: readonly LoggedEvent[], facts: MatchFacts): PlannedDelivery[] {
  const byOrganization = Map.groupBy(facts.webhooks, (webhook) => webhook.organization_id)
  return events.flatMap((event) => {
    const candidates = byOrganization.get(event.organization_id) ?? []
    if (candidates.length === 0) return []
    const told = toldOf(event)
    const plan = new Map<string, PlannedDelivery[]>()
    for (const webhook of candidates) planOne(webhook, candidates, { event, told, plan, facts })
    return [...plan.values()].flat()
  })
}

interface Planning {
  readonly event: LoggedEvent
  readonly told: Told
  readonly plan: Map<string, PlannedDelivery[]>
  readonly facts: MatchFacts
}

/** Plans the one that it runs after first, whose part decides whether it starts. */
function planOne(webhook: WebhookRow, all: readonly WebhookRow[], o: Planning): readonly PlannedDelivery[] {
  const { event, plan, facts } = o
  const known = plan.get(webhook.id)
  if (known !== undefined) return known
  // A ring of webhooks is refused when it is made; this ends it all the same.
  plan.set(webhook.id, [])
  const leader = webhook.after_id === null ? undefined : all.find(({ id }) => id === webhook.after_id)
  const before = leader === undefined ? [] : planOne(leader, all, o)
  const tags = takes(webhook, o) ? tagsFor(webhook, before, o) : []
  const name = webhook.after_id === null ? '' : (facts.nameOf(webhook.after_id) ?? 'the webhook before it')
  const planned = tags.map((tag, index): PlannedDelivery => {
    const one = { webhook, event, tag, index }
    if (webhook.after_id === null) return { ...one, start: 'line', why: null }
    const first = before.find((delivery) => delivery.tag === tag)
    if (first !== undefined && first.start !== 'dead') {
      return { ...one, start: 'waits', why: `it waits until the receiver of ${name} says success` }
    }
    const other = before.length > 0 ? `${name} is told of another tag` : `${name} takes no such event`
    const why = leader === undefined ? `${name} is disabled` : other
    return {
      ...one,
      start: 'dead',
      why: `not started, because ${first === undefined ? why : `${name} was not started`}`,
    }
  })
  plan.set(webhook.id, planned)
  return planned
}

function takes(webhook: WebhookRow, { event, told, facts }: Planning): boolean {
  if (event.seq <= webhook.from_seq) return false
  const kind = TOLD_AS[event.kind] ?? event.kind
  const { events, isRepository } = settingsOf(webhook)
  if (!events.has(kind)) return false
  if (webhook.changed_only === 1 && event.kind === 'tag.pushed') return false
  if (event.kind === SUMMARY && webhook.initial_sync !== 'summary') return false
  if (told.initial === true && webhook.initial_sync !== 'each') return false
  if (webhook.repository_id !== null) return event.repository_id === webhook.repository_id
  if (event.repository_id === null) return true
  const name = told.repository ?? facts.repositoryOf(event) ?? ''
  return isRepository(name.slice(name.indexOf('/') + 1))
}

function tagsFor(webhook: WebhookRow, before: readonly PlannedDelivery[], o: Planning): (string | null)[] {
  const { event, told, facts } = o
  const { isTag, hasTags } = settingsOf(webhook)
  if (event.kind === SUMMARY) {
    // What the webhook before it looks at is what may be let through.
    const [first] = before
    if (first !== undefined && (first.tag === null || isTag(first.tag))) return [first.tag]
    return [facts.newestOf(event, webhook) ?? null]
  }
  if (event.kind === 'referrers.published' || event.kind === 'referrers.removed') {
    const tags = facts.tagsOf(event)
    if (tags.length > 0) return tags.filter(isTag)
    return hasTags ? [] : [null]
  }
  if (told.tag === undefined) return [null]
  return isTag(told.tag) ? [told.tag] : []
}

/** Whether a webhook takes a tag. */
export function tagFilterOf(webhook: WebhookRow): (tag: string) => boolean {
  return settingsOf(webhook).isTag
}

interface Settings {
  readonly events: ReadonlySet<string>
  readonly hasTags: boolean
  isTag(tag: string): boolean
  isRepository(name: string): boolean
}

const compiled = new LRUCache<string, Settings>({ max: 1000 })

function settingsOf({ events, tags, repositories }: WebhookRow): Settings {
  const key = `${events}\n${tags}\n${repositories}`
  const known = compiled.get(key)
  if (known !== undefined) return known
  const globs = JSON.parse(tags) as string[]
  const made = {
    events: new Set(JSON.parse(events) as string[]),
    hasTags: globs.length > 0,
    isTag: compileTagGlobs(globs),
    isRepository: compileGlobs(JSON.parse(repositories) as string[]),
  }
  compiled.set(key, made)
  return made
}
