/** The server that delivers: starts attempts in the order of lines, fairly among webhooks, and has what became of them written down. */

import type { WebhookRow } from '../db/schema.ts'
import { loadDue, loadLine } from '../db/webhooks/deliveries.ts'
import { listWebhooksById } from '../db/webhooks/webhooks.ts'
import { isAppError } from '../errors.ts'
import { isoTime } from '../lib/clock.ts'
import type { Sealer } from '../lib/seal.ts'
import { type AttemptDeps, type Attempted, attempt } from './attempt.ts'
import { dropFrom, type Endpoint, emptyEndpoint, isIdle, letGo, newEndpoint, tagKey } from './endpoint.ts'
import { type SaveDeps, saveAttempts } from './save.ts'
import { type Opened, openSecrets } from './signing.ts'
import { createTurns, type Turns } from './turns.ts'

export interface LinesDeps extends AttemptDeps, SaveDeps {
  readonly sealer: Sealer
  /** False: for now nothing may begin, because another may deliver by now. */
  mayStart(): boolean
  /** Aborts attempts under way. */
  readonly signal: AbortSignal
}

export interface Lines {
  /** These webhooks may have something to send. */
  wake(webhookIds: Iterable<string>): Promise<void>
  /** As their rows are now: changed, disabled, deleted. */
  refresh(): Promise<void>
  drop(deliveryIds: readonly string[]): void
  /** True from its start until what became of it is written down. */
  isUnderWay(deliveryId: string): boolean
  /** Nothing begins any more; resolves when what was under way is written down. @throws AppError CONFLICT when another delivers now */
  end(): Promise<void>
}

const LOADED = 64
/** Attempts that wait to be written down: beyond it nothing begins. */
const MAX_UNSAVED = 2000
const SAVED_AT_ONCE = 500
const GATHER_MS = 20
const SAVE_AGAIN_MS = 1000

