import { isOrganizationName } from '../oci/account-names.ts'
import { listSchema } from './lists.ts'
import { nameSchema, shownLineSchema, timeSchema, z } from './schema.ts'

export const roleSchema = z.enum(['owner', 'editor', 'member'])

/** What members pull without a team. */
export const membersPullSchema = z.enum(['all', 'none'])

/**
 * `role` is the caller's own, null for an operator who is no member, and for a token; `repositories` those that the caller sees; `sizeBytes`
 * distinct bytes of its repositories, and `definitionsBytes` of them: what definitions say of its own upstreams. Those and `quotaBytes` are
 * null for who sees only a part of the repositories.
 */
export const organizationSchema = z
  .strictObject({
    name: nameSchema,
    displayName: z.string().describe('What people call it; empty: its name'),
    role: roleSchema.nullable(),
    repositories: z.int().min(0),
    sizeBytes: z.int().min(0).nullable(),
    definitionsBytes: z.int().min(0).nullable(),
    quotaBytes: z.int().min(0).nullable(),
    membersPull: membersPullSchema,
    createdAt: timeSchema,
  })
  .openapi('Organization')

/** The first component of its repositories' names. */
export const organizationNameSchema = nameSchema.refine(
  isOrganizationName,
  'want one component of a repository name: single separators . _ __ or - between letters and digits',
)

const displayNameSchema = shownLineSchema({ min: 0, max: 80 }).describe('What people call it; empty: its name')

/** The one who creates it becomes its first owner. */
export const organizationCreateSchema = z
  .strictObject({
    name: organizationNameSchema,
    displayName: displayNameSchema.default(''),
    quotaBytes: z.int().min(0).nullable().default(null),
    reuseName: z.boolean().default(false).describe('Take the name of an organization that was deleted'),
  })
  .openapi('OrganizationCreate')

/** What is left out stays. */
export const organizationChangeSchema = z
  .strictObject({
    displayName: displayNameSchema.optional(),
    quotaBytes: z.int().min(0).nullable().optional(),
    membersPull: membersPullSchema.optional(),
  })
  .refine(
    (change) => Object.values(change).some((value) => value !== undefined),
    'want displayName, quotaBytes or membersPull',
  )
  .openapi('OrganizationChange')

/** `confirm` repeats the name; without `withRepositories` one that has repositories stays. */
export const organizationDeleteQuerySchema = z.strictObject({
  confirm: z.string().max(255).optional(),
  withRepositories: z.enum(['true', 'false']).default('false'),
})

const lossSchema = z.int().min(0)
/** What would go with it; none is counted beyond 100,000. */
export const organizationLossesSchema = z
  .strictObject({
    losses: z.strictObject({
      repositories: lossSchema,
      tags: lossSchema,
      mirrors: lossSchema,
      subscriptions: lossSchema,
      upstreams: lossSchema,
      webhooks: lossSchema,
      tokens: lossSchema,
      teams: lossSchema,
      members: lossSchema,
    }),
  })
  .openapi('OrganizationLosses')

export const organizationAnswerSchema = z.strictObject({ organization: organizationSchema })
export const organizationListSchema = listSchema('organizations', organizationSchema).openapi('OrganizationList')

export type Role = z.infer<typeof roleSchema>
export type OrganizationLosses = z.infer<typeof organizationLossesSchema>['losses']
export type Organization = z.infer<typeof organizationSchema>
