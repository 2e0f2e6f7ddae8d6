import { listSchema } from './lists.ts'
import { digestSchema, timeSchema, z } from './schema.ts'

/**
 * `sizeBytes`: everything below the tag as its descriptors say, counted once, referrers not included. `platforms`: the first
 * of `platformCount`. `referrers`: those of the manifest and of its platform manifests. `isPartial`: there is more below the
 * tag than was looked at, the numbers are lower bounds. `mirrored`: an active mirror owns the tag.
 */
export const tagSchema = z
  .strictObject({
    name: z.string(),
    digest: digestSchema,
    mediaType: z.string(),
    sizeBytes: z.int().min(0),
    platforms: z.array(z.string()),
    platformCount: z.int().min(0),
    isPartial: z.boolean(),
    referrers: z.int().min(0),
    movedAt: timeSchema,
    mirrored: z.boolean(),
  })
  .openapi('Tag')

export const tagListSchema = listSchema('tags', tagSchema).openapi('TagList')

export type Tag = z.infer<typeof tagSchema>
