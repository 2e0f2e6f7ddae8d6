/** Keeps replications of whatever repositories a rule's globs take, those that come later too. */
import {
  nameByTemplate,
  type ReplicationChange,
  type ReplicationRule,
  type ReplicationRulePlan,
  replicationSettingsSchema,
} from '../api/replications.ts'
import type { Database, Queries } from '../db/engine/engine.ts'
import { findOrganization } from '../db/people/organizations.ts'
import {
  createRule,
  findRule,
  findSameRule,
  listReplicable,
  listRules,
  type RuleRecord,
  removeRule,
  ruleCursor,
  setRuleLooked,
  setRuleOf,
} from '../db/replication/rules.ts'
import { findTarget } from '../db/replication/targets.ts'
import { AppError, isCancelled, messageOf } from '../errors.ts'
import { type Clock, isoTime, systemClock } from '../lib/clock.ts'
import { createLimiter } from '../lib/concurrency.ts'
import type { Logger } from '../lib/logger.ts'
import { readPage } from '../lib/weighed-page.ts'
import { type Round, startRound } from '../mirror/life/round.ts'
import { findRepositoryName, parseRepositoryName } from '../oci/reference.ts'
import { compileGlobs } from '../oci/repository-globs.ts'
import type { Replications } from './engine.ts'

/** How often a rule is held against the repositories that there are. */
const LOOK_MS = 30_000
const PAGE = 500
/** Rules that are looked at at once: a target that does not answer holds up no other. */
const AT_ONCE = 8
/** How soon a rule is looked at again that could not start something. */
const AGAIN_MS = 10 * 60_000
/** Speak for the target, and not for one repository of it: whatever else goes there waits for the next look. */
const OF_TARGET: ReadonlySet<string> = new Set([
  'TARGET_UNAVAILABLE',
  'TARGET_RATE_LIMITED',
  'TARGET_DENIED',
  'ADDRESS_NOT_ALLOWED',
])
/** Of one organization: each is looked at again and again. */
const MAX_RULES = 100
/** Shown of a plan. */
const MAX_PLANNED = 1000

export interface RuleRequest {
  /** Its name. */
  readonly organization: string
  /** Name of a target that the organization sees. */
  readonly target: string
  readonly match: readonly string[]
  /** `base/{name}`. */
  readonly as: string
  readonly settings?: ReplicationChange | undefined
}

export interface ReplicationRules {
  /** @throws AppError NOT_FOUND (organization, target), CONFLICT when there is the same one, TOOMANYREQUESTS beyond so many */
  start(request: RuleRequest & { readonly by: string }): Promise<ReplicationRule>
  plan(request: RuleRequest): Promise<ReplicationRulePlan>
  /** @throws AppError NOT_FOUND, also for one of another organization */
  show(id: string, organizationId: string): Promise<ReplicationRule>
  /** Its replications go on alone. */
  stop(id: string): Promise<void>
  list(o: {
    readonly organizationIds: readonly string[]
    readonly limit: number
    readonly after?: string | undefined
  }): Promise<{ readonly rules: readonly ReplicationRule[]; readonly next: string | null }>
  /** Begins to look, now and again. */
  begin(): void
  close(): Promise<void>
}

export interface RulesOptions {
  readonly db: Database
  readonly replications: Pick<Replications, 'start'>
  readonly logger: Logger
  readonly clock?: Clock
  readonly everyMs?: number
}

interface Match {
  readonly repositoryId: string
  readonly repository: string
  readonly to: string
  readonly action: ReplicationRulePlan['matched'][number]['action']
  readonly reason: string
}

