import { listSchema } from './lists.ts'
import { idSchema, timeSchema, z } from './schema.ts'
import { givenPasswordSchema } from './users.ts'

/** Where you are signed in, by password or by a provider. `registry`: what a client of the registry keeps, as docker login does. Tokens are listed elsewhere. */
export const sessionSchema = z
  .strictObject({
    id: idSchema,
    kind: z.enum(['session', 'registry']),
    createdAt: timeSchema,
    lastSeenAt: timeSchema.nullable(),
    address: z.string().nullable(),
    userAgent: z.string().nullable(),
    current: z.boolean(),
  })
  .openapi('Session')

/** By user name or mail address; `code` where two-factor authentication is on. */
export const signInSchema = z
  .strictObject({
    username: z.string().min(1).max(254),
    password: givenPasswordSchema,
    code: z.string().min(1).max(40).optional(),
  })
  .openapi('SignIn')

/** The only answer that ever holds the session's secret: it goes into `Authorization: Bearer`. */
export const signedInSchema = z
  .strictObject({
    id: idSchema,
    username: z.string(),
    createdAt: timeSchema,
    expiresAt: timeSchema,
    token: z.string(),
  })
  .openapi('SignedIn')

/** `secret`: what the printed link ends with, `kgm_lnk_…`. */
export const signInLinkSchema = z.strictObject({ secret: z.string().min(1).max(200) }).openapi('SignInLink')

/** Its secret is in the cookie that comes along. */
export const browserSignedInSchema = signedInSchema.omit({ token: true }).openapi('BrowserSignedIn')

export const sessionListSchema = listSchema('sessions', sessionSchema).openapi('SessionList')

export const sessionsEndedSchema = z.strictObject({ ended: z.int().min(0) }).openapi('SessionsEnded')

export type Session = z.infer<typeof sessionSchema>
