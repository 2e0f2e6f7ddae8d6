import { listSchema } from './lists.ts'
import { nameSchema, repositoryNameSchema, sourceRepositorySchema, z } from './schema.ts'

/** What can be mirrored; `mirrors` are the repositories of the caller's organizations that mirror it already. */
export const catalogEntrySchema = z
  .strictObject({
    upstream: nameSchema,
    repository: sourceRepositorySchema,
    title: z.string().nullable(),
    mirrors: z.array(repositoryNameSchema),
  })
  .openapi('CatalogEntry')

export const catalogListSchema = listSchema('entries', catalogEntrySchema).openapi('CatalogList')

export type CatalogEntry = z.infer<typeof catalogEntrySchema>
