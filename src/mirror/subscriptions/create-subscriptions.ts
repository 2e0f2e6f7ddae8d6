import { changedSettings, mirrorSettingsSchema } from '../../api/mirror-settings.ts'
import type { SubscriptionPlan } from '../../api/subscriptions.ts'
import type { Queries, Transaction } from '../../db/engine/engine.ts'
import { insertEntries, listEntries } from '../../db/mirrors/subscription-entries.ts'
import {
  findNextRead,
  findSameSubscription,
  findSubscription,
  insertSubscription,
  listDueSubscriptions,
  listSubscriptions,
  type SubscriptionRecord,
  subscriptionCursor,
  updateSubscription,
} from '../../db/mirrors/subscriptions.ts'
import { findUpstream } from '../../db/mirrors/upstreams.ts'
import { appendEvents } from '../../db/platform/events.ts'
import { voidLeases } from '../../db/platform/leases.ts'
import type { SubscriptionRow } from '../../db/schema.ts'
import { AppError } from '../../errors.ts'
import { cancelledBy } from '../../lib/abort.ts'
import { isoTime, systemClock } from '../../lib/clock.ts'
import { newId } from '../../lib/ids.ts'
import { systemSleep } from '../../lib/retry.ts'
import { readPage } from '../../lib/weighed-page.ts'
import type { RepositoryName } from '../../oci/reference.ts'
import { registryOf } from '../life/places.ts'
import { createPlanPlaces } from '../life/plan-places.ts'
import { createLoop } from './loop.ts'
import { newRow } from './new-row.ts'
import { morePending } from './pending.ts'
import { readCatalog, withAdvice } from './read-catalog.ts'
import { rematch } from './rematch.ts'
import { columnsOf, selectionOf } from './selection.ts'
import { type By, settleStanding, subscriptionEvent } from './settle.ts'
import type { SubscriptionStart, Subscriptions, SubscriptionsOptions } from './subscriptions.ts'
import { getOrganization, judgeEntry } from './take-entry.ts'
import { renderEntry, renderSubscription } from './views.ts'
import { createWork, SUBSCRIPTION_LEASE } from './worker.ts'

const INTERVAL_MS = 15 * 60_000
const FIRST_RUNS_APART_MS = 100
/** Entries that a plan shows. */
const PLANNED = 1000

