import { forecastSchema } from './rates.ts'
import { digestSchema, nameSchema, repositoryNameSchema, sourceRepositorySchema, timeSchema, z } from './schema.ts'

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

/** `from` is where the tag points here, null for nowhere; `to` where it points at upstream, null where it is gone. */
export const planTagSchema = z
  .strictObject({
    tag: z.string(),
    action: z.enum(['move', 'keep', 'hold', 'untag']),
    from: digestSchema.nullable(),
    to: digestSchema.nullable(),
  })
  .openapi('PlanTag')

const count = z.int().min(0)

/** What a plan is held against when it is executed: one root digest, its tags, and all that would become visible with it. */
const plannedImageSchema = z.strictObject({
  digest: digestSchema,
  fingerprint: digestSchema.describe('Of the tags that move and of every digest that becomes visible with them'),
  tags: z.array(planTagSchema),
})

/**
 * All that a plan does for one root digest. `fetch` moves tags, `publish` adds to an image whose tags are in step, `hold` does nothing
 * now, `reason` says why; `untag` takes away tags that upstream lost, `unlink` an attestation that it no longer lists. What several images share is counted with the first. `platforms` is empty where they are not known before the image is here.
 */
export const planImageSchema = plannedImageSchema
  .extend({
    action: z.enum(['fetch', 'publish', 'hold', 'untag', 'unlink']),
    reason: z.string().nullable(),
    platforms: z.array(z.string()),
    manifests: count,
    attestations: count.describe('Signatures and attestations, with what they consist of'),
    blobs: count,
    sizeBytes: count,
    requests: count.describe('About: for manifests and blobs, without those that every pass asks'),
  })
  .openapi('PlanImage')

/**
 * What a run would do, were it started now; `totals` counts by name. `id` is the same for as long as the same would be moved and become
 * visible. `full`, `acceptShrink` and `tags` are what the pass was asked for, `omitted` what was left out to keep the answer within bounds.
 */
export const planSchema = z
  .strictObject({
    id: digestSchema,
    repository: repositoryNameSchema,
    source: z.strictObject({ upstream: nameSchema, repository: sourceRepositorySchema }),
    full: z.boolean(),
    acceptShrink: z.boolean(),
    tags: z.array(z.string()).nullable(),
    images: z.array(planImageSchema),
    items: z.array(planItemSchema),
    totals: z.record(z.string(), z.int()),
    omitted: z.strictObject({ images: count, items: count }),
    forecast: forecastSchema,
  })
  .openapi('Plan')

export const planAnswerSchema = z.strictObject({ plan: planSchema })

/**
 * A plan to be executed exactly, or not at all. `images` are those of the plan; without them a refusal cannot name what differs.
 */
export const planReferenceSchema = z
  .strictObject({ id: digestSchema, images: z.array(plannedImageSchema).optional() })
  .openapi('PlanReference')

/** The most of `images`, and of `items`, in one answer; and of what refers to a plan in one request. */
export const MAX_PLAN_BYTES = 4 * 1024 * 1024

export type PlanItem = z.infer<typeof planItemSchema>
export type PlanTag = z.infer<typeof planTagSchema>
export type PlannedImage = z.infer<typeof plannedImageSchema>
export type PlanImage = z.infer<typeof planImageSchema>
export type PlanReference = z.infer<typeof planReferenceSchema>
export type Plan = z.infer<typeof planSchema>
