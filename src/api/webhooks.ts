/** Webhooks: what is posted where, and what became of it. */

import { findGlobFault } from '../oci/repository-globs.ts'
import { findTagGlobFault } from '../oci/tag-globs.ts'
import { momentSchema } from './history.ts'
import { listQuerySchema, listSchema } from './lists.ts'
import { idParameterSchema, idSchema, nameSchema, repositoryNameSchema, timeSchema, z } from './schema.ts'

/** What a webhook can be told of; `tag.moved` is a push too that left the tag where it was. Others are registered by what creates them. */
export const webhookEventSchema = z.enum([
  'tag.moved',
  'tag.restored',
  'tag.removed',
  'referrers.published',
  'referrers.removed',
  'mirror.paused',
  'mirror.resumed',
  'mirror.degraded',
  'mirror.recovered',
  'replication.synced',
  'replication.paused',
  'replication.resumed',
  'replication.degraded',
  'replication.recovered',
  'replication.drifted',
  'webhook.disabled',
])
export const DEFAULT_EVENTS = ['tag.moved', 'tag.restored'] as const

export const webhookFormatSchema = z.enum(['hub', 'cloudevents', 'cloudevents-binary', 'slack'])
export const initialSyncSchema = z.enum(['each', 'summary', 'none'])
export const deliveryStatusSchema = z.enum(['pending', 'delivered', 'failed', 'dead'])
const callbackStateSchema = z.enum(['success', 'failure', 'error'])

/** As Docker Hub has it. */
const MAX_URL = 255
const MAX_HEADERS = 20
/** Characters of all values: answers of receivers are searched for them. */
const MAX_HEADER_VALUES = 4096

const urlSchema = z
  .string()
  .min(1)
  .max(MAX_URL, `want at most ${MAX_URL} characters`)
  .superRefine((text, context) => {
    const fault = urlFault(text)
    if (fault !== undefined) context.addIssue({ code: 'custom', message: fault })
  })
  .openapi({ example: 'https://ci.example.com/hooks/kagami' })

function urlFault(text: string): string | undefined {
  const url = URL.parse(text)
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) return 'want an https:// address'
  if (!/^[\x21-\x7e]+$/.test(text)) return 'want printable ASCII without spaces'
  // They would stand in every list.
  if (url.username !== '' || url.password !== '') return 'want no login in the address: give it as a header'
  if (url.hash !== '') return 'want no # part: it is never sent'
  return undefined
}

const FORBIDDEN_HEADERS =
  /^(host|connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|expect|content-(length|type|encoding)|accept-encoding|webhook-.*|ce-.*|user-agent)$/i

/** By name; a value is sent with each delivery, kept sealed, and never shown. */
const headersSchema = z
  .record(z.string(), z.string())
  .superRefine((headers, context) => {
    const fault = headersFault(headers)
    if (fault !== undefined) context.addIssue({ code: 'custom', message: fault })
  })
  .openapi({ example: { authorization: 'Bearer …' } })

function headersFault(headers: Readonly<Record<string, string>>): string | undefined {
  const entries = Object.entries(headers)
  if (entries.length > MAX_HEADERS) return `got ${entries.length} headers, want at most ${MAX_HEADERS}`
  const total = entries.reduce((sum, [, value]) => sum + value.length, 0)
  if (total > MAX_HEADER_VALUES) return `got values of ${total} characters, want at most ${MAX_HEADER_VALUES} in all`
  const names = new Set<string>()
  for (const [name, value] of entries) {
    const shown = JSON.stringify(name.slice(0, 80))
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/.test(name)) return `${shown} is no name of a header`
    if (FORBIDDEN_HEADERS.test(name)) return `${shown} is set by Kagami, and cannot be chosen`
    if (names.has(name.toLowerCase())) return `${shown} is there twice`
    names.add(name.toLowerCase())
    if (!/^[\x21-\x7e]([\x20-\x7e]{0,1022}[\x21-\x7e])?$/.test(value)) {
      return `the value of ${shown} must have 1 to 1024 printable ASCII characters, without spaces around it`
    }
  }
  return undefined
}

const tagsSchema = z.array(z.string()).superRefine((globs, context) => {
  const fault = findTagGlobFault(globs)
  if (fault !== undefined) context.addIssue({ code: 'custom', message: fault })
})

const repositoriesSchema = z
  .array(z.string())
  .min(1)
  .superRefine((globs, context) => {
    const fault = findGlobFault(globs)
    if (fault !== undefined) context.addIssue({ code: 'custom', message: fault })
  })

