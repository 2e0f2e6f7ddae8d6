import { listSchema } from './lists.ts'
import { idSchema, shownLineSchema, timeSchema, z } from './schema.ts'

/** What somebody calls a token. */
export const labelSchema = shownLineSchema({ max: 100 })

/** Each includes the ones before it. */
export const tokenScopeSchema = z.enum(['read', 'write', 'delete', 'admin'])

/** A personal access token as it is listed: never the token itself. */
export const tokenSchema = z
  .strictObject({
    id: idSchema,
    label: z.string(),
    scope: tokenScopeSchema,
    expiresAt: timeSchema.nullable(),
    username: z.string(),
    lastUsedAt: timeSchema.nullable(),
  })
  .openapi('Token')

/** `expires`: `90d` (days) or `never`. */
export const tokenCreateSchema = z
  .strictObject({
    label: labelSchema,
    scope: tokenScopeSchema.default('read'),
    expires: z
      .string()
      .regex(/^(never|[1-9]\d{0,3}d)$/, 'want a number of days such as 90d, or never')
      .default('90d'),
  })
  .openapi('TokenCreate')

/** The only answer that ever holds the token. */
export const tokenCreatedSchema = z
  .strictObject({
    id: idSchema,
    label: z.string(),
    scope: tokenScopeSchema,
    expiresAt: timeSchema.nullable(),
    username: z.string(),
    token: z.string(),
  })
  .openapi('TokenCreated')

export const tokenListSchema = listSchema('tokens', tokenSchema).openapi('TokenList')

export type Token = z.infer<typeof tokenSchema>
export type TokenScope = z.infer<typeof tokenScopeSchema>
export type TokenCreated = z.infer<typeof tokenCreatedSchema>
