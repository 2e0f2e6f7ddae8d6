import { listSchema } from './lists.ts'
import { digestSchema, timeSchema, z } from './schema.ts'

/**
 * `sizeBytes`: everything below the tag, counted once, referrers not included. `referrers`: those of the manifest and of
 * its platform manifests. `mirrored`: an active mirror owns the tag.
 */
export const tagSchema = z
  .strictObject({
    name: z.string(),
    digest: digestSchema,
    mediaType: z.string(),
    sizeBytes: z.int().min(0),
    platforms: z.array(z.string()),
    referrers: z.int().min(0),
    movedAt: timeSchema,
    mirrored: z.boolean(),
  })
  .openapi('Tag')

export const tagListSchema = listSchema('tags', tagSchema).openapi('TagList')
