import { listSchema } from './lists.ts'
import { idSchema, nameSchema, timeSchema, z } from './schema.ts'
import { labelSchema } from './tokens.ts'

/** Id of a provider, which cannot be guessed; of one of the instance its name too. */
export const providerParameterSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,127}$/, 'want the id of a provider')
  .openapi({ example: '6f1c1f0e-6d0b-4d2a-9a51-5f4fbb1e7c55' })

/** An address of the page, and of nothing else: another server's never, nor one that programs ask. */
export const nextSchema = z
  .string()
  .max(1000)
  .refine(isPageAddress, 'want an address of the page, which begins with one /')
  .openapi({ example: '/o/acme/repositories' })

function isPageAddress(text: string): boolean {
  // As a browser reads it: no backslash or control character that it would take for something else, no second slash.
  if (!/^\/[\x21-\x5b\x5d-\x7e]*$/.test(text)) return false
  const { origin, pathname } = new URL(text, 'http://page.invalid')
  return origin === 'http://page.invalid' && !pathname.includes('//') && !/^\/(?:api|v2|token)(?:\/|$)/.test(pathname)
}

/** Where a command line waits for the end: a port of the browser's own machine, and what proves that it is the same one. */
export const signInQuerySchema = z
  .strictObject({
    port: z.coerce.number().int().min(1024).max(65_535).optional(),
    challenge: z
      .string()
      .regex(/^[A-Za-z0-9_-]{43}$/, 'want the SHA-256 of the verifier as base64url')
      .optional(),
    state: z.string().min(16).max(128).optional(),
    next: nextSchema.optional().describe('Where the page goes on'),
  })
  .refine(
    ({ port, challenge, state }) => [port, challenge, state].filter((one) => one === undefined).length % 3 === 0,
    {
      message: 'port, challenge and state go together',
      path: ['port'],
    },
  )

/** What one may sign in by: `signIn` is where a browser begins. */
export const signInProviderSchema = z
  .strictObject({ id: idSchema, name: nameSchema, organization: nameSchema.nullable(), signIn: z.string() })
  .openapi('SignInProvider')

export const signInProviderListSchema = listSchema('providers', signInProviderSchema).openapi('SignInProviderList')

export const identityLinkBeginSchema = z
  .strictObject({ provider: providerParameterSchema, next: nextSchema.optional() })
  .openapi('IdentityLinkBegin')

/** Where the browser goes. */
export const identityLinkBegunSchema = z.strictObject({ url: z.string() }).openapi('IdentityLinkBegun')

/** `code`: as the command line got it; `verifier`: what its challenge was made of. */
export const signInCodeSchema = z
  .strictObject({
    code: z.string().min(1).max(128),
    verifier: z.string().min(32).max(128),
    label: labelSchema.default('kagami login'),
  })
  .openapi('SignInCode')

/** `takeOver`: also where the provider has made another account for whom it vouches for, which is left then. */
export const identityLinkSchema = z
  .strictObject({
    code: z.string().min(1).max(128),
    verifier: z.string().min(32).max(128),
    takeOver: z.boolean().default(false),
  })
  .openapi('IdentityLinkCreate')

export const identityLinkedSchema = z
  .strictObject({
    provider: nameSchema,
    organization: nameSchema.nullable(),
    username: nameSchema,
    linkedAt: timeSchema,
  })
  .openapi('IdentityLinked')

/** By whom you sign in. `provider` null: it was removed, and the link is there for when it is added again. */
export const ownIdentitySchema = z
  .strictObject({
    id: idSchema,
    provider: nameSchema.nullable(),
    organization: nameSchema.nullable(),
    issuer: z.string(),
    subject: z.string(),
    linkedAt: timeSchema,
  })
  .openapi('OwnIdentity')

export const ownIdentityListSchema = listSchema('identities', ownIdentitySchema).openapi('OwnIdentityList')

export type SignInProvider = z.infer<typeof signInProviderSchema>
export type OwnIdentity = z.infer<typeof ownIdentitySchema>
