/**
 * Letters to the owners of an organization whose webhooks were disabled. They read the log as webhooks do, by a cursor of their own that moves
 * before a letter leaves: whichever server is first sends it, and it is sent once or not at all.
 */
import type { Database } from '../db/engine/engine.ts'
import { listOwnerAddresses } from '../db/people/accounts.ts'
import { findOrganizationById } from '../db/people/organizations.ts'
import { findCursor, moveCursor } from '../db/platform/event-cursors.ts'
import { listEventsOfKind } from '../db/platform/events.ts'
import { lastSeq } from '../db/platform/followed-events.ts'
import { isCancelled } from '../errors.ts'
import { orAborted } from '../lib/abort.ts'
import type { Clock } from '../lib/clock.ts'
import type { Logger } from '../lib/logger.ts'
import { printableLine } from '../lib/printable.ts'
import { clipped } from '../lib/quoted.ts'
import type { Letter, Mailer } from '../net/mail.ts'
import type { LoggedEvent } from './match.ts'

export const CONSUMER = 'letters'
/** Events of one look; what is told of one organization is one letter. */
const BATCH = 100
const MAX_OWNERS = 20
const MAX_REASON = 300
/** News of before nobody needs, e.g. when a server sends mail for the first time. */
const OLD_MS = 24 * 60 * 60 * 1000

/** How often the cursor follows what is no news: nothing of it is read again by a server that begins. */
const FOLLOW_MS = 60_000

export interface LettersDeps {
  readonly db: Database
  readonly clock: Clock
  readonly logger: Logger
  readonly mailer: Mailer
  readonly publicUrl: () => string
}

/** @returns what looks for news and sends their letters; it fails when the database does, and ends early when the signal aborts */
export function createLetters({
  db,
  clock,
  logger,
  mailer,
  publicUrl,
}: LettersDeps): (signal: AbortSignal) => Promise<void> {
  // Others write most of the log: what was looked through is not looked through again, and without a letter the cursor follows by and by.
  let seen = 0
  let followedAt = Number.NEGATIVE_INFINITY

  async function take(): Promise<readonly LoggedEvent[]> {
    const upTo = await lastSeq(db.read)
    const from = await findCursor(db.read, CONSUMER)
    const rows = await listEventsOfKind(db.read, 'webhook.disabled', {
      after: Math.max(from, seen),
      upTo,
      limit: BATCH,
    })
    const last = rows.at(-1)
    if (last !== undefined && !(await db.write((tx) => moveCursor(tx, CONSUMER, { from, to: last.seq })))) return []
    seen = rows.length < BATCH ? upTo : (last?.seq ?? upTo)
    const now = clock.now().getTime()
    if (last === undefined && upTo > from && Math.abs(now - followedAt) >= FOLLOW_MS) {
      followedAt = now
      await db.write((tx) => moveCursor(tx, CONSUMER, { from, to: upTo }))
    }
    const oldest = now - OLD_MS
    return rows.filter(({ at }) => Date.parse(at) >= oldest)
  }

  return async (signal) => {
    const byOrganization = Map.groupBy(await take(), (event) => event.organization_id)
    for (const [id, events] of byOrganization) {
      const organization = await findOrganizationById(db.read, id)
      if (organization === undefined) continue
      const letter = letterOf(organization.name, events, publicUrl())
      for (const to of await listOwnerAddresses(db.read, id, MAX_OWNERS)) {
        try {
          await orAborted(mailer.send({ to, ...letter }), signal)
        } catch (error) {
          if (isCancelled(error)) return
          logger.warn({ error: String(error) }, 'a letter about a disabled webhook could not be sent')
        }
      }
    }
  }
}

/**
 * For a server that sends no mail: what no other has taken between two looks is for nobody, so the log has no reader that stands still, and
 * mail that is set up later tells nothing of before.
 */
export function createLetterSkipper(db: Database): () => Promise<void> {
  let seen: number | undefined
  return async () => {
    const from = await findCursor(db.read, CONSUMER)
    const to = seen
    if (to !== undefined && to > from) await db.write((tx) => moveCursor(tx, CONSUMER, { from, to }))
    seen = await lastSeq(db.read)
  }
}

function letterOf(organization: string, events: readonly LoggedEvent[], publicUrl: string): Omit<Letter, 'to'> {
  const { host } = new URL(publicUrl)
  const webhooks = events.map(({ payload }) => {
    const { repository, webhook, reason } = JSON.parse(payload) as Readonly<Record<string, string | undefined>>
    return {
      of: repository ?? organization,
      name: webhook ?? '',
      reason: clipped(printableLine(reason ?? ''), MAX_REASON),
    }
  })
  const [first] = webhooks
  const subject =
    webhooks.length === 1
      ? `Webhook ${first?.name} of ${first?.of} is disabled`
      : `${webhooks.length} webhooks of ${organization} are disabled`
  const text = [
    `${host} delivers nothing more to:`,
    '',
    ...webhooks.flatMap(({ of, name, reason }) => [`${name} of ${of}: ${reason}`, '']),
    'What happens meanwhile is not kept for them. Once their receivers work again:',
    '',
    ...webhooks.map(({ of, name }) => `kagami webhook change ${of} ${name} --enabled`),
    '',
  ]
  return { subject, text: text.join('\n') }
}
