/** Events as they happen, rendered as a webhook would post them. */
import { idSchema, repositoryNameSchema, timeSchema, z } from './schema.ts'
import { payloadFormatSchema } from './webhook-payload.ts'

const MAX_LISTED = 50
const MAX_GLOB = 200

/** Words with commas between them. */
const words = z
  .string()
  .max(MAX_LISTED * (MAX_GLOB + 1))
  .transform((text) =>
    text
      .split(',')
      .map((word) => word.trim())
      .filter((word) => word !== ''),
  )
  .refine((all) => all.length <= MAX_LISTED, `want at most ${MAX_LISTED}`)
  .refine((all) => all.every((word) => word.length <= MAX_GLOB), `want words of at most ${MAX_GLOB} characters`)

/** Of the answer: the place in the log that it begins after. */
export const EVENT_SEQ_HEADER = 'Kagami-Event-Seq'

export const eventStreamQuerySchema = z.strictObject({
  format: payloadFormatSchema.default('hub'),
  events: words
    .optional()
    .openapi({ type: 'string', description: 'kinds, with commas between them; all of them where it is left out' }),
  tags: words.optional().openapi({
    type: 'string',
    description: 'globs of tags, with commas between them, `!` before one that leaves out',
  }),
  after: z.coerce
    .number()
    .int()
    .min(0)
    .max(Number.MAX_SAFE_INTEGER)
    .optional()
    .describe('the `seq` that was seen last; from now on where it is left out'),
})

export const toldEventSchema = z
  .strictObject({
    seq: z.int(),
    eventId: idSchema,
    kind: z.string(),
    at: timeSchema,
    repository: repositoryNameSchema.nullable(),
    tag: z.string().nullable(),
    headers: z.record(z.string(), z.string()).describe('what a webhook would send, without its signature'),
    body: z.string().describe('what a webhook would post'),
  })
  .openapi('ToldEvent')

export type ToldEvent = z.infer<typeof toldEventSchema>
