/** The audit log: who did what, and who was refused what. */
import { momentSchema } from './history.ts'
import { listQuerySchema, listSchema } from './lists.ts'
import { timeSchema, z } from './schema.ts'

const stateSchema = z.record(z.string(), z.unknown()).nullable()

/**
 * `actor`: `user:NAME`, or `system`; `token`: the label of the token that was used. `before` and `after` show the object without secrets;
 * of a refused attempt `after` has `code`, `attempts` (those alike within an hour are one entry) and `lastAt`.
 */
export const auditEntrySchema = z
  .strictObject({
    seq: z.number().int(),
    at: timeSchema,
    actor: z.string(),
    token: z.string().nullable(),
    action: z.string(),
    object: z.string(),
    outcome: z.enum(['done', 'refused']),
    before: stateSchema,
    after: stateSchema,
    address: z.string().nullable(),
    requestId: z.string().nullable(),
  })
  .openapi('AuditEntry')

export const auditOutcomeSchema = auditEntrySchema.shape.outcome

const textSchema = z
  .string()
  .min(1)
  .max(600)
  .refine((text) => !/\p{Cc}/u.test(text), 'want no control characters')

/** What is shown; all by default. */
export const auditFilterSchema = z.strictObject({
  actor: textSchema.optional().describe('NAME, user:NAME or system'),
  action: textSchema.optional().describe('Such as mirror.pause; a * at the end takes all that begin so'),
  object: textSchema.optional().describe('Such as acme/dhi-python; a * at the end takes all that begin so'),
  outcome: auditOutcomeSchema.optional(),
  since: momentSchema.optional(),
  until: momentSchema.optional().describe('Up to, but without'),
})

export const auditQuerySchema = listQuerySchema.extend(auditFilterSchema.shape)
const deletedSchema = z
  .string()
  .min(1)
  .max(100)
  .optional()
  .describe("The log of this organization, which was deleted, as long as it is kept; else the instance's own")
/** Of the instance. */
export const instanceAuditFilterSchema = auditFilterSchema.extend({ deleted: deletedSchema })
export const instanceAuditQuerySchema = auditQuerySchema.extend({ deleted: deletedSchema })
/** Of one repository: it is the object itself, or what the object belongs to. */
export const repositoryAuditQuerySchema = auditQuerySchema.omit({ object: true })
export const auditListSchema = listSchema('entries', auditEntrySchema).openapi('AuditList')

export type AuditEntry = z.infer<typeof auditEntrySchema>
