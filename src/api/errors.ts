import { ERROR_NOUNS, ERROR_REASONS } from '../errors.ts'
import { z } from './schema.ts'

/**
 * What an error is about, for whoever words it anew (in another language, say), where the code alone does not tell; what is not there plays no
 * part. `what` is `name`, or has to do with it; `where`: the place in the request, as `settings.schedule.every`; `least` and `most` in characters,
 * entries, or as a number; `allowed`: the values that are taken.
 */
export const errorAboutSchema = z
  .strictObject({
    reason: z.enum(ERROR_REASONS),
    what: z.enum(ERROR_NOUNS).optional(),
    name: z.string().optional(),
    where: z.string().optional(),
    least: z.number().optional(),
    most: z.number().optional(),
    allowed: z.array(z.string()).optional(),
  })
  .openapi('ErrorAbout')

/**
 * Every answer that is not 2xx. `code` is one of ErrorCode, `message` a sentence in English for people, `detail` structured facts, null when there
 * are none: `retryAfterSeconds` of TOOMANYREQUESTS; `host` and `reason` (dns, refused, tls, timeout …) of UPSTREAM_UNAVAILABLE.
 */
export const errorSchema = z
  .strictObject({
    error: z.strictObject({
      code: z.string(),
      message: z.string(),
      detail: z.unknown(),
      about: errorAboutSchema.optional(),
    }),
  })
  .openapi('Error')

export type ErrorBody = z.infer<typeof errorSchema>
