import { digestSchema, timeSchema, z } from './schema.ts'

/**
 * One step of a plan and why. `origin` says which registry it is read from: the image's or the referrer source's.
 * `tag` is null where the step is about content alone, `digest` where it is about a name alone; `sizeBytes` null: unknown. `referrersAskedAt`: when
 * upstream was last asked for the referrers of a tag that this run does not ask for, as their digests are old.
 */
export const planItemSchema = z
  .strictObject({
    action: z.string(),
    tag: z.string().nullable(),
    digest: digestSchema.nullable(),
    sizeBytes: z.int().min(0).nullable(),
    origin: z.enum(['image', 'referrers']),
    reason: z.string(),
    referrersAskedAt: timeSchema.optional(),
  })
  .openapi('PlanItem')

/** What a run would do, were it started now; `totals` counts by name. */
export const planSchema = z
  .strictObject({ items: z.array(planItemSchema), totals: z.record(z.string(), z.int()) })
  .openapi('Plan')

export const planAnswerSchema = z.strictObject({ plan: planSchema })

export type PlanItem = z.infer<typeof planItemSchema>
export type Plan = z.infer<typeof planSchema>
