import { PASSWORD_LENGTH } from '../oci/account-names.ts'
import { listSchema } from './lists.ts'
import { nameSchema, shownLineSchema, timeSchema, z } from './schema.ts'

export const passwordSchema = z.string().min(PASSWORD_LENGTH.min).max(PASSWORD_LENGTH.max)

/** As people give one to prove that they know it: whatever it is, it is checked. */
export const givenPasswordSchema = z.string().min(1).max(1024)

/** In lower case, as it is kept. */
export const emailSchema = z.email().max(254).toLowerCase().openapi({ example: 'ann@example.com' })

/** One line of what people read. */
export const displayNameSchema = shownLineSchema({ max: 100 }).openapi({ example: 'Ann Example' })

/** An account. `operator`: may create users and organizations and share upstreams. */
export const userSchema = z
  .strictObject({ id: z.string(), username: nameSchema, operator: z.boolean() })
  .openapi('User')

/** A password is made, and shown in the answer once, when none is given. */
export const userCreateSchema = z
  .strictObject({ username: nameSchema, password: passwordSchema.optional() })
  .openapi('UserCreate')

export const userCreatedSchema = z
  .strictObject({ user: userSchema, password: z.string().nullable() })
  .openapi('UserCreated')

/** What you see of yourself. `hasPassword` false: you sign in by providers alone. */
export const profileSchema = z
  .strictObject({
    id: z.string(),
    username: nameSchema,
    operator: z.boolean(),
    displayName: z.string(),
    email: z.string().nullable(),
    twoFactor: z.boolean(),
    hasPassword: z.boolean(),
    createdAt: timeSchema,
  })
  .openapi('Profile')

/** What is left out stays. `email`: one may sign in by it too; null for none. */
export const profileChangeSchema = z
  .strictObject({ displayName: displayNameSchema.optional(), email: emailSchema.nullable().optional() })
  .openapi('ProfileChange')

export const profileAnswerSchema = z.strictObject({ user: profileSchema })

export const passwordChangeSchema = z
  .strictObject({ current: givenPasswordSchema, password: passwordSchema })
  .openapi('PasswordChange')

/** A password is made when none is given. `endTwoFactor`: for who has lost the second factor too. */
export const passwordResetSchema = z
  .strictObject({ password: passwordSchema.optional(), endTwoFactor: z.boolean().default(false) })
  .openapi('PasswordReset')

export type Profile = z.infer<typeof profileSchema>
export type UserCreated = z.infer<typeof userCreatedSchema>

/** As operators see one. `disabledAt`: since when nothing that is theirs opens anything; `lastSeenAt`: as far as sessions and tokens tell. */
export const userAccountSchema = z
  .strictObject({
    id: z.string(),
    username: nameSchema,
    displayName: z.string(),
    email: z.string().nullable(),
    operator: z.boolean(),
    twoFactor: z.boolean(),
    disabledAt: timeSchema.nullable(),
    organizations: z.int().min(0),
    createdAt: timeSchema,
    lastSeenAt: timeSchema.nullable(),
  })
  .openapi('UserAccount')

/** What is left out stays. `disabled`: signed out, and let in by nothing; tokens stay, and serve again once it is false. */
export const userStandingSchema = z
  .strictObject({ operator: z.boolean().optional(), disabled: z.boolean().optional() })
  .refine((change) => Object.values(change).some((value) => value !== undefined), 'want operator or disabled')
  .openapi('UserStanding')

export const userAccountAnswerSchema = z.strictObject({ user: userAccountSchema })
export const userAccountListSchema = listSchema('users', userAccountSchema).openapi('UserAccountList')

export type UserAccount = z.infer<typeof userAccountSchema>
