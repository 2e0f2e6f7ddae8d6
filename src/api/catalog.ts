import { listQuerySchema, listSchema } from './lists.ts'
import { nameSchema, repositoryNameSchema, sourceRepositorySchema, timeSchema, z } from './schema.ts'

/** Of one description in a list; the entry itself has all of it. */
export const LISTED_DESCRIPTION = 120

export const complianceSchema = z.enum(['cis', 'fips', 'stig'])
/** `extended`: past its end of support, before its end of life. Null where nothing tells the dates. */
export const supportSchema = z.enum(['active', 'extended', 'ended'])
const dateSchema = z.string().openapi({ example: '2029-10-31' })

/**
 * What can be mirrored; `mirrors` are the repositories of the caller's organizations that mirror it already. What nothing has told yet is
 * null or empty. `words`: further words that it is found by, those of its tags. `logo`: another text for another logo; null: there is none.
 */
export const catalogEntrySchema = z
  .strictObject({
    upstream: nameSchema,
    repository: sourceRepositorySchema,
    title: z.string().nullable(),
    description: z.string().nullable().describe(`One line of at most ${LISTED_DESCRIPTION} characters`),
    kind: z.enum(['image', 'chart']).nullable(),
    categories: z.array(z.string()),
    distributions: z.array(z.string()),
    compliance: z.array(complianceSchema),
    support: supportSchema.nullable(),
    supportedUntil: dateSchema.nullable(),
    updatedAt: dateSchema.nullable().describe('Day of its newest build or release that is known'),
    words: z.string(),
    logo: z.string().nullable(),
    mirrors: z.array(repositoryNameSchema),
  })
  .openapi('CatalogEntry')

export const catalogQuerySchema = listQuerySchema.extend({
  upstream: nameSchema,
  organization: nameSchema.optional(),
  q: z
    .string()
    .trim()
    .min(1)
    .max(100)
    .refine((text) => !/\p{Cc}/u.test(text), 'want a part of a name or title')
    .optional()
    .describe('Those alone that have it in UPSTREAM/NAME or in their titles, in whatever case'),
})

/** `reading`: it was never read, and is about to be; whoever asks again gets the entries. */
export const catalogListSchema = listSchema('entries', catalogEntrySchema)
  .extend({ reading: z.boolean() })
  .openapi('CatalogList')

/**
 * One build of an entry. `packageManager` and `shell`: `none` where it has none, null where that is not known. `mirrored`: repositories of the
 * caller's organizations that hold tags of it, and how many.
 */
export const catalogVariantSchema = z
  .strictObject({
    name: z.string(),
    definition: z.string().nullable().describe('Where it is defined: image/python/debian-13/3.13'),
    variant: z.string().nullable().describe('runtime, dev or helm'),
    flavor: z.string().nullable(),
    distribution: z.string().nullable(),
    tags: z.array(z.string()),
    platforms: z.array(z.string()),
    compliance: z.array(complianceSchema),
    packageManager: z.string().nullable(),
    shell: z.string().nullable(),
    user: z.string().nullable(),
    released: dateSchema.nullable(),
    endOfSupport: dateSchema.nullable(),
    endOfLife: dateSchema.nullable(),
    support: supportSchema.nullable(),
    entitlement: z.string().nullable(),
    mirrored: z.array(z.strictObject({ repository: repositoryNameSchema, tags: z.number().int() })),
  })
  .openapi('CatalogVariant')

/** `overview` and `guides`: Markdown that others have written. `description`: all of it. */
export const catalogDetailSchema = catalogEntrySchema
  .extend({
    description: z.string().nullable(),
    overview: z.string().nullable(),
    guides: z.string().nullable(),
    homeUrl: z.string().nullable(),
    tools: z.array(z.strictObject({ name: z.string(), description: z.string() })),
    alternatives: z.array(z.string()),
    variants: z.array(catalogVariantSchema),
  })
  .openapi('CatalogDetail')

export const catalogDetailAnswerSchema = z.strictObject({ entry: catalogDetailSchema })

/**
 * How the catalog of an upstream stands. `source`: where its names come from: the registry's own list, a list that people gave, or the
 * definitions, where the registry lists nothing. While `problem` is not null, what was read before (`readAt`) is what is shown.
 * `notes`: what of the definitions was left out, and why.
 */
export const catalogStateSchema = z
  .strictObject({
    upstream: nameSchema,
    organization: nameSchema.nullable(),
    source: z.enum(['registry', 'given', 'definitions']).nullable(),
    entries: z.number().int(),
    given: z.number().int().nullable().describe('Names that people gave; null: the registry lists them'),
    readAt: timeSchema.nullable(),
    triedAt: timeSchema.nullable(),
    nextAt: timeSchema.nullable(),
    refreshing: z.boolean(),
    problem: z.strictObject({ code: z.string(), message: z.string(), since: timeSchema }).nullable(),
    definitions: z
      .strictObject({
        from: z.enum(['server', 'sample', 'url']),
        url: z.string().nullable(),
        entries: z.number().int(),
        readAt: timeSchema.nullable(),
        problem: z.string().nullable(),
        notes: z.array(z.string()),
      })
      .nullable(),
  })
  .openapi('Catalog')

export const catalogStateAnswerSchema = z.strictObject({ catalog: catalogStateSchema })

/** Names of one request of at most 64 KiB. */
const MAX_GIVEN = 2000

/** What is left out stays. */
export const catalogChangeSchema = z
  .strictObject({
    names: z
      .array(sourceRepositorySchema)
      .min(1)
      .max(MAX_GIVEN)
      .nullable()
      .optional()
      .describe('Its repositories, for a registry that lists none; null: as the registry lists them'),
    definitions: z
      .string()
      .min(1)
      .max(2048)
      .nullable()
      .optional()
      .describe('https address of a .tar or .tar.gz of hardened-image definitions; null: none'),
  })
  .refine((change) => change.names !== undefined || change.definitions !== undefined, {
    message: 'got nothing to change',
  })
  .openapi('CatalogChange')

/** `acceptShrink`: what is listed now is all there is, however much it was before (whoever manages the upstream). */
export const catalogRefreshSchema = z
  .strictObject({ acceptShrink: z.boolean().default(false) })
  .openapi('CatalogRefresh')

export type CatalogEntry = z.infer<typeof catalogEntrySchema>
export type CatalogDetail = z.infer<typeof catalogDetailSchema>
export type CatalogVariant = z.infer<typeof catalogVariantSchema>
export type CatalogState = z.infer<typeof catalogStateSchema>
export type CatalogChange = z.infer<typeof catalogChangeSchema>
export type Compliance = z.infer<typeof complianceSchema>
export type Support = z.infer<typeof supportSchema>
