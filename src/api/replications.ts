/** Repositories of ours that are kept in sync out to targets. */
import { findGlobFault } from '../oci/repository-globs.ts'
import { listSchema } from './lists.ts'
import { durationSchema, objectiveSchema, scheduleSchema } from './mirror-settings.ts'
import { freshnessSchema, leftOutSchema, mirrorStateSchema } from './mirrors.ts'
import { planSchema } from './plans.ts'
import { runItemSchema, runSchema } from './runs.ts'
import {
  digestSchema,
  idSchema,
  nameSchema,
  repositoryNameSchema,
  sourceRepositorySchema,
  timeSchema,
  z,
} from './schema.ts'
import { selectionChangeSchema, selectionSchema } from './selection.ts'

export const replicationPauseCauseSchema = z.enum(['public', 'hand', 'credentials', 'gone'])

const count = z.int().min(0)

/**
 * What people set for a replication. `onChange`: it runs when the log tells of a change, besides its schedule. `drift`: what becomes of tags
 * that somebody has moved or deleted at the target, looked for every `driftEvery`. `after`: name of a webhook of the repository or its
 * organization whose receiver has to call back with success before a tag is sent on. `digestAlias`: a tag that the target lets nobody
 * move is sent on under `TAG-<first 12 of the digest>`.
 */
const settings = {
  schedule: scheduleSchema,
  selection: selectionSchema,
  onChange: z.boolean(),
  drift: z.enum(['repair', 'report']),
  driftEvery: durationSchema('1m', '30d', { isNoneToo: true }),
  after: nameSchema,
  digestAlias: z.boolean(),
  objective: objectiveSchema,
} as const

export const replicationSettingsSchema = z.strictObject(settings).partial()

export const replicationChangeSchema = z
  .strictObject({
    schedule: settings.schedule.nullable().optional(),
    selection: selectionChangeSchema.nullable().optional(),
    onChange: settings.onChange.nullable().optional(),
    drift: settings.drift.nullable().optional(),
    driftEvery: settings.driftEvery.nullable().optional(),
    after: settings.after.nullable().optional(),
    digestAlias: settings.digestAlias.nullable().optional(),
    objective: settings.objective.nullable().optional(),
  })
  .openapi('ReplicationChange')

export const DEFAULT_REPLICATION = {
  schedule: { every: '1h' },
  onChange: true,
  drift: 'report',
  driftEvery: '1d',
  digestAlias: false,
} as const

/**
 * Tags of the repository as the last pass saw them. `total`: those that are selected; `published`: at the target with everything that they
 * have here; `failed`: held back by a failure; `waiting`: for a callback; `diverged`: moved at the target by somebody else; `immutable`: the
 * target lets nobody move them; `absent`: gone here, left there; `unselected`: never sent.
 */
export const replicationTagsSchema = z
  .strictObject({
    total: count,
    published: count,
    failed: count,
    waiting: count,
    diverged: count,
    immutable: count,
    absent: count,
    unselected: count,
  })
  .openapi('ReplicationTags')

export const replicationTagStateSchema = z.enum([
  'pending',
  'synced',
  'failed',
  'waiting',
  'immutable',
  'diverged',
  'absent',
  'unselected',
])

/**
 * Why a tag is, or is not, at the target. `local` and `target` are the digests that it has here and had there when it was last asked;
 * `checkedAt` when that was; `next` what happens next and when, with the command that changes it.
 */
export const replicationTagExplanationSchema = z
  .strictObject({
    name: z.string(),
    state: replicationTagStateSchema,
    local: digestSchema.nullable(),
    target: digestSchema.nullable(),
    reason: z.string(),
    checkedAt: timeSchema.nullable(),
    next: z.string(),
  })
  .openapi('ReplicationTagExplanation')

export const replicationExplanationSchema = listSchema('tags', replicationTagExplanationSchema).openapi(
  'ReplicationExplanation',
)

/** The mirror's shape, the other way: `repository` is ours, `target` where it goes. States, runs and pauses are as those of mirrors. */
export const replicationSchema = z
  .strictObject({
    id: idSchema,
    organization: nameSchema,
    repository: repositoryNameSchema,
    target: z.strictObject({ target: nameSchema, repository: sourceRepositorySchema }),
    rule: idSchema.nullable().describe('The rule that made it; null: it stands alone'),
    state: mirrorStateSchema,
    reason: z.string().nullable(),
    since: timeSchema,
    remedy: z.string().nullable(),
    pauses: z.array(
      z.strictObject({
        cause: replicationPauseCauseSchema,
        reason: z.string(),
        since: timeSchema,
        endsWhen: z.string(),
      }),
    ),
    schedule: scheduleSchema,
    selection: selectionSchema,
    drift: z.strictObject({
      mode: settings.drift,
      every: z.string(),
      checkedAt: timeSchema.nullable(),
      drifted: count.describe('Tags that are other than we left them, and were not repaired'),
    }),
    privacy: z.strictObject({
      checkedAt: timeSchema.nullable().describe('When it was last found out who may read the repository at the target'),
    }),
    freshness: freshnessSchema,
    settings: replicationSettingsSchema,
    tags: replicationTagsSchema,
    leftOut: z.array(leftOutSchema),
    waiting: z.strictObject({ ahead: count.nullable() }).nullable(),
    lastRun: runSchema.nullable(),
    nextRunAt: timeSchema.nullable(),
    createdAt: timeSchema,
  })
  .openapi('Replication')

