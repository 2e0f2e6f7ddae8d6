import { listSchema } from './lists.ts'
import { runSchema } from './runs.ts'
import { idSchema, nameSchema, repositoryNameSchema, sourceRepositorySchema, timeSchema, z } from './schema.ts'

export const mirrorStateSchema = z.enum(['initial', 'active', 'syncing', 'degraded', 'stopped'])

/**
 * One upstream repository kept in sync into one private repository. `reason` says why it is degraded or stopped,
 * `since` when it entered `state`; `tags` are upstream's tags: all, served here at upstream's digest, held back by a failure.
 */
export const mirrorSchema = z
  .strictObject({
    id: idSchema,
    organization: nameSchema,
    repository: repositoryNameSchema,
    source: z.strictObject({ upstream: nameSchema, repository: sourceRepositorySchema }),
    state: mirrorStateSchema,
    reason: z.string().nullable(),
    since: timeSchema,
    tags: z.strictObject({ total: z.int().min(0), published: z.int().min(0), failed: z.int().min(0) }),
    lastRun: runSchema.nullable(),
    nextRunAt: timeSchema.nullable(),
    createdAt: timeSchema,
  })
  .openapi('Mirror')

/**
 * `as` is the literal name within the organization (default: the upstream's prefix and the name, `/` becomes `-`); `adopt` takes an unmirrored
 * repository or restarts a stopped mirror; `dryRun` answers with the plan and changes nothing.
 */
export const mirrorStartSchema = z
  .strictObject({
    organization: nameSchema,
    upstream: nameSchema,
    repository: sourceRepositorySchema,
    as: sourceRepositorySchema.optional(),
    adopt: z.boolean().default(false),
    dryRun: z.boolean().default(false),
  })
  .openapi('MirrorStart')

/** `full` lists every referrer anew, whatever was known. */
export const mirrorSyncSchema = z
  .strictObject({ full: z.boolean().default(false), dryRun: z.boolean().default(false) })
  .openapi('MirrorSync')

export const mirrorAnswerSchema = z.strictObject({ mirror: mirrorSchema })
export const mirrorRunAnswerSchema = z.strictObject({ mirror: mirrorSchema, run: runSchema })
export const mirrorListSchema = listSchema('mirrors', mirrorSchema).openapi('MirrorList')

export type Mirror = z.infer<typeof mirrorSchema>
