/**
 * What changes in an organization, told in few words to whoever has a page of it open: which nouns, where. Never more than a message a second,
 * whatever happens, and nothing of what the reader may not see.
 */
import type { Change, ChangedNoun } from '../api/changes.ts'
import type { Database } from '../db/engine/engine.ts'
import { type LoggedChange, listChanges, mapRuns, type SeenRun, visibleNames } from '../db/mirrors/changes.ts'
import type { Viewer } from '../db/people/visible-repositories.ts'
import { lastSeq } from '../db/platform/followed-events.ts'
import { AppError } from '../errors.ts'
import { isoTime, systemClock } from '../lib/clock.ts'
import { type Sleep, systemSleep } from '../lib/retry.ts'

/** Whose eyes a message is for, as they are at the moment of the message. */
export interface Reader {
  readonly viewer: Viewer
  /** All repositories of the organization: they are told of what is no repository's too. */
  readonly seesAll: boolean
}

export interface ChangeFeed {
  /**
   * Ends when the signal aborts.
   * @param o.account whose stream it is: the same of no two that are to have their own limit
   * @param o.reader asked before each message; throws for who may no longer read
   * @throws AppError TOOMANYREQUESTS when the account, the organization, or all together, have too many open
   */
  follow(o: {
    readonly organizationId: string
    readonly account: string
    readonly after: number
    readonly reader: () => Promise<Reader>
    readonly signal: AbortSignal
  }): AsyncGenerator<Change>
  /** How many more are open; refuses as `follow` does. */
  readonly open: number
}

const POLL_MS = 1000
/** Followers of one organization share a look this old. */
const SHARED_MS = 700
/** Of one account: a few windows on a few machines. */
const MAX_OF_ACCOUNT = 20
const MAX_IN_ALL = 500
/** Of one organization, once half of all are open: it leaves room for others. */
const MAX_OF_ORGANIZATION = 100
const MAX_NAMED = 50
/** Runs that are shorter than a look takes to come again are seen by their end; clocks of servers may differ by so much. */
const ENDED_MS = 15_000
const PAGE = 1000
/** Whoever was away for longer looks at all anew. */
const MAX_MISSED = 5000

const ALL_NOUNS: readonly ChangedNoun[] = [
  'tags',
  'mirrors',
  'runs',
  'repositories',
  'subscriptions',
  'replications',
  'webhooks',
]

interface Look {
  readonly at: number
  readonly upTo: number
  readonly runs: ReadonlyMap<string, SeenRun>
}