export function createReplicationRules(o: RulesOptions): ReplicationRules {
  const { db } = o
  const clock = o.clock ?? systemClock
  const now = () => isoTime(clock.now())
  const closing = new AbortController()
  let round: Round | undefined
  let looking: Promise<void> = Promise.resolve()
  const places = createLimiter(AT_ONCE)
  /** By organization: its rules that are looked at, one after the other. What one has that takes long is waited for by nobody else. */
  const busy = new Map<string, Promise<void>>()

  /** Starts what a rule takes and is not sent yet, one after the other; what cannot be started is told, and tried again. */
  async function look(rule: RuleRecord): Promise<void> {
    const failed: string[] = []
    for await (const { repository, to, action } of matchesOf(db.read, rule)) {
      if (closing.signal.aborted) return
      if (action !== 'start') continue
      try {
        const { replication } = await o.replications.start({
          repository: parseRepositoryName(repository),
          target: rule.target,
          targetRepository: parseRepositoryName(to),
          settings: JSON.parse(rule.settings) as ReplicationChange,
          by: `rule:${rule.id}`,
          signal: closing.signal,
        })
        await db.write((tx) => setRuleOf(tx, replication.id, rule.id))
      } catch (error) {
        if (isCancelled(error)) return
        // Another server was faster.
        if (error instanceof AppError && error.code === 'CONFLICT') continue
        if (!(error instanceof AppError)) o.logger.error({ err: error, rule: rule.id }, 'a rule could not start one')
        const isOfTarget = error instanceof AppError && OF_TARGET.has(error.code)
        failed.push(`${repository}: ${error instanceof AppError ? messageOf(error) : 'an unexpected error'}`)
        if (isOfTarget) break
      }
    }
    const reason =
      failed.length === 0 ? null : `${failed.length} could not be started, ${failed[0] ?? ''}`.slice(0, 1000)
    if (reason === rule.reason && rule.checked_at !== null && reason === null) return
    await db.write((tx) => setRuleLooked(tx, rule.id, { reason, at: now() }))
  }

  function isDue({ reason, checked_at: checkedAt }: RuleRecord): boolean {
    if (reason === null || checkedAt === null) return true
    const sinceMs = clock.now().getTime() - Date.parse(checkedAt)
    // A clock that was set back has it looked at sooner.
    return sinceMs < 0 || sinceMs >= AGAIN_MS
  }

  /** For each rule it waits for a place anew, behind the other organizations. */
  async function lookAtThoseOf(rules: readonly RuleRecord[]): Promise<void> {
    for (const rule of rules) {
      await places.run(async () => {
        if (!closing.signal.aborted) await look(rule)
      })
    }
  }

  function beginThoseOf(organizationId: string, rules: readonly RuleRecord[]): void {
    if (busy.has(organizationId)) return
    const work = lookAtThoseOf(rules)
      .catch((error) => {
        if (!isCancelled(error)) o.logger.error({ err: error }, 'the rules of an organization could not be looked at')
      })
      .finally(() => busy.delete(organizationId))
    busy.set(organizationId, work)
  }

  async function lookAtAll(): Promise<void> {
    let after: string | undefined
    const due = new Map<string, RuleRecord[]>()
    do {
      const page = await listRules(db.read, { after, limit: PAGE })
      for (const rule of page.filter(isDue)) {
        const { organization_id: id } = rule
        if (!busy.has(id)) due.set(id, [...(due.get(id) ?? []), rule])
      }
      const last = page.at(-1)
      after =
        last === undefined || page.length < PAGE ? undefined : ruleCursor({ createdAt: last.created_at, id: last.id })
    } while (after !== undefined)
    for (const [organizationId, rules] of due) beginThoseOf(organizationId, rules)
  }

  function lookSoon(): void {
    looking = looking.then(lookAtAll).catch((error) => {
      if (!isCancelled(error)) o.logger.error({ err: error }, 'the rules of replications could not be looked at')
    })
  }

  async function prepare(request: RuleRequest) {
    const organization = await findOrganization(db.read, request.organization)
    if (organization === undefined) {
      throw new AppError('NOT_FOUND', `there is no organization ${request.organization}`, {
        about: { reason: 'absent', what: 'organization', name: request.organization },
      })
    }
    const target = await findTarget(db.read, organization.id, request.target)
    if (target === undefined) {
      throw new AppError('NOT_FOUND', `there is no target ${request.target}`, {
        about: { reason: 'absent', what: 'target', name: request.target },
      })
    }
    return {
      organization_id: organization.id,
      target_id: target.id,
      globs: JSON.stringify(request.match),
      name_template: request.as,
    }
  }

  return {
    async start(request) {
      const columns = await prepare(request)
      const row = await db.write(async (tx) => {
        if ((await findSameRule(tx, columns)) !== undefined) {
          throw new AppError(
            'CONFLICT',
            `there is a rule that sends ${request.match.join(' ')} to ${request.target} already`,
          )
        }
        const many = await listRules(tx, { organizationIds: [columns.organization_id], limit: MAX_RULES })
        if (many.length >= MAX_RULES) {
          throw new AppError('TOOMANYREQUESTS', `${request.organization} has ${MAX_RULES} rules, and may have no more`)
        }
        const settings = JSON.stringify(request.settings ?? {})
        return createRule(tx, { ...columns, settings, created_by: request.by, created_at: now() })
      })
      lookSoon()
      return render(await getRule(db.read, row.id))
    },
    async plan(request) {
      const matched: ReplicationRulePlan['matched'] = []
      for await (const { repositoryId: _, ...match } of matchesOf(db.read, await prepare(request))) {
        matched.push(match)
        if (matched.length === MAX_PLANNED) break
      }
      return { matched }
    },
    async show(id, organizationId) {
      const rule = await findRule(db.read, id)
      if (rule?.organization_id === organizationId) return render(rule)
      throw absent()
    },
    stop: (id) => db.write((tx) => removeRule(tx, id)),
    async list({ organizationIds, limit, after }) {
      const { items, next } = await readPage({
        limit,
        after,
        read: async (from, count) =>
          (await listRules(db.read, { organizationIds, after: from, limit: count })).map(render),
        keyOf: ruleCursor,
      })
      return { rules: items, next }
    },
    begin() {
      lookSoon()
      round ??= startRound({
        everyMs: o.everyMs ?? LOOK_MS,
        logger: o.logger,
        what: 'the rules of replications',
        work: async () => {
          lookSoon()
          await looking
        },
      })
    },
    async close() {
      closing.abort()
      await round?.close()
      await looking
      await Promise.all(busy.values())
    },
  }
}

