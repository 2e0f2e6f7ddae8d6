/**
 * Words for what the server says in English. English itself has none: there the server's own sentence stands alone. Every other language has
 * them for each code that the API knows (what lacks one does not compile), and shows the server's sentence below, as that has the exact facts.
 */
import type { TagMove } from '../../api/history.ts'
import type { Subscription } from '../../api/subscriptions.ts'
import type { DeliveryReason, WebhookDelivery } from '../../api/webhooks.ts'
import type { ErrorCode, ErrorNoun, ErrorReason } from '../../errors.ts'

/** Codes of the API, and what the page itself says of a server that it cannot reach, or that answers otherwise than the API does. */
export type SaidCode = ErrorCode | 'UNREACHABLE' | 'UNKNOWN'

/** What is put into the words of a reason, in words itself; empty where the server tells nothing of it. */
export interface SaidAbout {
  /** `webhook ci`, in words; where only the kind or only the name is told, that. */
  readonly what: string
  readonly where: string
  /** What is taken there; empty where nobody has said it. */
  readonly hint: string
  readonly least: number | undefined
  readonly most: number | undefined
  readonly allowed: readonly string[]
}

/** What Kagami's network code tells of a server that gave no answer (`detail.reason` of UPSTREAM_UNAVAILABLE). */
export type Unanswered = 'not-found' | 'dns' | 'refused' | 'unreachable' | 'reset' | 'tls' | 'timeout' | 'other'

export interface Said {
  /** Before the server's own sentence. */
  readonly original: string
  readonly codes: Readonly<Record<SaidCode, string>>
  readonly reasons: { readonly [reason in ErrorReason]: (about: SaidAbout) => string }
  readonly nouns: Readonly<Record<ErrorNoun, string>>
  /** Of a form, by their name in the request. */
  readonly fields: Readonly<Record<string, string>>
  /** What such a field takes, where a word tells it. */
  readonly hints: Readonly<Record<string, string>>
  readonly retryAfter: (time: string) => string
  readonly unanswered: { readonly [reason in Unanswered]: (host: string) => string }
  readonly deliveries: Readonly<Record<DeliveryReason, string>>
  /** A delivery that waits. */
  readonly waits: Readonly<Record<WebhookDelivery['status'], string>>
  readonly answered: (status: string) => string
  readonly disabledWebhook: string
  readonly moves: Readonly<Record<TagMove['cause'], string>>
  readonly subscriptions: Readonly<Record<NonNullable<Subscription['cause']>, string>> & {
    readonly entries: (count: string) => string
  }
  readonly definitions: string
  readonly kept: string
  readonly refusals: { readonly verified: string; readonly unverified: string }
  readonly signIn: string
  /** What the audit log calls an action; one without words stands there as it is. */
  readonly audit: Readonly<Record<string, string>>
  readonly upstreamPause: string
  /** What registries count. */
  readonly kinds: Readonly<Record<string, string>>
  /** What settings are for, by their variables. */
  readonly settings: Readonly<Record<string, string>>
  /** Values that are sentences, by the variables of their settings. */
  readonly defaults: Readonly<Record<string, string>>
}
