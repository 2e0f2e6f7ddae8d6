import { listQuerySchema, listSchema } from './lists.ts'
import { digestSchema, timeSchema, z } from './schema.ts'

export const tagStateSchema = z.enum([
  'synced',
  'pending',
  'failed',
  'held',
  'excluded',
  'diverged',
  'pinned',
  'immutable',
  'unselected',
  'retained',
  'absent',
])

/**
 * Why a tag is, or is not, here. `upstream` and `local` are the digests that it has there, as last seen, and here; `checkedAt` when upstream was
 * last asked about it; `next` what happens next and when, with the command that changes it.
 */
export const tagExplanationSchema = z
  .strictObject({
    name: z.string(),
    state: tagStateSchema,
    upstream: digestSchema.nullable(),
    local: digestSchema.nullable(),
    reason: z.string(),
    checkedAt: timeSchema.nullable(),
    next: z.string(),
  })
  .openapi('TagExplanation')

/** Each that nobody has seen costs upstream a request. */
export const MAX_EXPLAINED = 20

const commaSeparated = z.string().max(MAX_EXPLAINED * 130)

/** `tag` may be repeated, or name several with commas between them. */
export const explainQuerySchema = listQuerySchema.extend({
  tag: z
    .union([commaSeparated, z.array(commaSeparated).max(MAX_EXPLAINED)])
    .transform((given) => [...new Set([given].flat().flatMap((text) => text.split(',')))])
    .refine((tags) => tags.length <= MAX_EXPLAINED, `want at most ${MAX_EXPLAINED} tags at once`)
    .optional(),
})

export const explanationSchema = listSchema('tags', tagExplanationSchema).openapi('Explanation')

export type TagState = z.infer<typeof tagStateSchema>
export type TagExplanation = z.infer<typeof tagExplanationSchema>