export function createLines(deps: LinesDeps): Lines {
  const { db, clock, logger } = deps
  const turns = createTurns((endpoint) => void load(endpoint))
  const underWay = new Set<string>()
  let unsaved: Attempted[] = []
  let isSaving = false
  let lastSave = Number.NEGATIVE_INFINITY
  let saving: Promise<void> = Promise.resolve()
  let isEnding = false
  let lost: unknown
  let whenQuiet: (() => void) | undefined

  function secretsOf(webhook: WebhookRow): Opened | undefined {
    try {
      return openSecrets(deps.sealer, webhook)
    } catch (error) {
      logger.error({ err: error, webhook: webhook.id }, 'the secrets of a webhook cannot be opened: it sends nothing')
      return undefined
    }
  }

  function put(webhook: WebhookRow): Endpoint {
    const known = turns.get(webhook.id)
    if (known === undefined) {
      const made = newEndpoint(webhook, secretsOf(webhook))
      turns.add(made)
      return made
    }
    if (known.webhook.updated_at !== webhook.updated_at) {
      known.secrets = secretsOf(webhook)
      // With another address it is another receiver.
      known.failedInRow = 0
    }
    known.webhook = webhook
    return known
  }

  function pump(): void {
    while (!isEnding && lost === undefined && unsaved.length < MAX_UNSAVED && deps.mayStart()) {
      const next = turns.next()
      if (next === undefined) return
      void fly(next)
    }
  }

  /** Reads on in its line, and what is due; then begins what may. */
  async function load(endpoint: Endpoint): Promise<void> {
    const wantsLine = endpoint.mayHaveLine && endpoint.line.length < LOADED / 2
    const wantsDue = endpoint.mayHaveDue && endpoint.due.length < LOADED / 4
    if (endpoint.loading !== undefined || !(wantsLine || wantsDue) || endpoint.webhook.enabled === 0) return
    const loading = { over: new Set<string>() }
    endpoint.loading = loading
    const { id } = endpoint.webhook
    let [isMoreInLine, isMoreDue] = [wantsLine, wantsDue]
    let added = 0
    let isRead = false
    // Whoever says that there is more says so of what the reads may not see.
    if (wantsLine) endpoint.mayHaveLine = false
    if (wantsDue) endpoint.mayHaveDue = false
    try {
      if (wantsLine) {
        const rows = await loadLine(db.read, id, { after: endpoint.lineAfter, limit: LOADED })
        if (endpoint.loading !== loading) return
        endpoint.lineAfter = rows.at(-1)?.line ?? endpoint.lineAfter
        isMoreInLine = rows.length === LOADED
        added += add(endpoint, 'line', rows)
      }
      if (wantsDue) {
        const limit = endpoint.taken.size + LOADED
        const rows = await loadDue(db.read, id, { now: isoTime(clock.now()), limit })
        if (endpoint.loading !== loading) return
        // One that is over may have been asked for again.
        isMoreDue = rows.length === limit || rows.some((row) => loading.over.has(row.id))
        added += add(endpoint, 'due', rows)
      }
      isRead = true
    } catch (error) {
      logger.error({ err: error, webhook: id }, 'deliveries could not be read')
    }
    if (endpoint.loading !== loading) return
    endpoint.loading = undefined
    endpoint.mayHaveLine ||= isMoreInLine
    endpoint.mayHaveDue ||= isMoreDue
    // What could not be read waits for the next look.
    if (isRead && (added > 0 || endpoint.mayHaveLine || endpoint.mayHaveDue)) pump()
  }

  function add(endpoint: Endpoint, list: 'line' | 'due', rows: Endpoint['line']): number {
    const { taken, loading } = endpoint
    const fresh = rows.filter(({ id }) => !taken.has(id) && loading?.over.has(id) !== true)
    for (const { id } of fresh) taken.add(id)
    endpoint[list].push(...fresh)
    return fresh.length
  }

  async function fly({ endpoint, delivery, isDue }: NonNullable<ReturnType<Turns['next']>>): Promise<void> {
    const { webhook, secrets } = endpoint
    endpoint.tags.add(tagKey(delivery))
    underWay.add(delivery.id)
    // Several are made ready at once, and leave in the order of the line.
    const { repository_id: repository } = delivery
    const before = isDue ? undefined : endpoint.sent.get(repository)
    const left = Promise.withResolvers<void>()
    if (!isDue) endpoint.sent.set(repository, left.promise)
    try {
      if (secrets === undefined) throw new Error('nothing is taken from a webhook whose secrets are not open')
      const turn = { before, onSent: left.resolve, signal: deps.signal }
      const attempted = await attempt(deps, webhook, secrets, delivery, turn)
      const { status } = attempted.outcome
      endpoint.failedInRow = status === 'delivered' ? 0 : endpoint.failedInRow + 1
      unsaved.push(attempted)
    } catch {
      // Ended by us: it has its place in line as before.
      underWay.delete(delivery.id)
      endpoint.taken.delete(delivery.id)
    }
    // Also one that was never sent lets the next go only after those before it.
    const release = () => {
      left.resolve()
      if (endpoint.sent.get(repository) === left.promise) endpoint.sent.delete(repository)
    }
    if (before === undefined) release()
    else void before.then(release)
    endpoint.tags.delete(tagKey(delivery))
    turns.over(endpoint, isDue)
    startSaving()
    pump()
  }

  function startSaving(): void {
    if (isSaving) return
    isSaving = true
    saving = save().finally(() => {
      isSaving = false
      if (unsaved.length > 0 && lost === undefined) startSaving()
      else if (turns.flights() === 0) whenQuiet?.()
    })
  }

  async function save(): Promise<void> {
    while (unsaved.length > 0 && lost === undefined) {
      // A transaction costs more than its rows do: those that end soon after share one.
      const rest = lastSave + GATHER_MS - performance.now()
      if (rest > 0 && unsaved.length < SAVED_AT_ONCE && !isEnding) await Bun.sleep(rest)
      const batch = unsaved.slice(0, SAVED_AT_ONCE)
      try {
        for (const webhook of await saveAttempts(deps, batch)) {
          logger.warn({ webhook: webhook.name, reason: webhook.disabled_reason }, 'a webhook was disabled')
          emptyEndpoint(put(webhook))
        }
      } catch (error) {
        if (isAppError(error, 'CONFLICT')) lost = error
        else {
          logger.error({ err: error }, 'attempts of deliveries could not be written down; trying again')
          await Bun.sleep(SAVE_AGAIN_MS)
        }
        continue
      }
      lastSave = performance.now()
      unsaved = unsaved.slice(batch.length)
      for (const { outcome } of batch) {
        const { delivery_id: id } = outcome.attempt
        underWay.delete(id)
        const endpoint = turns.get(outcome.webhookId)
        if (endpoint !== undefined) letGo(endpoint, id)
      }
      pump()
    }
  }

  return {
    async wake(webhookIds) {
      for (const webhook of await listWebhooksById(db.read, [...webhookIds])) {
        if (webhook.enabled === 0) continue
        const endpoint = put(webhook)
        endpoint.mayHaveLine = true
        endpoint.mayHaveDue = true
      }
      pump()
    },
    async refresh() {
      const rows = new Map((await listWebhooksById(db.read, turns.ids())).map((row) => [row.id, row]))
      for (const id of turns.ids()) {
        const endpoint = turns.get(id)
        if (endpoint === undefined) continue
        const row = rows.get(id)
        if (row === undefined || row.enabled === 0) emptyEndpoint(endpoint)
        if (row !== undefined) put(row)
        if (isIdle(endpoint)) turns.remove(id)
      }
      pump()
    },
    drop(deliveryIds) {
      if (deliveryIds.length === 0) return
      const ids = new Set(deliveryIds)
      for (const endpoint of turns.all()) dropFrom(endpoint, ids)
    },
    isUnderWay: (deliveryId) => underWay.has(deliveryId),
    async end() {
      isEnding = true
      if (turns.flights() > 0) {
        await new Promise<void>((resolve) => {
          whenQuiet = resolve
        })
      }
      await saving
      if (lost !== undefined) throw lost
    },
  }
}
