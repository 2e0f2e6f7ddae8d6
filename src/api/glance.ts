/** An organization at a glance: how all its mirrors are, what moved, what runs. */
import { momentSchema, moveCauseSchema } from './history.ts'
import { listQuerySchema, listSchema } from './lists.ts'
import { mirrorStateSchema, pauseCauseSchema } from './mirrors.ts'
import { progressSchema } from './progress.ts'
import { digestSchema, idSchema, nameSchema, repositoryNameSchema, timeSchema, z } from './schema.ts'

/** As much of a mirror as a board of a thousand shows; each value is as in `Mirror`, and a `reason` may be cut short; `causes` are those of its `pauses`. */
export const mirrorGlanceSchema = z
  .strictObject({
    repository: repositoryNameSchema,
    upstream: nameSchema,
    state: mirrorStateSchema,
    reason: z.string().nullable(),
    causes: z.array(pauseCauseSchema),
    since: timeSchema,
    remedy: z.string().nullable(),
    behindSeconds: z.int().min(0),
    missedSince: timeSchema.nullable(),
    checkedAt: timeSchema.nullable(),
    nextRunAt: timeSchema.nullable(),
  })
  .openapi('MirrorGlance')

export const freshnessListSchema = listSchema('mirrors', mirrorGlanceSchema).openapi('FreshnessList')

const sinceShape = { since: momentSchema.optional().describe('default: 24 hours ago') }

export const movesQuerySchema = listQuerySchema.extend(sinceShape)
export const movedQuerySchema = z.strictObject(sinceShape)

/** A move of a tag, as `TagMove` has it, and where. */
export const moveSchema = z
  .strictObject({
    repository: repositoryNameSchema,
    tag: z.string(),
    from: digestSchema.nullable(),
    to: digestSchema.nullable(),
    at: timeSchema,
    by: z.string(),
    run: idSchema.nullable(),
    cause: moveCauseSchema,
    reason: z.string(),
  })
  .openapi('Move')

export const moveListSchema = listSchema('moves', moveSchema).openapi('MoveList')

/** `moves` in one repository; `tags` are the few that moved last, newest first. */
export const movedRepositorySchema = z
  .strictObject({
    repository: repositoryNameSchema,
    moves: z.int().min(1),
    tags: z.array(z.string()),
    lastAt: timeSchema,
  })
  .openapi('MovedRepository')

/** `isWhole` false: there were more moves than one answer looks at, and the numbers are of the newest. */
export const movedAnswerSchema = z
  .strictObject({ repositories: z.array(movedRepositorySchema), isWhole: z.boolean() })
  .openapi('Moved')

/** Runs under way and those that wait, the first ones that were asked for; `total` counts the rest too. */
export const activityAnswerSchema = z
  .strictObject({ runs: z.array(progressSchema), total: z.int().min(0) })
  .openapi('Activity')

/**
 * What wants somebody's hand beside the mirrors. A `webhook` (of the repository, or, where that is null, of the organization) that the server
 * has given up, `reason` says why, or whose receiver has failed for ten minutes, then `reason` is null; a `subscription`, named by its
 * upstream, that cannot take everything or is paused. `remedy`: the line (of the command line) that ends it, where there is one.
 */
export const troubleSchema = z
  .strictObject({
    kind: z.enum(['webhook', 'subscription']),
    id: idSchema.nullable().describe('Of a subscription'),
    state: z.enum(['degraded', 'paused']).nullable().describe('Of a subscription'),
    name: z.string(),
    repository: repositoryNameSchema.nullable(),
    reason: z.string().nullable(),
    since: timeSchema,
    remedy: z.string().nullable(),
  })
  .openapi('Trouble')

export const troublesAnswerSchema = z.strictObject({ troubles: z.array(troubleSchema) }).openapi('Troubles')

export type Trouble = z.infer<typeof troubleSchema>
export type MirrorGlance = z.infer<typeof mirrorGlanceSchema>
export type Move = z.infer<typeof moveSchema>
export type MovedRepository = z.infer<typeof movedRepositorySchema>
