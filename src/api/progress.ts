import { runOutcomeSchema } from './runs.ts'
import { idSchema, repositoryNameSchema, timeSchema, z } from './schema.ts'

export const progressPhaseSchema = z.enum(['waiting', 'listing', 'copying', 'publishing', 'ended'])

const partSchema = z.strictObject({ done: z.int().min(0), total: z.int().min(0).nullable() })

/**
 * One moment of a run, one line of `mirror watch --json`. Totals are null until they are known, and grow while upstream
 * is still being listed. `outcome` is `running` until `phase` is `ended`. `tags` are upstream's but those that are excluded;
 * `leftOut` are the excluded and the diverged ones. While `phase` is `waiting`, for a place among the runs of the server, `ahead` says
 * how many come before it.
 */
export const progressSchema = z
  .strictObject({
    at: timeSchema,
    mirror: repositoryNameSchema,
    runId: idSchema,
    phase: progressPhaseSchema,
    outcome: runOutcomeSchema,
    tags: partSchema,
    manifests: partSchema,
    bytes: partSchema,
    failed: z.int().min(0),
    leftOut: z.int().min(0).default(0),
    ahead: z.int().min(0).nullable().default(null),
  })
  .openapi('Progress')

export type Progress = z.infer<typeof progressSchema>
