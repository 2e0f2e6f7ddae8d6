import { listSchema } from './lists.ts'
import { idSchema, nameSchema, timeSchema, z } from './schema.ts'
import { accessPatternSchema } from './teams.ts'
import { tokenCreateSchema } from './tokens.ts'

/** What a token may; none includes another. */
export const tokenRightSchema = z.enum(['pull', 'push', 'delete', 'mirrors', 'webhooks'])

/** `username`: what one signs in as with it, the organization's name; `createdBy`: as events name people. */
export const organizationTokenSchema = z
  .strictObject({
    id: idSchema,
    label: z.string(),
    allow: z.array(tokenRightSchema),
    repositories: z.array(z.string()),
    expiresAt: timeSchema.nullable(),
    username: nameSchema,
    active: z.boolean(),
    createdAt: timeSchema,
    createdBy: z.string(),
    lastUsedAt: timeSchema.nullable(),
  })
  .openapi('OrganizationToken')

/** `repositories`: names and patterns, `*` is all; `expires`: `90d` (days) or `never`. */
export const organizationTokenCreateSchema = z
  .strictObject({
    label: tokenCreateSchema.shape.label,
    allow: z.array(tokenRightSchema).min(1).max(5),
    repositories: z.array(accessPatternSchema).min(1).max(50),
    expires: tokenCreateSchema.shape.expires,
  })
  .openapi('OrganizationTokenCreate')

/** The only answer that ever holds the token. */
export const organizationTokenCreatedSchema = z
  .strictObject({
    id: idSchema,
    label: z.string(),
    allow: z.array(tokenRightSchema),
    repositories: z.array(z.string()),
    expiresAt: timeSchema.nullable(),
    username: nameSchema,
    token: z.string(),
  })
  .openapi('OrganizationTokenCreated')

export const organizationTokenChangeSchema = z.strictObject({ active: z.boolean() }).openapi('OrganizationTokenChange')
export const organizationTokenAnswerSchema = z.strictObject({ token: organizationTokenSchema })
export const organizationTokenListSchema = listSchema('tokens', organizationTokenSchema).openapi(
  'OrganizationTokenList',
)

export type OrganizationToken = z.infer<typeof organizationTokenSchema>
