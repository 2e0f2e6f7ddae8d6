import { listSchema } from './lists.ts'
import { digestSchema, timeSchema, z } from './schema.ts'

/**
 * `sizeBytes`: everything below the tag as its descriptors say, counted once, referrers not included. `platforms`: the first
 * of `platformCount`. `referrers`: those of the manifest and of its platform manifests. `isPartial`: there is more below the
 * tag than was looked at, the numbers are lower bounds. `mirrored`: an active mirror owns the tag. `pinned`: people took it back,
 * and the mirror leaves it there. `pulls`: how often clients asked for it by its name (HEAD too: Docker and containerd name it by nothing else),
 * the last time at `lastPulledAt` (null: never).
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
    pinned: z.boolean(),
    pulls: z.int().min(0),
    lastPulledAt: timeSchema.nullable(),
  })
  .openapi('Tag')

/**
 * Where a tag points, or pointed at the time `at` that was asked for (null: now). `since` and `until`: when it was moved there, and on from there
 * (null: it is there still). `available`: the content can be pulled by the digest; `digestPulledAt`: when it last was fetched, by whatever name.
 */
export const tagAtSchema = z
  .strictObject({
    name: z.string(),
    digest: digestSchema,
    at: timeSchema.nullable(),
    since: timeSchema,
    until: timeSchema.nullable(),
    available: z.boolean(),
    pinned: z.boolean(),
    pulls: z.int().min(0),
    lastPulledAt: timeSchema.nullable(),
    digestPulledAt: timeSchema.nullable(),
  })
  .openapi('TagAt')

export const tagAtAnswerSchema = z.strictObject({ tag: tagAtSchema })

export const tagListSchema = listSchema('tags', tagSchema).openapi('TagList')

export type Tag = z.infer<typeof tagSchema>