const eventsSchema = z
  .array(webhookEventSchema)
  .min(1)
  .transform((events) => [...new Set(events)])

export const webhookSchema = z
  .strictObject({
    id: idSchema,
    name: nameSchema,
    url: z.string(),
    organization: nameSchema,
    repository: repositoryNameSchema.nullable().describe('null: of the organization'),
    repositories: z
      .array(z.string())
      .describe('globs over names after `ORGANIZATION/`; empty for the webhook of a repository'),
    events: z.array(webhookEventSchema),
    tags: z.array(z.string()).describe('globs; empty: every tag'),
    changedOnly: z.boolean().describe('not for a push that left the tag where it was'),
    headers: z.array(z.string()).describe('names of the headers that are sent along; their values are not shown'),
    format: webhookFormatSchema,
    after: nameSchema.nullable().describe('the webhook whose receiver has to say success first'),
    plainHttp: z.boolean(),
    coalesce: z.boolean().describe('a later move of a tag takes the place of earlier ones that were not delivered yet'),
    initialSync: initialSyncSchema,
    enabled: z.boolean(),
    disabledReason: z.string().nullable().describe('why Kagami has disabled it'),
    failingSince: timeSchema.nullable(),
    oldSecretUntil: timeSchema.nullable().describe('until when the secret of before signs too'),
    createdAt: timeSchema,
    createdBy: z.string(),
  })
  .openapi('Webhook')

const settings = {
  url: urlSchema,
  events: eventsSchema,
  tags: tagsSchema,
  changedOnly: z.boolean(),
  headers: headersSchema,
  format: webhookFormatSchema,
  after: nameSchema.nullable(),
  plainHttp: z.boolean(),
  coalesce: z.boolean(),
  initialSync: initialSyncSchema,
  enabled: z.boolean(),
}

export const webhookCreateSchema = z
  .strictObject({
    name: nameSchema,
    url: settings.url,
    repositories: repositoriesSchema.optional().describe('for one of an organization; left out: all'),
    events: settings.events.default([...DEFAULT_EVENTS]),
    tags: settings.tags.default([]),
    changedOnly: settings.changedOnly.default(false),
    headers: settings.headers.default({}),
    format: settings.format.default('hub'),
    after: settings.after.default(null),
    plainHttp: settings.plainHttp.default(false),
    coalesce: settings.coalesce.default(false),
    initialSync: settings.initialSync.default('summary'),
    enabled: settings.enabled.default(true),
  })
  .openapi('WebhookCreate')

/** What is left out stays; `headers` replace all of before. */
export const webhookChangeSchema = z
  .strictObject({
    url: settings.url.optional(),
    repositories: repositoriesSchema.optional(),
    events: settings.events.optional(),
    tags: settings.tags.optional(),
    changedOnly: settings.changedOnly.optional(),
    headers: settings.headers.optional(),
    format: settings.format.optional(),
    after: settings.after.optional(),
    plainHttp: settings.plainHttp.optional(),
    coalesce: settings.coalesce.optional(),
    initialSync: settings.initialSync.optional(),
    enabled: settings.enabled.optional(),
    rotateSecret: z.boolean().optional().describe('make a new secret; the old one signs too for 24 hours'),
  })
  .refine((change) => Object.values(change).some((value) => value !== undefined), 'got nothing to change')
  .openapi('WebhookChange')

export const webhookAnswerSchema = z.strictObject({ webhook: webhookSchema })
/** The secret is shown this once. */
export const webhookCreatedSchema = z
  .strictObject({ webhook: webhookSchema, secret: z.string() })
  .openapi('WebhookCreated')
export const webhookChangedSchema = z
  .strictObject({ webhook: webhookSchema, secret: z.string().optional().describe('the new one, shown this once') })
  .openapi('WebhookChanged')
export const webhookListSchema = listSchema('webhooks', webhookSchema).openapi('WebhookList')

/**
 * A webhook among those of one's organizations. `open`: what is still to be delivered, counted up to 1,000; `last`: the delivery that has ended
 * last.
 */
export const placedWebhookSchema = z
  .strictObject({
    ...webhookSchema.shape,
    health: z.strictObject({
      open: z.int().min(0),
      last: z
        .strictObject({
          id: idSchema,
          status: deliveryStatusSchema,
          kind: z.string(),
          tag: z.string().nullable(),
          error: z.string().nullable(),
          at: timeSchema,
        })
        .nullable(),
    }),
  })
  .openapi('PlacedWebhook')
export const placedWebhookListSchema = listSchema('webhooks', placedWebhookSchema).openapi('PlacedWebhookList')

