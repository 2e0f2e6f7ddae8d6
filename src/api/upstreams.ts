import { listSchema } from './lists.ts'
import { budgetSchema, maxRateSchema } from './rates.ts'
import { nameSchema, repositoryNameSchema, sourceRepositorySchema, timeSchema, z } from './schema.ts'

/** What default names of mirrors begin with: any text that makes a name with letters behind it. */
export const namePrefixSchema = z
  .string()
  .max(64)
  .refine((prefix) => sourceRepositorySchema.safeParse(`${prefix}a`).success, {
    message: 'want the beginning of a repository name in lower case, such as dhi-; empty for none',
  })
  .openapi({ example: 'dhi-' })

/**
 * A registry that is read from. `organization` null: shared by the operator with every organization; `prefix`: what the
 * default names of its mirrors begin with; `ca`: the certificates (PEM) that are trusted besides those of the system. `ceilings`: what its
 * registry documents and its requests keep to, as nobody has set `maxRate` (`isMaxRateSet`).
 */
export const upstreamSchema = z
  .strictObject({
    name: nameSchema,
    url: z.string(),
    organization: nameSchema.nullable(),
    username: z.string().nullable(),
    referrersFrom: nameSchema.nullable(),
    plainHttp: z.boolean(),
    ca: z.string().nullable(),
    prefix: z.string(),
    maxRate: maxRateSchema,
    isMaxRateSet: z.boolean().default(false),
    ceilings: z.array(z.strictObject({ counts: z.string(), rate: z.string(), source: z.string() })).default([]),
    createdAt: timeSchema,
  })
  .openapi('Upstream')

/** What a look at the registry has shown. `repository`: one that it lists, by its name under the upstream's path. */
export const upstreamCheckSchema = z
  .strictObject({
    host: z.string(),
    apiVersion: z.string().nullable(),
    login: z.enum(['accepted', 'not-asked', 'anonymous', 'required', 'unknown']),
    catalog: z.enum(['yes', 'no', 'denied', 'unknown']),
    referrersApi: z.enum(['yes', 'no', 'unknown']),
    repository: sourceRepositorySchema.nullable(),
  })
  .openapi('UpstreamCheck')

const urlSchema = z
  .string()
  .min(1)
  .max(2048)
  .describe('https://HOST[:PORT][/PATH]; the path is a prefix of its repositories')
const usernameSchema = z.string().min(1).max(256)
const passwordSchema = z.string().min(1).max(16_384).describe('Kept sealed, never shown')
const caSchema = z.string().max(32_768).describe('PEM certificates to trust besides those of the system')
const plainHttpSchema = z.boolean().describe('Allow http to a host that is not the machine of the server')
const referrersSchema = nameSchema.describe('Another upstream, which holds signatures and attestations')
const prefixSchema = namePrefixSchema.describe(
  'The default names of its mirrors begin with it; default: dhi- for dhi.io and a path that ends in /dhi, else none',
)
const RATE_ABOUT =
  'Requests and bytes from it keep to all of these; an empty list: to none; null: to what its registry documents'
const checkSchema = z
  .boolean()
  .default(false)
  .describe('Look at the registry first, and refuse when it is none or refuses the login')

export const upstreamCreateSchema = z
  .strictObject({
    name: nameSchema,
    url: urlSchema,
    organization: nameSchema.nullable().describe('null: shared with every organization'),
    username: usernameSchema.optional(),
    password: passwordSchema.optional(),
    ca: caSchema.optional(),
    plainHttp: plainHttpSchema.default(false),
    referrersFrom: referrersSchema.optional(),
    prefix: prefixSchema.optional(),
    maxRate: maxRateSchema.nullable().optional().describe(RATE_ABOUT),
    check: checkSchema,
  })
  .refine((value) => (value.username === undefined) === (value.password === undefined), {
    message: 'username and password go together',
    path: ['password'],
  })
  .openapi('UpstreamCreate')

/** What is left out stays. `password` null: no login from now on; a password alone belongs to the user name of before. */
export const upstreamChangeSchema = z
  .strictObject({
    url: urlSchema.optional(),
    username: usernameSchema.optional(),
    password: passwordSchema.nullable().optional(),
    ca: caSchema.nullable().optional(),
    plainHttp: plainHttpSchema.optional(),
    referrersFrom: referrersSchema.nullable().optional(),
    prefix: namePrefixSchema.optional().describe('The default names of its further mirrors begin with it'),
    maxRate: maxRateSchema.nullable().optional().describe(`${RATE_ABOUT}; left out: as it is`),
    check: checkSchema,
    dryRun: z.boolean().default(false).describe('Answer with what would be another, and ask and change nothing'),
  })
  .refine((value) => value.username === undefined || typeof value.password === 'string', {
    message: 'a user name comes with its password',
    path: ['password'],
  })
  .openapi('UpstreamChange')

/** `check` null: nothing was asked. */
export const upstreamAnswerSchema = z.strictObject({ upstream: upstreamSchema, check: upstreamCheckSchema.nullable() })

export const upstreamFieldSchema = z.enum([
  'url',
  'username',
  'password',
  'ca',
  'plainHttp',
  'referrersFrom',
  'prefix',
  'maxRate',
])
/** `hook`: its secret address, where its webhooks come; null: none. */
export const upstreamShowSchema = z.strictObject({
  upstream: upstreamSchema,
  budget: budgetSchema,
  hook: z.strictObject({ createdAt: timeSchema }).nullable().default(null),
})

/**
 * `changes`: what is another than before. `mirrors`: those of the caller's organizations that read from it, by destination. `isOtherSource`: address or login are others, so
 * that what was fetched by the ones of before is not linked into further mirrors.
 */
export const upstreamChangeAnswerSchema = upstreamAnswerSchema.extend({
  mirrors: z.array(repositoryNameSchema),
  isOtherSource: z.boolean(),
  changes: z.array(upstreamFieldSchema),
})

export const upstreamListSchema = listSchema('upstreams', upstreamSchema).openapi('UpstreamList')

export type Upstream = z.infer<typeof upstreamSchema>
export type UpstreamShown = z.infer<typeof upstreamShowSchema>
export type UpstreamField = z.infer<typeof upstreamFieldSchema>
export type UpstreamCheck = z.infer<typeof upstreamCheckSchema>
export type UpstreamChangeAnswer = z.infer<typeof upstreamChangeAnswerSchema>