const repositoryOfTargetSchema = z.strictObject({ target: nameSchema, repository: sourceRepositorySchema })

/** `dryRun` answers with the plan and changes nothing. One that was stopped goes on. */
export const replicationStartSchema = z
  .strictObject({
    repository: repositoryNameSchema,
    target: repositoryOfTargetSchema,
    settings: replicationChangeSchema.optional(),
    dryRun: z.boolean().default(false),
  })
  .openapi('ReplicationStart')

/** `full` asks the target about everything anew, whatever is known of it. `tags`: these and what hangs on them, nothing else. */
export const replicationSyncSchema = z
  .strictObject({
    full: z.boolean().default(false),
    tags: z.array(z.string()).min(1).max(100).optional(),
    dryRun: z.boolean().default(false),
  })
  .openapi('ReplicationSync')

/** The plan of a mirror, the other way. */
export const replicationPlanSchema = planSchema
  .omit({ source: true, acceptShrink: true })
  .extend({ target: repositoryOfTargetSchema })
  .openapi('ReplicationPlan')

export const replicationPlanAnswerSchema = z.strictObject({ plan: replicationPlanSchema })

const globsSchema = z
  .array(z.string())
  .min(1)
  .superRefine((globs, context) => {
    const fault = findGlobFault(globs)
    if (fault !== undefined) context.addIssue({ code: 'custom', message: fault })
  })

/** The name at the target: `{name}` stands for ours without its organization, `{organization}` for that. */
const templateSchema = z
  .string()
  .max(200)
  .refine(
    (text) => text.includes('{name}') && sourceRepositorySchema.safeParse(nameByTemplate(text, 'org/name')).success,
    'want a repository name with {name} in it, such as base/{name}',
  )
  .openapi({ example: 'base/{name}' })

/** @param repository ours, with its organization */
export function nameByTemplate(template: string, repository: string): string {
  const slash = repository.indexOf('/')
  return template
    .replaceAll('{organization}', repository.slice(0, slash))
    .replaceAll('{name}', repository.slice(slash + 1))
}

/**
 * Repositories of an organization by their names, those that come later too, each kept in sync out to one target. `reason`: why some of them
 * are without a replication.
 */
export const replicationRuleSchema = z
  .strictObject({
    id: idSchema,
    organization: nameSchema,
    target: nameSchema,
    match: z.array(z.string()).describe('globs over names after `ORGANIZATION/`'),
    as: z.string().describe('the name at the target'),
    settings: replicationSettingsSchema,
    replications: count.describe('Those that it has made and that were not stopped'),
    reason: z.string().nullable(),
    checkedAt: timeSchema.nullable(),
    createdAt: timeSchema,
    createdBy: z.string(),
  })
  .openapi('ReplicationRule')

/** `dryRun` answers with what would be replicated to where, and changes nothing. */
export const replicationRuleStartSchema = z
  .strictObject({
    organization: nameSchema,
    target: nameSchema,
    match: globsSchema,
    as: templateSchema.default('{name}'),
    settings: replicationChangeSchema.optional(),
    dryRun: z.boolean().default(false),
  })
  .openapi('ReplicationRuleStart')

/** What of the organization's repositories a rule takes now, and where to. */
export const replicationRulePlanSchema = z
  .strictObject({
    matched: z.array(
      z.strictObject({
        repository: repositoryNameSchema,
        to: z.string(),
        action: z.enum(['start', 'keep', 'leave']),
        reason: z.string(),
      }),
    ),
  })
  .openapi('ReplicationRulePlan')

export const replicationRuleAnswerSchema = z.strictObject({ rule: replicationRuleSchema })
export const replicationRulePlanAnswerSchema = z.strictObject({ plan: replicationRulePlanSchema })
export const replicationRuleListSchema = listSchema('rules', replicationRuleSchema).openapi('ReplicationRuleList')

export const replicationAnswerSchema = z.strictObject({ replication: replicationSchema })
export const replicationRunAnswerSchema = z.strictObject({ replication: replicationSchema, run: runSchema })
/** One run with a page of its items. */
export const replicationRunShowSchema = replicationRunAnswerSchema
  .extend({ items: z.array(runItemSchema), next: z.string().nullable() })
  .openapi('ReplicationRunAnswer')
export const replicationListSchema = listSchema('replications', replicationSchema).openapi('ReplicationList')

export type ReplicationSettings = z.infer<typeof replicationSettingsSchema>
export type ReplicationChange = z.infer<typeof replicationChangeSchema>
export type Replication = z.infer<typeof replicationSchema>
export type ReplicationPlan = z.infer<typeof replicationPlanSchema>
export type ReplicationTagExplanation = z.infer<typeof replicationTagExplanationSchema>
export type ReplicationRule = z.infer<typeof replicationRuleSchema>
export type ReplicationRulePlan = z.infer<typeof replicationRulePlanSchema>
