import { organizationNameSchema } from './organizations.ts'
import { nameSchema, z } from './schema.ts'
import { displayNameSchema, passwordSchema, userSchema } from './users.ts'

/** `code`: as `kagami serve --setup` printed it; dashes and case do not matter. */
export const setupSchema = z
  .strictObject({
    code: z.string().min(1).max(64).openapi({ example: 'BCDF-GHJK-LMNP-QRST' }),
    organization: organizationNameSchema,
    username: nameSchema,
    password: passwordSchema,
    displayName: displayNameSchema.optional(),
  })
  .openapi('Setup')

export const setupDoneSchema = z.strictObject({ user: userSchema, organization: nameSchema }).openapi('SetupDone')
