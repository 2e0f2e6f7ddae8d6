import { listSchema } from './lists.ts'
import { idSchema, repositoryNameSchema, timeSchema, z } from './schema.ts'

export const visibilitySchema = z.enum(['private', 'public'])

/**
 * A repository as it is listed. `sizeBytes`: distinct bytes that it links; `mirror`: id of the mirror that feeds it; `pulls`: images and other
 * manifests that clients have fetched, each platform by itself, the last time at `lastPulledAt` (null: never).
 */
const listedShape = {
  name: repositoryNameSchema,
  visibility: visibilitySchema,
  mirror: idSchema.nullable(),
  tags: z.int().min(0),
  sizeBytes: z.int().min(0),
  pulls: z.int().min(0),
  lastPulledAt: timeSchema.nullable(),
  updatedAt: timeSchema,
}

/**
 * RE2 patterns, matched against the whole tag name in linear time; what they unroll to is bounded (500 steps each, 1,000 together),
 * and they are ASCII as tags are.
 */
export const immutableTagsSchema = z.discriminatedUnion('mode', [
  z.strictObject({ mode: z.literal('none') }),
  z.strictObject({ mode: z.literal('all') }),
  z.strictObject({ mode: z.literal('patterns'), patterns: z.array(z.string().min(1).max(500)).min(1).max(20) }),
])

const keptNumber = (most: number) => z.int().min(0).max(most).nullable()

/**
 * How long superseded content is kept, which no tag, manifest, pin or history names any more: the manifests that were superseded last, each
 * for days since then, and for days after its last pull. Null: as the server's settings say.
 */
export const keepSupersededSchema = z
  .strictObject({ newest: keptNumber(1000), days: keptNumber(3650), daysAfterPull: keptNumber(3650) })
  .openapi('KeepSuperseded')

export const repositorySchema = z.strictObject(listedShape).openapi('Repository')

/** One repository with its settings. `allowSparse`: an index may be pushed before its children. */
export const repositoryDetailSchema = z
  .strictObject({
    ...listedShape,
    description: z.string(),
    immutableTags: immutableTagsSchema,
    allowSparse: z.boolean(),
    keepSuperseded: keepSupersededSchema,
    archivedAt: timeSchema.nullable(),
    createdAt: timeSchema,
  })
  .openapi('RepositoryDetail')

const settingsShape = {
  description: z.string().max(10_000).optional(),
  visibility: visibilitySchema.optional(),
  immutableTags: immutableTagsSchema.optional(),
  allowSparse: z.boolean().optional(),
  keepSuperseded: keepSupersededSchema.partial().optional(),
}

/** The defaults are in words only: a setting that is given, even as it would be anyway, needs the right to set up repositories. */
export const repositoryCreateSchema = z
  .strictObject({
    name: repositoryNameSchema,
    description: settingsShape.description.describe('What it is for; default: empty'),
    visibility: settingsShape.visibility.describe('Who may pull; default: private'),
    immutableTags: settingsShape.immutableTags.describe('Which tags stay where they are; default: none'),
    allowSparse: settingsShape.allowSparse.describe('Accept indexes whose children are missing; default: false'),
    keepSuperseded: settingsShape.keepSuperseded.describe(
      "How long superseded content is kept; default: as the server's settings say",
    ),
  })
  .openapi('RepositoryCreate')

/** What is absent stays as it is; `archived` makes it read-only, and back; `dryRun` only says what it would do. */
export const repositoryChangeSchema = z
  .strictObject({ ...settingsShape, archived: z.boolean().optional(), dryRun: z.boolean().optional() })
  .openapi('RepositoryChange')

/** `confirm` repeats the whole name of what is to be deleted. */
export const repositoryDeleteQuerySchema = z.strictObject({ confirm: z.string().max(255).optional() })

export const repositoryAnswerSchema = z.strictObject({ repository: repositoryDetailSchema })
/** `effects`: what the change does to the mirror that feeds the repository, in sentences. */
export const repositoryChangeAnswerSchema = z.strictObject({
  repository: repositoryDetailSchema,
  effects: z.array(z.string()),
})
export const repositoryListSchema = listSchema('repositories', repositorySchema).openapi('RepositoryList')

export type ImmutableTags = z.infer<typeof immutableTagsSchema>
export type RepositoryDetail = z.infer<typeof repositoryDetailSchema>
export type RepositoryChange = z.infer<typeof repositoryChangeSchema>