/** Why a receiver was not told. `status`: it refused it; `throttled`: it wants fewer (429); `address`: one where nothing may be sent to. */
const failedFor = [
  'status',
  'throttled',
  'gone',
  'address',
  'redirect',
  'dns',
  'refused',
  'unreachable',
  'reset',
  'tls',
  'timeout',
  'other',
] as const
export const attemptReasonSchema = z.enum(failedFor)
/** `superseded`: a later move of the tag took its place; `backlog`: too many waited; `not-started`: the webhook before it did not let it through. */
export const deliveryReasonSchema = z.enum([...failedFor, 'expired', 'backlog', 'superseded', 'not-started'])

export const attemptSchema = z
  .strictObject({
    at: timeSchema,
    status: z.int().nullable().describe('of the answer; null: there was none'),
    durationMs: z.int(),
    reason: attemptReasonSchema.nullable().default(null).describe('null: it was taken'),
    error: z.string().nullable(),
    requestHeaders: z
      .record(z.string(), z.string())
      .describe('values of your own headers are left out; empty, as what follows, for all but the last three attempts'),
    answerHeaders: z.record(z.string(), z.string()),
    answer: z.string().describe('the first KiB, and a … where there is more'),
  })
  .openapi('WebhookAttempt')

export const callbackSchema = z
  .strictObject({
    state: callbackStateSchema,
    description: z.string().nullable(),
    context: z.string().nullable(),
    targetUrl: z.string().nullable(),
    at: timeSchema,
  })
  .openapi('WebhookCallback')

export const deliverySchema = z
  .strictObject({
    id: idSchema.describe('the `webhook-id` of every attempt'),
    eventId: idSchema,
    seq: z.int().describe('place of the event in the log'),
    kind: z.string(),
    tag: z.string().nullable(),
    status: deliveryStatusSchema.describe(
      'pending: not tried yet; failed: tried in vain, and tried again; dead: given up',
    ),
    reason: deliveryReasonSchema.nullable().default(null).describe('of the last failure, or why it will not come'),
    error: z.string().nullable().describe('the last failure; or why it waits, or will not come'),
    createdAt: timeSchema,
    nextAt: timeSchema.nullable().describe('the next attempt, where it has a time'),
    attempts: z.array(attemptSchema).describe('the last 50'),
    callback: callbackSchema.nullable(),
  })
  .openapi('WebhookDelivery')

export const deliveryListSchema = listSchema('deliveries', deliverySchema).openapi('WebhookDeliveryList')
export const deliveryAnswerSchema = z.strictObject({ delivery: deliverySchema })
export const deliveryQuerySchema = listQuerySchema.extend({
  status: deliveryStatusSchema.optional(),
  event: idParameterSchema.optional().describe('of this event only'),
})

/** One of the three. */
export const redeliverSchema = z
  .strictObject({
    delivery: idParameterSchema.optional().describe('this one'),
    failedSince: momentSchema
      .optional()
      .describe('all without success whose event is not older, but for what a webhook before it did not let through'),
    event: idParameterSchema.optional().describe('this event, also when it was never meant for the webhook'),
  })
  .refine(
    (o) => [o.delivery, o.failedSince, o.event].filter((one) => one !== undefined).length === 1,
    'want one of delivery, failedSince and event',
  )
  .openapi('WebhookRedeliver')

export const redeliveredSchema = z
  .strictObject({ deliveries: z.array(idSchema), more: z.boolean().describe('there are more: ask again') })
  .openapi('WebhookRedelivered')

/** What a receiver posts to the `callback_url`, as Docker Hub documented it. */
export const callbackBodySchema = z.object({
  state: callbackStateSchema,
  description: z.string().max(255).nullish(),
  context: z.string().max(100).nullish(),
  target_url: z
    .string()
    .max(2048)
    .refine((text) => /^https?:$/.test(URL.parse(text)?.protocol ?? ''), 'want an http(s) address')
    .nullish(),
})

export type Webhook = z.infer<typeof webhookSchema>
export type PlacedWebhook = z.infer<typeof placedWebhookSchema>
export type WebhookCreate = z.infer<typeof webhookCreateSchema>
export type WebhookChange = z.infer<typeof webhookChangeSchema>
export type WebhookDelivery = z.infer<typeof deliverySchema>
export type DeliveryReason = z.infer<typeof deliveryReasonSchema>
export type WebhookAttempt = z.infer<typeof attemptSchema>
export type Redeliver = z.infer<typeof redeliverSchema>
export type CallbackBody = z.infer<typeof callbackBodySchema>
