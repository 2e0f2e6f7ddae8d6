import { z } from './schema.ts'

/** Every answer that is not 2xx. `code` is one of ErrorCode, `detail` structured facts, null when there are none. */
export const errorSchema = z
  .strictObject({ error: z.strictObject({ code: z.string(), message: z.string(), detail: z.unknown() }) })
  .openapi('Error')

export type ErrorBody = z.infer<typeof errorSchema>
