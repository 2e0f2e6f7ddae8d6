/** What was pulled and stored over time. */
import { momentSchema } from './history.ts'
import { timeSchema, z } from './schema.ts'

/** How long hours and days are kept. */
export const HOURS_KEPT_DAYS = 7
export const DAYS_KEPT = 400

export const usageQuerySchema = z.strictObject({
  per: z
    .enum(['hour', 'day'])
    .default('day')
    .describe(`hours are kept for ${HOURS_KEPT_DAYS} days, days for ${DAYS_KEPT}`),
  from: momentSchema
    .optional()
    .describe('the hour or day that it falls into is the first; default: 30 days or 48 hours in all'),
  to: momentSchema.optional().describe('the hour or day that it falls into is the last; default: now'),
})

const count = z.int().min(0)

/**
 * One hour or day in UTC, that begins `at`. `pulls`: images and other manifests that clients fetched, each platform by itself; `checks`: looks at
 * what is there (HEAD, and lists of platforms); `servedBytes`: what was sent of blobs and manifests, a download that broke off as a
 * whole; `storedBytes`: as it was last noted then, null before the first time, and for who sees only a part of an organization.
 */
export const periodSchema = z
  .strictObject({
    at: timeSchema,
    pulls: count,
    checks: count,
    servedBytes: count,
    storedBytes: count.nullable(),
  })
  .openapi('Period')

/** Each hour or day from `from` to `to`, oldest first. The last seconds are still to be added. */
export const usageAnswerSchema = z
  .strictObject({
    per: z.enum(['hour', 'day']),
    from: timeSchema,
    to: timeSchema,
    periods: z.array(periodSchema),
  })
  .openapi('Usage')

export type UsageAnswer = z.infer<typeof usageAnswerSchema>
