/** Registries that are written to. */
import { listSchema } from './lists.ts'
import { budgetSchema, maxRateSchema } from './rates.ts'
import { nameSchema, repositoryNameSchema, timeSchema, z } from './schema.ts'
import { upstreamCheckSchema, upstreamCreateSchema } from './upstreams.ts'

/** What registry a target is, where what it takes depends on it (docs/reference/targets.md). */
export const registryKindSchema = z.enum([
  'docker-hub',
  'ecr',
  'ecr-public',
  'google',
  'azure',
  'ghcr',
  'quay',
  'harbor',
  'gitlab',
  'artifactory',
  'kagami',
  'other',
])

const regionSchema = z.string().regex(/^[a-z0-9-]{1,32}$/, 'want a region such as eu-central-1')
const roleSchema = z
  .string()
  .max(2048)
  .regex(/^arn:[a-z-]+:iam::\d{12}:role\/[\w+=,.@/-]+$/, 'want the ARN of a role: arn:aws:iam::ACCOUNT:role/NAME')
const tenantSchema = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9.-]{0,127}$/, 'want the id or the domain of a tenant')

/**
 * How a target is signed in to. `password`: by user name and password or token, or by nobody; `ecr`, `google`, `azure`: by the given keys, or,
 * without any and for shared targets only, by what the library of that cloud finds where the server runs (environment, files, role, workload
 * identity); `docker`: by the `config.json` of docker on the server and its credential helpers (shared targets only).
 */
export const signInSchema = z
  .discriminatedUnion('by', [
    z.strictObject({ by: z.literal('password') }),
    z.strictObject({
      by: z.literal('ecr'),
      region: regionSchema.optional().describe('Default: as the address says'),
      role: roleSchema.optional().describe('ARN of a role to assume'),
    }),
    z.strictObject({ by: z.literal('google') }),
    z.strictObject({ by: z.literal('azure'), tenant: tenantSchema.optional().describe('Wanted with given keys') }),
    z.strictObject({ by: z.literal('docker') }),
  ])
  .openapi('SignIn')

/** A registry that is written to. `organization` null: shared by the operator with every organization. `kind` is what its address says, or people. */
export const targetSchema = z
  .strictObject({
    name: nameSchema,
    url: z.string(),
    organization: nameSchema.nullable(),
    kind: registryKindSchema,
    signIn: signInSchema,
    username: z.string().nullable(),
    plainHttp: z.boolean(),
    ca: z.string().nullable(),
    maxRate: maxRateSchema,
    createdAt: timeSchema,
  })
  .openapi('Target')

/** What a look at the registry has shown; `login` is as the check of an upstream has it. */
export const targetCheckSchema = upstreamCheckSchema.openapi('TargetCheck')

const given = upstreamCreateSchema.shape
const kindSchema = registryKindSchema.describe('What registry it is, where its address does not say it')
const RATE_ABOUT =
  'Requests to it, and bytes from it, keep to all of these; an empty list or null: to what its registry documents'

export const targetCreateSchema = z
  .strictObject({
    name: nameSchema,
    url: given.url,
    organization: nameSchema.nullable().describe('null: shared with every organization'),
    kind: kindSchema.optional(),
    signIn: signInSchema.default({ by: 'password' }),
    username: given.username,
    password: given.password,
    ca: given.ca,
    plainHttp: given.plainHttp,
    maxRate: maxRateSchema.nullable().optional().describe(RATE_ABOUT),
    check: given.check,
  })
  .refine((value) => (value.username === undefined) === (value.password === undefined), {
    message: 'username and password go together',
    path: ['password'],
  })
  .openapi('TargetCreate')

/** What is left out stays. `password` null: no login from now on; a password alone belongs to the user name of before. */
export const targetChangeSchema = z
  .strictObject({
    url: given.url.optional(),
    kind: kindSchema.nullable().optional().describe('null: as its address says'),
    signIn: signInSchema.optional(),
    username: given.username,
    password: given.password.unwrap().nullable().optional(),
    ca: given.ca.unwrap().nullable().optional(),
    plainHttp: z.boolean().optional().describe('Allow http to a host that is not the machine of the server'),
    maxRate: maxRateSchema.nullable().optional().describe(`${RATE_ABOUT}; left out: as it is`),
    check: given.check,
    dryRun: z.boolean().default(false).describe('Answer with what would be another, and ask and change nothing'),
  })
  .refine((value) => value.username === undefined || typeof value.password === 'string', {
    message: 'a user name comes with its password',
    path: ['password'],
  })
  .openapi('TargetChange')

/** `check`: what the registry told; null: it was not asked. */
export const targetAnswerSchema = z.strictObject({ target: targetSchema, check: targetCheckSchema.nullable() })

export const targetFieldSchema = z.enum(['url', 'username', 'password', 'ca', 'plainHttp', 'kind', 'signIn', 'maxRate'])
export const targetShowSchema = z.strictObject({ target: targetSchema, budget: budgetSchema })

/**
 * `changes`: what is another than before. `repositories`: those of the caller's organizations that are sent there. `isOtherPlace`: another
 * registry or another place in it, of which nothing is known.
 */
export const targetChangeAnswerSchema = targetAnswerSchema.extend({
  repositories: z.array(repositoryNameSchema),
  isOtherPlace: z.boolean(),
  changes: z.array(targetFieldSchema),
})

export const targetListSchema = listSchema('targets', targetSchema).openapi('TargetList')

export type RegistryKind = z.infer<typeof registryKindSchema>
export type SignIn = z.infer<typeof signInSchema>
export type Target = z.infer<typeof targetSchema>
export type TargetField = z.infer<typeof targetFieldSchema>
export type TargetCheck = z.infer<typeof targetCheckSchema>
export type TargetChangeAnswer = z.infer<typeof targetChangeAnswerSchema>
