/** One attempt of one delivery: rendered, signed, posted, and told in plain words. */
import { version } from '../../package.json'
import type { WebhookAttempt } from '../api/webhooks.ts'
import type { WebhookAttemptRow, WebhookRow } from '../db/schema.ts'
import type { LoadedDelivery } from '../db/webhooks/deliveries.ts'
import type { Outcome } from '../db/webhooks/outcomes.ts'
import { AppError, isAppError } from '../errors.ts'
import { type Clock, isoTime } from '../lib/clock.ts'
import type { Logger } from '../lib/logger.ts'
import { clipped } from '../lib/quoted.ts'
import { failureReason } from '../net/connection-failure.ts'
import type { PostAnswer, Poster } from '../net/post.ts'
import type { DeliveredEvent } from './payload/event.ts'
import type { Delivery, DeliveryFacts } from './payload/facts.ts'
import { nextTry, retryAfterMs } from './schedule.ts'
import type { CallbackAddresses, Opened } from './signing.ts'
import { HIDDEN, shownAnswer } from './veil.ts'

/** From an event to what is posted. @param urls ours, and the one that the receiver may answer to */
export type Render = (
  event: DeliveredEvent,
  urls: Pick<DeliveryFacts, 'publicUrl' | 'callbackUrl'>,
  webhook: WebhookRow,
) => Promise<Delivery>

export interface AttemptDeps {
  readonly poster: Poster
  readonly render: Render
  readonly callbacks: CallbackAddresses
  readonly publicUrl: () => string
  readonly clock: Clock
  readonly logger: Logger
  readonly random: () => number
}

/** What an attempt was for, so that it can be written down and followed by another. */
export interface Attempted {
  readonly outcome: Outcome
  /** The receiver says that it is gone for good (410): it is asked no more. */
  readonly isGone: boolean
}

interface Failed {
  readonly reason: NonNullable<WebhookAttempt['reason']>
  readonly words: string
}

const MAX_HEADERS_SHOWN = 4096

/** The place of an attempt in its line. */
export interface Turn {
  /** It is not sent before. */
  readonly before: Promise<unknown> | undefined
  /** Called when it has left: the next may. */
  readonly onSent: () => void
  readonly signal: AbortSignal
}

/** Never throws, unless the signal of its turn ended it. */
export async function attempt(
  deps: AttemptDeps,
  webhook: WebhookRow,
  secrets: Opened,
  delivery: LoadedDelivery,
  { before, onSent, signal }: Turn,
): Promise<Attempted> {
  const { clock } = deps
  let begun = clock.now()
  let from = performance.now()
  let sent: Readonly<Record<string, string>> = {}
  let answer: PostAnswer | undefined
  let failure: Failed | undefined
  try {
    const urls = { publicUrl: deps.publicUrl(), callbackUrl: deps.callbacks.urlOf(delivery.id) }
    const { body, headers } = await deps.render(eventOf(delivery), urls, webhook)
    await before
    begun = clock.now()
    from = performance.now()
    sent = {
      ...headers,
      'user-agent': `Kagami/${version}`,
      ...secrets.sign(delivery.id, begun, body),
    }
    const request = { headers: sent, own: secrets.headers, body, plainHttp: webhook.plain_http === 1, signal, onSent }
    answer = await deps.poster.post(new URL(webhook.url), request)
    failure = failureOfStatus(answer)
  } catch (error) {
    if (signal.aborted) throw error
    if (!isAppError(error)) deps.logger.error({ err: error, delivery: delivery.id }, 'a delivery could not be made')
    failure = failureOf(error)
  }
  const durationMs = Math.round(performance.now() - from)
  const tries = delivery.tries + 1
  const end = clock.now()
  const next =
    failure === undefined || answer?.status === 410
      ? undefined
      : nextTry({
          tries,
          now: end,
          expiresAt: delivery.expires_at,
          retryAfterMs: retryAfterMs(answer?.headers['retry-after'], end),
          random: deps.random(),
        })
  const said = { headers: answer?.headers ?? {}, excerpt: answer?.excerpt ?? '', error: failure?.words ?? null }
  const shown = shownAnswer(secrets.veil, said, deps.callbacks.urlOf(delivery.id))
  const row: WebhookAttemptRow = {
    delivery_id: delivery.id,
    number: delivery.attempts + 1,
    at: isoTime(begun),
    status: answer?.status ?? null,
    duration_ms: durationMs,
    reason: failure?.reason ?? null,
    error: shown.error,
    request_headers: headersText({ ...hidden(secrets.headers), ...sent }),
    answer_headers: headersText(shown.headers),
    answer: shown.excerpt.replaceAll('\0', '\uFFFD'),
  }
  return {
    isGone: answer?.status === 410,
    outcome: {
      attempt: row,
      webhookId: webhook.id,
      eventSeq: delivery.event_seq,
      tag: delivery.tag,
      generation: delivery.generation,
      status: failure === undefined ? 'delivered' : next === undefined ? 'dead' : 'failed',
      tries,
      dueAt: next === undefined ? null : isoTime(next),
      delayMs: failure === undefined ? Math.max(0, end.getTime() - Date.parse(delivery.event_at)) : undefined,
    },
  }
}

function eventOf(delivery: LoadedDelivery): DeliveredEvent {
  const payload = JSON.parse(delivery.payload) as Record<string, unknown>
  // A tag that the delivery is of stands for the one of the event: attestations are added to digests, and told of tags.
  const own = {
    ...(delivery.tag === null ? {} : { tag: delivery.tag }),
    ...(delivery.from_digest === null ? {} : { from: delivery.from_digest }),
  }
  return {
    seq: delivery.event_seq,
    id: delivery.event_id,
    kind: delivery.kind,
    organizationId: delivery.organization_id,
    repositoryId: delivery.repository_id,
    actor: delivery.actor,
    at: delivery.event_at,
    payload: { ...payload, ...own },
  }
}

function failureOfStatus({ status, headers }: PostAnswer): Failed | undefined {
  if (status >= 200 && status < 300) return undefined
  if (status === 410) return { reason: 'gone', words: 'the receiver answered 410: it is gone for good' }
  const after = headers['retry-after'] === undefined ? '' : ` (Retry-After: ${clipped(headers['retry-after'], 60)})`
  return { reason: status === 429 ? 'throttled' : 'status', words: `the receiver answered ${status}${after}` }
}

function failureOf(error: unknown): Failed {
  if (!(error instanceof AppError)) return { reason: 'other', words: 'the delivery could not be made: this is a bug' }
  if (error.code === 'ADDRESS_NOT_ALLOWED') return { reason: 'address', words: error.message }
  if (error.code === 'UPSTREAM_INVALID') return { reason: 'redirect', words: error.message }
  const reason = failureReason(error)
  return { reason: reason === 'not-found' ? 'dns' : (reason ?? 'other'), words: error.message }
}

function hidden(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.keys(headers).map((name) => [name.toLowerCase(), HIDDEN]))
}

/** As JSON, without what would make it long. */
function headersText(headers: Readonly<Record<string, string>>): string {
  let left = MAX_HEADERS_SHOWN
  const shown = Object.entries(headers).filter(([name, value]) => {
    left -= name.length + value.length + 6
    return left >= 0
  })
  return JSON.stringify(Object.fromEntries(shown))
}
