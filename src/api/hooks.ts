import { nameSchema, repositoryNameSchema, sourceRepositorySchema, z } from './schema.ts'

export const upstreamHookCreateSchema = z
  .strictObject({ rotate: z.boolean().default(false).describe('Replace the one that is there, which ends') })
  .openapi('UpstreamHookCreate')

/** `url` is shown this once: whoever knows it can say what was pushed. */
export const upstreamHookSchema = z.strictObject({ upstream: nameSchema, url: z.string() }).openapi('UpstreamHook')

/**
 * What comes of one repository that a delivery names. `tags` are looked at now; `whole`: something was pushed that no tag names, so the
 * next run over all tags comes earlier. `mirrors` and `notStarted` are of the upstream's organization, and empty for a shared one.
 */
export const hintedRepositorySchema = z.strictObject({
  repository: sourceRepositorySchema,
  tags: z.array(z.string()),
  whole: z.boolean(),
  mirrors: z.array(repositoryNameSchema),
  notStarted: z.array(z.strictObject({ mirror: repositoryNameSchema, reason: z.string() })),
})

/** The answer to a delivery: what was understood, and what comes of it. */
export const hintAnswerSchema = z.strictObject({
  upstream: nameSchema,
  format: z.string(),
  repositories: z.array(hintedRepositorySchema),
  ignored: z.array(z.string()),
})

export type HintAnswer = z.infer<typeof hintAnswerSchema>
export type HintedRepository = z.infer<typeof hintedRepositorySchema>
