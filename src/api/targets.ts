/** Registries that are written to. */
import { listSchema } from './lists.ts'
import { maxRateSchema } from './rates.ts'
import { nameSchema, timeSchema, z } from './schema.ts'

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

/**
 * How a target is signed in to. `password`: by user name and password or token, or by nobody; `ecr`, `google`, `azure`: by what the library of
 * that cloud finds where the server runs (environment, files, role, workload identity), or by the given keys; `docker`: by the
 * `config.json` of docker on the server and its credential helpers (shared targets only).
 */
export const signInSchema = z
  .discriminatedUnion('by', [
    z.strictObject({ by: z.literal('password') }),
    z.strictObject({
      by: z.literal('ecr'),
      region: z.string().max(64).optional().describe('Default: as the address says'),
      role: z.string().max(2048).optional().describe('ARN of a role to assume'),
    }),
    z.strictObject({ by: z.literal('google') }),
    z.strictObject({ by: z.literal('azure'), tenant: z.string().max(256).optional() }),
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

export const targetListSchema = listSchema('targets', targetSchema).openapi('TargetList')

export type RegistryKind = z.infer<typeof registryKindSchema>
export type SignIn = z.infer<typeof signInSchema>
export type Target = z.infer<typeof targetSchema>
