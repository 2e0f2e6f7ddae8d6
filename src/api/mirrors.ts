import { listSchema } from './lists.ts'
import { mirrorChangeSchema, mirrorSettingsSchema, scheduleSchema, whimsSchema } from './mirror-settings.ts'
import { planReferenceSchema } from './plans.ts'
import { runItemSchema, runSchema } from './runs.ts'
import { idSchema, nameSchema, repositoryNameSchema, sourceRepositorySchema, timeSchema, z } from './schema.ts'
import { selectionSchema } from './selection.ts'

export const mirrorStateSchema = z.enum(['initial', 'active', 'syncing', 'degraded', 'paused', 'stopped'])

export const pauseCauseSchema = z.enum(['public', 'archived', 'hand', 'quota', 'credentials', 'gone'])

const count = z.int().min(0)

/**
 * Upstream's tags, as the last pass saw them. `total`: those that are selected, but the excluded and pinned ones; `published`: served here at
 * upstream's digest; `failed`: held back by a failure; `held`: waiting for attestations; `diverged`: moved here by people, so that the mirror
 * leaves them; `excluded`: people keep the mirror from them; `pinned`: taken back by people, in no other number. `absent` are kept here though
 * upstream no longer has them; `retained` fell out of the selection and are kept as they are; `unselected` were never taken.
 */
export const mirrorTagsSchema = z
  .strictObject({
    total: count,
    published: count,
    failed: count,
    held: count,
    diverged: count,
    excluded: count,
    absent: count,
    pinned: count,
    unselected: count,
    retained: count,
  })
  .openapi('MirrorTags')

/** A tag of upstream that the mirror leaves to people, and why. */
export const leftOutSchema = z
  .strictObject({ tag: z.string(), state: z.enum(['excluded', 'diverged', 'pinned']), reason: z.string() })
  .openapi('LeftOutTag')

/** One of the causes for which a mirror is paused, and what ends it. */
export const pauseSchema = z
  .strictObject({ cause: pauseCauseSchema, reason: z.string(), since: timeSchema, endsWhen: z.string() })
  .openapi('Pause')

/**
 * How far a mirror is behind. `behindSeconds`: the age of the oldest change of upstream that was seen and is not visible here, 0 when
 * none is known; tags that people keep for themselves do not count. `checkedAt`: the last pass that looked at all of upstream, null
 * before the first. While the objective is missed, `missedSince` says since when and `reason` why.
 */
export const freshnessSchema = z
  .strictObject({
    behindSeconds: count,
    objectiveSeconds: count.nullable(),
    checkedAt: timeSchema.nullable(),
    missedSince: timeSchema.nullable(),
    reason: z.string().nullable(),
  })
  .openapi('Freshness')

/**
 * One upstream repository kept in sync into one private repository. `reason` says why it is degraded, paused or stopped, `since` when
 * it entered `state`, `remedy` the line (of the command line) that ends it; a mirror may be paused for several causes, `pauses`.
 * `settings` are those that people have set, without the defaults. `leftOut` are the first of its excluded and diverged tags. `waiting`: its
 * run waits for a place among the runs of the server; `ahead` come before it, null when that is another server's to know.
 */
export const mirrorSchema = z
  .strictObject({
    id: idSchema,
    organization: nameSchema,
    repository: repositoryNameSchema,
    source: z.strictObject({ upstream: nameSchema, repository: sourceRepositorySchema }),
    subscription: idSchema.nullable().describe('The subscription that keeps it; null: it stands alone'),
    state: mirrorStateSchema,
    reason: z.string().nullable(),
    since: timeSchema,
    remedy: z.string().nullable(),
    pauses: z.array(pauseSchema),
    schedule: scheduleSchema,
    selection: selectionSchema,
    whims: whimsSchema,
    freshness: freshnessSchema,
    settings: mirrorSettingsSchema,
    tags: mirrorTagsSchema,
    leftOut: z.array(leftOutSchema),
    waiting: z.strictObject({ ahead: count.nullable() }).nullable(),
    lastRun: runSchema.nullable(),
    nextRunAt: timeSchema.nullable(),
    createdAt: timeSchema,
  })
  .openapi('Mirror')

/**
 * `as` is the literal name within the organization (default: the upstream's prefix and the name, `/` becomes `-`); `adopt` takes an unmirrored
 * repository or restarts a stopped mirror; `dryRun` answers with the plan and changes nothing; `plan` is
 * executed exactly, or nothing is done.
 */
export const mirrorStartSchema = z
  .strictObject({
    organization: nameSchema,
    upstream: nameSchema,
    repository: sourceRepositorySchema,
    as: sourceRepositorySchema.optional().describe('Its name in the organization; default: dhi-<name>'),
    adopt: z.boolean().default(false),
    dryRun: z.boolean().default(false),
    settings: mirrorChangeSchema.optional(),
    plan: planReferenceSchema.optional(),
  })
  .openapi('MirrorStart')

/** `upstream` and `repository` together: from there from now on. Left out: from where it came before. */
export const mirrorRestartSchema = z
  .strictObject({ upstream: nameSchema.optional(), repository: sourceRepositorySchema.optional() })
  .refine(({ upstream, repository }) => (upstream === undefined) === (repository === undefined), {
    message: 'upstream and repository go together',
  })
  .openapi('MirrorRestart')

/** `delete` removes the repository with all its images as well; `confirm` is then its name. */
export const mirrorStopSchema = z
  .strictObject({ delete: z.boolean().default(false), confirm: z.string().optional() })
  .openapi('MirrorStop')

/**
 * `full` lists every referrer anew, whatever was known. `tags`: these and what hangs on them, nothing else; one that does not
 * come is a failure of the run, also when it is excluded, and naming it does not release it. `acceptShrink`: what upstream lists now is
 * right, however much less it is than before; for this run only. `plan` is executed exactly, or nothing is done: with the `full`, the
 * `acceptShrink` and the `tags` that it was made for. With `dryRun`, `settings` are what the mirror would have: the plan is as if they were
 * changed so, and they are not.
 */
export const mirrorSyncSchema = z
  .strictObject({
    full: z.boolean().default(false),
    tags: z.array(z.string()).min(1).max(100).optional(),
    acceptShrink: z.boolean().default(false),
    dryRun: z.boolean().default(false),
    settings: mirrorChangeSchema.optional(),
    plan: planReferenceSchema.optional(),
  })
  .refine(({ dryRun, settings }) => dryRun || settings === undefined, {
    message: 'settings go with dryRun only: change the mirror first',
  })
  .refine(({ tags, acceptShrink }) => tags === undefined || !acceptShrink, {
    message: 'acceptShrink is about all tags: it does not go with tags',
  })
  .openapi('MirrorSync')

export const mirrorAnswerSchema = z.strictObject({ mirror: mirrorSchema })
export const mirrorRunAnswerSchema = z.strictObject({ mirror: mirrorSchema, run: runSchema })
/** One run with a page of its items. */
export const runAnswerSchema = z
  .strictObject({ mirror: mirrorSchema, run: runSchema, items: z.array(runItemSchema), next: z.string().nullable() })
  .openapi('RunAnswer')
export const mirrorListSchema = listSchema('mirrors', mirrorSchema).openapi('MirrorList')

export type MirrorState = z.infer<typeof mirrorStateSchema>
export type Freshness = z.infer<typeof freshnessSchema>
export type Mirror = z.infer<typeof mirrorSchema>
export type LeftOutTag = z.infer<typeof leftOutSchema>