function absent(): AppError {
  return new AppError('NOT_FOUND', 'there is no such rule', { about: { reason: 'absent', what: 'replication' } })
}

async function getRule(db: Queries, id: string): Promise<RuleRecord> {
  const rule = await findRule(db, id)
  if (rule === undefined) throw absent()
  return rule
}

type Rule = Pick<RuleRecord, 'organization_id' | 'target_id' | 'globs' | 'name_template'>

/** What a rule takes of the repositories that there are. What people have stopped stays so. */
async function* matchesOf(db: Queries, rule: Rule): AsyncGenerator<Match> {
  const isTaken = compileGlobs(JSON.parse(rule.globs) as string[])
  let after: string | undefined
  do {
    const page = await listReplicable(db, {
      organizationId: rule.organization_id,
      targetId: rule.target_id,
      after,
      limit: PAGE,
    })
    for (const { id: repositoryId, name: repository, places } of page) {
      if (!isTaken(repository.slice(repository.indexOf('/') + 1))) continue
      const to = nameByTemplate(rule.name_template, repository)
      const place = places.find((one) => one.repository === to)
      const match = { repositoryId, repository, to }
      if (findRepositoryName(to) === undefined) yield { ...match, action: 'leave', reason: `${to} is no name` }
      else if (place === undefined) yield { ...match, action: 'start', reason: 'not sent there yet' }
      else if (place.isStopped) yield { ...match, action: 'leave', reason: 'stopped by hand' }
      else yield { ...match, action: 'keep', reason: 'sent there already' }
    }
    after = page.length < PAGE ? undefined : page.at(-1)?.name
  } while (after !== undefined)
}

function render(rule: RuleRecord): ReplicationRule {
  const settings = Object.entries(JSON.parse(rule.settings) as object).filter(([, value]) => value !== null)
  return {
    id: rule.id,
    organization: rule.organization,
    target: rule.target,
    match: JSON.parse(rule.globs) as string[],
    as: rule.name_template,
    settings: replicationSettingsSchema.parse(Object.fromEntries(settings)),
    replications: Number(rule.replications),
    reason: rule.reason,
    checkedAt: rule.checked_at,
    createdAt: rule.created_at,
    createdBy: rule.created_by,
  }
}
