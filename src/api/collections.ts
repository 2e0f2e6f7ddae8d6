/** Garbage collection: what would go, and what went. */
import { idSchema, repositoryNameSchema, timeSchema, z } from './schema.ts'

const count = z.int().min(0)

/**
 * `sizeBytes`: what goes from the storage with it, 0 while others have the same content; `goesAt`: with the first collection from then on,
 * null: with the next one.
 */
export const collectionItemSchema = z
  .strictObject({
    kind: z.enum(['manifest', 'blob', 'object', 'orphan', 'download']),
    digest: z.string().nullable(),
    repository: repositoryNameSchema.nullable(),
    sizeBytes: count,
    reason: z.string(),
    goesAt: timeSchema.nullable(),
  })
  .openapi('CollectionItem')

/** At most 1,000 items; `totals` counts all. */
export const collectionPlanSchema = z
  .strictObject({
    items: z.array(collectionItemSchema),
    totals: z.strictObject({ objects: count, bytes: count }),
  })
  .openapi('CollectionPlan')

/** Counts are of what is gone; `objects` have freed `freedBytes`. `requestedBy` null: the schedule. */
export const collectionSchema = z
  .strictObject({
    id: idSchema,
    requestedBy: z.string().nullable(),
    now: z.boolean(),
    startedAt: timeSchema,
    endedAt: timeSchema.nullable(),
    manifests: count,
    blobs: count,
    objects: count,
    freedBytes: count,
    problem: z.string().nullable(),
  })
  .openapi('Collection')

const flag = z.enum(['true', 'false']).transform((text) => text === 'true')

export const collectionPlanQuerySchema = z.strictObject({
  now: flag.optional().describe('As if grace times were over'),
})
/** `now`: grace times are ignored: pushes that are under way may have to begin anew. */
export const collectionStartSchema = z.strictObject({ now: z.boolean().optional() }).openapi('CollectionStart')
export const collectionPlanAnswerSchema = z.strictObject({ plan: collectionPlanSchema })
export const collectionAnswerSchema = z.strictObject({ collection: collectionSchema })

export type CollectionPlanView = z.infer<typeof collectionPlanSchema>
export type CollectionItemView = z.infer<typeof collectionItemSchema>
export type CollectionView = z.infer<typeof collectionSchema>
