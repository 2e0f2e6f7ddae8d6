/** Finding a repository or a tag by a part of its name. */
import { digestSchema, nameSchema, repositoryNameSchema, z } from './schema.ts'

export const namesQuerySchema = z.strictObject({
  q: z
    .string()
    .trim()
    .min(1)
    .max(300)
    .refine((text) => !/\p{Cc}/u.test(text), 'want a part of a name')
    .describe('a part of a repository’s name, the beginning of a tag’s, or both with `:` between them'),
})

/** Where a tag points, without what is below it. */
export const foundTagSchema = z
  .strictObject({ repository: repositoryNameSchema, tag: z.string(), digest: digestSchema })
  .openapi('FoundTag')

/** The first few of each, repositories and tags in the order of their names. */
export const namesAnswerSchema = z
  .strictObject({
    organization: nameSchema,
    repositories: z.array(repositoryNameSchema),
    tags: z.array(foundTagSchema),
  })
  .openapi('Names')

export type NamesAnswer = z.infer<typeof namesAnswerSchema>
