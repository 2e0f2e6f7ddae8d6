import { findGlobFault } from '../oci/repository-globs.ts'
import { listSchema } from './lists.ts'
import { mirrorChangeSchema, mirrorSettingsSchema } from './mirror-settings.ts'
import { idSchema, nameSchema, repositoryNameSchema, sourceRepositorySchema, timeSchema, z } from './schema.ts'

/** Globs over the names of an upstream's repositories, below its own path. */
const globsSchema = z
  .array(z.string().min(1).max(255))
  .superRefine((globs, context) => {
    const fault = findGlobFault(globs)
    if (fault !== undefined) context.addIssue({ code: 'custom', message: fault })
  })
  .openapi({ example: ['python*', 'team/**', '{go,node}'] })

const repositoriesSchema = z.array(sourceRepositorySchema).min(1).max(1000)

export const subscriptionStateSchema = z.enum(['active', 'degraded', 'paused', 'stopped'])

/** Why the whole catalog cannot be followed: `catalog`: the registry lists none; `shrink`: it lists so much less than before that somebody has to confirm it. */
export const subscriptionCauseSchema = z.enum(['hand', 'credentials', 'catalog', 'unreachable', 'shrink'])

/**
 * What has become of an entry of the catalog. `waiting`: it gets its mirror; `initial` to `paused`: its mirror is so; `stopped`,
 * `removed`: people stopped or removed its mirror, and it is not started again; `failed`: it has none, see `reason`; `unmatched`: the
 * globs take it no more, and its mirror goes on alone.
 */
export const entryStateSchema = z.enum([
  'waiting',
  'initial',
  'active',
  'degraded',
  'paused',
  'stopped',
  'removed',
  'failed',
  'unmatched',
])

type State = z.infer<typeof entryStateSchema>
const count = z.int().min(0)

/** `unlisted`: among all, those that the catalog has no more; their mirrors stay. */
export const entryCountsSchema = z
  .strictObject({
    ...(Object.fromEntries(entryStateSchema.options.map((state) => [state, count])) as Record<State, typeof count>),
    unlisted: count,
  })
  .openapi('SubscriptionEntryCounts')

export const subscriptionEntrySchema = z
  .strictObject({
    repository: sourceRepositorySchema.describe('As its upstream calls it'),
    state: entryStateSchema,
    listed: z.boolean().describe('The catalog has it'),
    mirror: repositoryNameSchema.nullable(),
    code: z.string().nullable(),
    reason: z.string().nullable(),
  })
  .openapi('SubscriptionEntry')

/**
 * A whole catalog that is mirrored: every entry that `match` takes (none given: every entry) and `except` does not, new ones as they
 * appear. `repositories`: these instead of the catalog's; `settings`: those of the mirrors that it makes; `mirrors`: how many it keeps;
 * `failures`, `left` and `unmatched`: the first entries without a mirror, those that people took out, those that fell out.
 * `remedy`: the line (of the command line) that ends the state.
 */
export const subscriptionSchema = z
  .strictObject({
    id: idSchema,
    organization: nameSchema,
    upstream: nameSchema,
    match: z.array(z.string()),
    except: z.array(z.string()),
    repositories: z.array(z.string()).nullable(),
    adopt: z.boolean(),
    settings: mirrorSettingsSchema,
    mirrors: count,
    state: subscriptionStateSchema,
    cause: subscriptionCauseSchema.nullable().default(null).describe('null: none, or entries without a mirror'),
    reason: z.string().nullable(),
    since: timeSchema,
    remedy: z.string().nullable(),
    entries: entryCountsSchema,
    failures: z.array(subscriptionEntrySchema),
    left: z.array(subscriptionEntrySchema),
    unmatched: z.array(subscriptionEntrySchema),
    changing: z.boolean().describe('A change of settings, or the stop of its mirrors, is still under way'),
    listed: count.nullable().describe('Repositories of the whole catalog, at the last good read'),
    readAt: timeSchema.nullable(),
    nextReadAt: timeSchema.nullable(),
    createdAt: timeSchema,
  })
  .openapi('Subscription')

/** `adopt` takes unmirrored repositories and restarts stopped mirrors that are new to it; `dryRun` answers with what would be mirrored. */
export const subscriptionStartSchema = z
  .strictObject({
    organization: nameSchema,
    upstream: nameSchema,
    match: globsSchema.default([]),
    except: globsSchema.default([]),
    repositories: repositoriesSchema.optional().describe('These instead of the catalog, for a registry that has none'),
    adopt: z.boolean().default(false),
    settings: mirrorChangeSchema.optional(),
    dryRun: z.boolean().default(false),
  })
  .openapi('SubscriptionStart')

/** What is left out stays. `settings` change all of its mirrors; `repositories` null: the catalog's again. */
export const subscriptionChangeSchema = z
  .strictObject({
    match: globsSchema.optional(),
    except: globsSchema.optional(),
    repositories: repositoriesSchema.nullable().optional(),
    adopt: z.boolean().optional(),
    settings: mirrorChangeSchema.optional(),
  })
  .openapi('SubscriptionChange')

/** `acceptShrink`: what the catalog lists now is all there is, however much it had before. */
export const subscriptionSyncSchema = z
  .strictObject({ acceptShrink: z.boolean().default(false) })
  .openapi('SubscriptionSync')

/** `mirrors` stops them as well; otherwise they go on, each by itself. */
export const subscriptionStopSchema = z
  .strictObject({ mirrors: z.boolean().default(false) })
  .openapi('SubscriptionStop')

/** `listed` of the whole catalog, `matched` of them are taken; `entries` are the first 1,000 of these. */
export const subscriptionPlanSchema = z
  .strictObject({
    listed: count,
    matched: count,
    entries: z.array(
      z.strictObject({
        repository: sourceRepositorySchema,
        mirror: repositoryNameSchema.nullable(),
        action: z.enum(['make', 'take', 'join', 'leave', 'fail']),
        reason: z.string().nullable(),
      }),
    ),
  })
  .openapi('SubscriptionPlan')

export const subscriptionAnswerSchema = z.strictObject({ subscription: subscriptionSchema })
export const subscriptionChangeAnswerSchema = subscriptionAnswerSchema.extend({
  fallenOut: count.describe('Mirrors that it keeps no more; they stay'),
})
export const subscriptionPlanAnswerSchema = z.strictObject({ plan: subscriptionPlanSchema })
export const subscriptionListSchema = listSchema('subscriptions', subscriptionSchema).openapi('SubscriptionList')
export const subscriptionEntryListSchema = listSchema('entries', subscriptionEntrySchema).openapi(
  'SubscriptionEntryList',
)

export type Subscription = z.infer<typeof subscriptionSchema>
export type SubscriptionEntry = z.infer<typeof subscriptionEntrySchema>
export type SubscriptionEntryState = State
export type SubscriptionChange = z.infer<typeof subscriptionChangeSchema>
export type SubscriptionPlan = z.infer<typeof subscriptionPlanSchema>
