/** Where tags pointed over time, and taking one back. */
import { listQuerySchema, listSchema } from './lists.ts'
import { digestSchema, idSchema, timeSchema, z } from './schema.ts'

/** A moment that people name: a date (its first second in UTC) or a time with its zone; what comes out is a time in UTC. */
export const momentSchema = z
  .union(
    [z.iso.datetime({ offset: true }), z.iso.date()],
    'want a date or an ISO 8601 time with its zone, such as 2026-01-31T12:00:00Z',
  )
  .openapi({ example: '2026-01-31T12:00:00Z' })

/** `deleted`, by people; `lost`: by a mirror, as upstream has it no more. */
export const moveCauseSchema = z.enum(['pushed', 'restored', 'deleted', 'mirrored', 'lost'])

/** Null: the tag was not there. `by`: `user:NAME`, or `mirror:ID` with its `run`. */
export const tagMoveSchema = z
  .strictObject({
    tag: z.string(),
    from: digestSchema.nullable(),
    to: digestSchema.nullable(),
    at: timeSchema,
    by: z.string(),
    run: idSchema.nullable(),
    cause: moveCauseSchema,
    reason: z.string(),
  })
  .openapi('TagMove')

export const historyQuerySchema = listQuerySchema.extend({ tag: z.string().optional() })
export const historySchema = listSchema('history', tagMoveSchema).openapi('TagHistory')

/** A tag that people took back: the mirror leaves it where it is. */
export const pinSchema = z
  .strictObject({ tag: z.string(), digest: digestSchema, reason: z.string(), by: z.string(), since: timeSchema })
  .openapi('Pin')

export const pinListSchema = listSchema('pins', pinSchema).openapi('PinList')

/** Either the digest, or the time at which the tag pointed to what it is to point to again. `reason` is for people. */
export const tagRestoreSchema = z
  .strictObject({
    digest: digestSchema.optional(),
    at: momentSchema.optional(),
    reason: z.string().trim().min(1).max(500).optional(),
  })
  .refine(({ digest, at }) => (digest === undefined) !== (at === undefined), 'want either digest or at')
  .openapi('TagRestore')

/** `from` is null when the tag was not here, and `to` when it was there already. `pin` is null where no mirror knows the tag. */
export const tagRestoreAnswerSchema = z
  .strictObject({
    tag: z.string(),
    from: digestSchema.nullable(),
    to: digestSchema,
    at: timeSchema,
    pin: pinSchema.nullable(),
  })
  .openapi('TagRestored')

export type TagMove = z.infer<typeof tagMoveSchema>
export type Pin = z.infer<typeof pinSchema>
