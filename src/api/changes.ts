/** What to look at anew: for pages that are open while others work. */
import { repositoryNameSchema, z } from './schema.ts'

/** What a page shows by itself, and asks for again once it has changed. */
export const changedNounSchema = z.enum([
  'tags',
  'mirrors',
  'runs',
  'repositories',
  'subscriptions',
  'replications',
  'webhooks',
])

export const changesQuerySchema = z.strictObject({
  after: z.coerce
    .number()
    .int()
    .min(0)
    .max(Number.MAX_SAFE_INTEGER)
    .optional()
    .describe('the `seq` that was seen last; from now on where it is left out'),
})

/**
 * Something has changed since the one before: these nouns, in these repositories. `repositories` null: in more than are named, or in what
 * is no repository's.
 */
export const changeSchema = z
  .strictObject({
    seq: z.int(),
    nouns: z.array(changedNounSchema),
    repositories: z.array(repositoryNameSchema).nullable(),
  })
  .openapi('Change')

export type ChangedNoun = z.infer<typeof changedNounSchema>
export type Change = z.infer<typeof changeSchema>