/** The subscriptions of one process. Nothing happens by itself before `resume`. */
export function createSubscriptions(options: SubscriptionsOptions): Subscriptions {
  const { db } = options
  const clock = options.clock ?? systemClock
  const random = options.random ?? Math.random
  const intervalMs = options.intervalMs ?? INTERVAL_MS
  const closing = new AbortController()
  const now = () => isoTime(clock.now())
  const places = createPlanPlaces('reads of catalogs')
  const work = createWork({
    ...options,
    clock,
    random,
    intervalMs,
    firstRunsApartMs: options.firstRunsApartMs ?? FIRST_RUNS_APART_MS,
    holder: newId(),
  })
  const loop = createLoop({
    clock,
    sleep: options.sleep ?? systemSleep,
    logger: options.logger,
    work: (id) => work(id, closing.signal),
    listDue: (at, limit) => listDueSubscriptions(db.read, at, limit),
    findNext: () => findNextRead(db.read),
  })

  async function get(from: Queries, id: string): Promise<SubscriptionRecord> {
    const row = await findSubscription(from, id)
    if (row === undefined)
      throw new AppError('NOT_FOUND', `there is no subscription ${id}`, {
        about: { reason: 'absent', what: 'subscription' },
      })
    return row
  }

  /** By people: work under way ends, and what is due begins. */
  async function changed(
    id: string,
    actor: string,
    write: (tx: Transaction, row: SubscriptionRecord, by: By) => Promise<Partial<SubscriptionRow>>,
  ): Promise<void> {
    await db.write(async (tx) => {
      const row = await get(tx, id)
      const by = { actor, at: now() }
      const change = await write(tx, row, by)
      await updateSubscription(tx, id, { ...change, version: row.version + 1, work_due: 1 })
      await settleStanding(tx, id, by)
    })
    loop.wake()
  }

  function refuseStopped(row: SubscriptionRecord): void {
    if (row.state !== 'stopped') return
    throw new AppError(
      'CONFLICT',
      `the subscription ${row.id} of ${row.upstream} is stopped: begin anew by mirror start ${row.upstream} --all`,
      { about: { reason: 'stopped', what: 'subscription', name: row.upstream } },
    )
  }

  async function readFirst(request: SubscriptionStart & { readonly signal?: AbortSignal | undefined }) {
    const organization = await getOrganization(db.read, request.organization)
    const upstream = await findUpstream(db.read, organization.id, request.upstream)
    if (upstream === undefined) {
      throw new AppError('NOT_FOUND', `${request.organization} has no upstream ${request.upstream}: add it first`, {
        about: { reason: 'absent', what: 'upstream', name: request.upstream },
      })
    }
    const nextRead = clock.now().getTime() + intervalMs * (0.9 + 0.2 * random())
    const row = newRow(request, { organization, upstream, at: now(), nextReadAt: isoTime(new Date(nextRead)) })
    await refuseSame(db.read, row)
    const signal = AbortSignal.any([closing.signal, ...(request.signal === undefined ? [] : [request.signal])])
    const open = () => options.openRegistry(upstream, organization.id)
    const asked = { organizationId: organization.id, registry: registryOf(upstream, upstream.id), signal }
    try {
      const reading = await places.run(asked, () => readCatalog(open, upstream.name, selectionOf(row), signal))
      return { organization, upstream, row, signal, ...reading }
    } catch (error) {
      throw withAdvice(error, upstream.name)
    }
  }

  async function refuseSame(from: Queries, row: SubscriptionRow): Promise<void> {
    const same = await findSameSubscription(from, row)
    if (same === undefined) return
    throw new AppError('CONFLICT', `it is subscribed to already: change it by subscription change ${same.id}`, {
      about: { reason: 'taken', what: 'subscription' },
      detail: { subscription: same.id },
    })
  }

  const show = async (id: string) => renderSubscription(db.read, await get(db.read, id))

  return {
    async start(request) {
      const { row, upstream, matched, listed } = await readFirst(request)
      const { id } = row
      await db.write(async (tx) => {
        await refuseSame(tx, row)
        await insertSubscription(tx, { ...row, listed })
        await insertEntries(tx, id, matched, row.created_at)
        const by = { actor: request.by, at: row.created_at }
        const payload = { match: request.match, except: request.except, matched: matched.length }
        await appendEvents(tx, [
          subscriptionEvent('subscription.started', { ...row, upstream: upstream.name }, by, payload),
        ])
      })
      loop.wake()
      return show(id)
    },
    async planStart(request) {
      const { organization, upstream, matched, listed, signal } = await readFirst(request)
      const entries: SubscriptionPlan['entries'] = []
      for (const name of matched.slice(0, PLANNED)) {
        if (signal.aborted) throw cancelledBy(signal)
        const question = { subscriptionId: '', organization, upstream, source: name as RepositoryName, wasMade: false }
        const { decision, destination } = await judgeEntry(db.read, { ...question, adopt: request.adopt })
        const reason = 'reason' in decision ? decision.reason : null
        entries.push({ repository: name, mirror: destination ?? null, action: decision.action, reason })
      }
      return { listed, matched: matched.length, entries }
    },
    async show(id, organizationId) {
      const row = await get(db.read, id)
      if (row.organization_id !== organizationId)
        throw new AppError('NOT_FOUND', `there is no subscription ${id}`, {
          about: { reason: 'absent', what: 'subscription' },
        })
      return renderSubscription(db.read, row)
    },
    async list({ organizationIds, limit, after }) {
      const { items, next } = await readPage({
        limit,
        after,
        read: async (from, count) => {
          const rows = await listSubscriptions(db.read, { organizationIds, after: from, limit: count })
          return Promise.all(rows.map((row) => renderSubscription(db.read, row)))
        },
        keyOf: subscriptionCursor,
      })
      return { subscriptions: items, next }
    },
    async entries(id, { state, limit, after }) {
      const { items, next } = await readPage({
        limit,
        after,
        read: async (from, count) =>
          (await listEntries(db.read, id, { state, after: from, limit: count })).map(renderEntry),
        keyOf: ({ repository }) => repository,
      })
      return { entries: items, next }
    },
    async change(id, change, actor) {
      if (Object.values(change).every((given) => given === undefined)) {
        throw new AppError('INVALID_REQUEST', 'got nothing to change', { about: { reason: 'unchanged' } })
      }
      let fallenOut = 0
      await changed(id, actor, async (tx, row, by) => {
        refuseStopped(row)
        const { settings: given, adopt, match, except, repositories } = change
        const before = selectionOf(row)
        const selection = {
          match: match ?? before.match,
          except: except ?? before.except,
          repositories: repositories === undefined ? before.repositories : repositories,
        }
        fallenOut = await rematch(tx, id, selection, by.at)
        const settings = changedSettings(mirrorSettingsSchema.parse(JSON.parse(row.settings)), given ?? {})
        await appendEvents(tx, [subscriptionEvent('subscription.changed', row, by, { change, fallenOut })])
        const isOther = match !== undefined || except !== undefined || repositories !== undefined
        const isResting = row.cause === 'hand'
        return {
          ...columnsOf(selection),
          adopt: adopt === undefined ? row.adopt : adopt ? 1 : 0,
          settings: JSON.stringify(settings),
          ...(isOther && !isResting ? { next_read_at: by.at, failed_reads: 0 } : {}),
          // Another list than the one of before: it cannot be held against that.
          ...(repositories === undefined ? {} : { listed: null, accept_shrink: 1 as const }),
          ...(given === undefined ? {} : { pending: morePending(row.pending, { settings: given, by: actor }) }),
        }
      })
      return { subscription: await show(id), fallenOut }
    },
    async sync(id, { acceptShrink, by: actor }) {
      await changed(id, actor, async (_tx, row, { at }) => {
        refuseStopped(row)
        if (row.cause === 'hand') {
          throw new AppError('CONFLICT', `the subscription is paused by hand: go on by subscription resume ${id}`, {
            about: { reason: 'paused', what: 'subscription' },
          })
        }
        return { next_read_at: at, accept_shrink: acceptShrink || row.accept_shrink === 1 ? 1 : 0 }
      })
      return show(id)
    },
    async pause(id, actor) {
      await changed(id, actor, async (_tx, row) => {
        refuseStopped(row)
        return { cause: 'hand', problem: 'paused by hand', next_read_at: null }
      })
      return show(id)
    },
    async unpause(id, actor) {
      await changed(id, actor, async (_tx, row, { at }) => {
        refuseStopped(row)
        // What else stands in the way, the read that comes at once tells.
        return { cause: null, problem: null, next_read_at: at, failed_reads: 0 }
      })
      return show(id)
    },
    async stop(id, { mirrors, by: actor }) {
      await changed(id, actor, async (tx, row, by) => {
        const pending = mirrors ? { pending: morePending(row.pending, { stop: true, by: actor }) } : {}
        if (row.state === 'stopped') return pending
        await appendEvents(tx, [subscriptionEvent('subscription.stopped', row, by)])
        const ended = { state: 'stopped', since: by.at, reason: null } as const
        return { ...ended, next_read_at: null, cause: null, problem: null, ...pending }
      })
      return show(id)
    },
    work: (id) => work(id, closing.signal),
    async resume({ isAlone }) {
      if (isAlone) await db.write((tx) => voidLeases(tx, SUBSCRIPTION_LEASE))
      loop.begin()
    },
    async close() {
      closing.abort(new AppError('CANCELLED', 'the server was shut down'))
      await loop.close()
    },
  }
}