export function createChangeFeed(db: Database, sleep: Sleep = systemSleep): ChangeFeed {
  const open = new Map<string, number>()
  const ofOrganization = new Map<string, number>()
  const looks = new Map<string, Promise<Look>>()
  let inAll = 0

  function take(account: string, organizationId: string, signal: AbortSignal): void {
    const isCrowded = inAll >= MAX_IN_ALL / 2 && (ofOrganization.get(organizationId) ?? 0) >= MAX_OF_ORGANIZATION
    if ((open.get(account) ?? 0) >= MAX_OF_ACCOUNT || isCrowded || inAll >= MAX_IN_ALL) {
      throw new AppError('TOOMANYREQUESTS', 'too many streams of changes are open: close some pages')
    }
    const count = (by: 1 | -1) => {
      inAll += by
      add(open, account, by)
      add(ofOrganization, organizationId, by)
    }
    count(1)
    const giveBack = () => count(-1)
    if (signal.aborted) giveBack()
    else signal.addEventListener('abort', giveBack, { once: true })
  }

  async function look(organizationId: string): Promise<Look> {
    const last = looks.get(organizationId)
    if (last !== undefined && performance.now() - (await last).at < SHARED_MS) return last
    // Whoever came first while we waited has begun another.
    if (last !== looks.get(organizationId)) return look(organizationId)
    const next = (async () => {
      const upTo = await lastSeq(db.read)
      const since = isoTime(new Date(systemClock.now().getTime() - ENDED_MS))
      return { at: performance.now(), upTo, runs: await mapRuns(db.read, organizationId, since) }
    })()
    looks.set(organizationId, next)
    next.catch(() => looks.delete(organizationId))
    return next
  }

  async function* changes(o: Parameters<ChangeFeed['follow']>[0]): AsyncGenerator<Change> {
    let { after } = o
    let { runs } = await look(o.organizationId)
    for (;;) {
      const now = await look(o.organizationId)
      const moved = movedIn(runs, now.runs)
      runs = now.runs
      const missed = now.upTo - after
      if (missed > MAX_MISSED) yield { seq: now.upTo, nouns: [...ALL_NOUNS], repositories: null }
      else if (missed > 0 || moved.size > 0) {
        const reader = await o.reader()
        const logged = await logOf(o.organizationId, reader.viewer, after, now.upTo)
        const ran = moved.size === 0 ? [] : [...(await visibleNames(db.read, [...moved], reader.viewer)).values()]
        const change = summarize(logged, ran, reader)
        if (change !== undefined) yield { seq: now.upTo, ...change }
      }
      after = Math.max(after, now.upTo)
      await sleep(POLL_MS, o.signal)
    }
  }

  async function logOf(organizationId: string, viewer: Viewer, after: number, upTo: number): Promise<LoggedChange[]> {
    const all: LoggedChange[] = []
    for (let from = after; from < upTo; ) {
      const page = await listChanges(db.read, organizationId, viewer, { after: from, upTo, limit: PAGE })
      all.push(...page)
      from = page.length < PAGE ? upTo : (page.at(-1)?.seq ?? upTo)
    }
    return all
  }

  return {
    follow(o) {
      take(o.account, o.organizationId, o.signal)
      return changes(o)
    },
    get open() {
      return inAll
    },
  }
}

function add(counts: Map<string, number>, key: string, by: number): void {
  const left = (counts.get(key) ?? 0) + by
  if (left === 0) counts.delete(key)
  else counts.set(key, left)
}

/** Repositories whose runs have begun or ended between two looks. */
function movedIn(before: Look['runs'], now: Look['runs']): Set<string> {
  const moved = new Set<string>()
  for (const [id, { repositoryId, isRunning }] of now) {
    if (before.get(id)?.isRunning !== isRunning) moved.add(repositoryId)
  }
  for (const [id, { repositoryId, isRunning }] of before) if (isRunning && !now.has(id)) moved.add(repositoryId)
  return moved
}

/** Undefined: nothing that the reader may hear of. */
export function summarize(
  logged: readonly Pick<LoggedChange, 'kind' | 'repository' | 'isVisible'>[],
  ran: readonly string[],
  { seesAll }: Pick<Reader, 'seesAll'>,
): Pick<Change, 'nouns' | 'repositories'> | undefined {
  const nouns = new Set<ChangedNoun>()
  const repositories = new Set(ran)
  let isNamed = true
  if (ran.length > 0) for (const noun of ['runs', 'mirrors'] as const) nouns.add(noun)
  for (const { kind, repository, isVisible } of logged) {
    if (!isVisible && !seesAll) continue
    for (const noun of NOUNS[kind.slice(0, kind.indexOf('.'))] ?? []) nouns.add(noun)
    if (repository === null) isNamed = false
    else repositories.add(repository)
  }
  if (nouns.size === 0) return undefined
  const isShort = isNamed && repositories.size <= MAX_NAMED
  return { nouns: ALL_NOUNS.filter((noun) => nouns.has(noun)), repositories: isShort ? [...repositories] : null }
}

/** By the first word of an event's kind. */
const NOUNS: Readonly<Record<string, readonly ChangedNoun[]>> = {
  tag: ['tags', 'repositories'],
  referrers: ['tags', 'repositories'],
  mirror: ['mirrors'],
  repository: ['repositories'],
  subscription: ['subscriptions'],
  replication: ['replications'],
  webhook: ['webhooks'],
}
