import { listSchema } from './lists.ts'
import { mirrorSchema } from './mirrors.ts'
import { runSchema } from './runs.ts'
import { digestSchema, timeSchema, z } from './schema.ts'

/**
 * A tag that people keep a mirror from, whether it is here or not. `digest`: the manifest that was deleted by it, and the tag with
 * it; then `tag` is null where the mirror knew none. `by` is null when an older version did not write it down.
 */
export const exclusionSchema = z
  .strictObject({
    tag: z.string().nullable(),
    digest: digestSchema.nullable(),
    reason: z.string(),
    by: z.string().nullable(),
    at: timeSchema,
  })
  .openapi('Exclusion')

/** `reason` is for people: why the organization does without the tag. */
export const tagExcludeSchema = z
  .strictObject({ reason: z.string().trim().min(1).max(500).optional() })
  .openapi('TagExclude')

export const exclusionAnswerSchema = z.strictObject({ exclusion: exclusionSchema, mirror: mirrorSchema })

/** `takeUpstream`: also a tag that people moved here; the mirror may move it again, and looks at it at once. */
export const tagReleaseSchema = z
  .strictObject({ takeUpstream: z.boolean().default(false) })
  .openapi('TagReleaseRequest')

/**
 * `wasExcluded`, `wasPinned` and `wasDiverged` all false: there was nothing to release. `isDiverged`: people moved it here, and it stays so
 * without `takeUpstream`. `tags` and `digests` are all that the mirror may take again; `run` the one that looks at the tag now.
 */
export const tagReleaseAnswerSchema = z
  .strictObject({
    wasExcluded: z.boolean(),
    wasPinned: z.boolean(),
    wasDiverged: z.boolean(),
    isDiverged: z.boolean(),
    tags: z.array(z.string()),
    digests: z.array(digestSchema),
    mirror: mirrorSchema,
    run: runSchema.nullable(),
  })
  .openapi('TagRelease')

export const exclusionListSchema = listSchema('exclusions', exclusionSchema).openapi('ExclusionList')

export type Exclusion = z.infer<typeof exclusionSchema>
