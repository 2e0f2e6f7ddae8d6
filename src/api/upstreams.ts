import { listSchema } from './lists.ts'
import { nameSchema, sourceRepositorySchema, timeSchema, z } from './schema.ts'

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
 * default names of its mirrors begin with.
 */
export const upstreamSchema = z
  .strictObject({
    name: nameSchema,
    url: z.string(),
    organization: nameSchema.nullable(),
    username: z.string().nullable(),
    referrersFrom: nameSchema.nullable(),
    plainHttp: z.boolean(),
    prefix: z.string(),
    createdAt: timeSchema,
  })
  .openapi('Upstream')

/**
 * `url` may have a path, the prefix of its repositories. `ca` is one or more PEM certificates to trust instead of the
 * system's; `referrersFrom` another upstream that holds the attestations. Without `prefix`, it is `dhi-` for `dhi.io` and for
 * a path that ends in `/dhi`, and empty elsewhere.
 */
export const upstreamCreateSchema = z
  .strictObject({
    name: nameSchema,
    url: z.string().min(1).max(2048),
    organization: nameSchema.nullable(),
    username: z.string().min(1).max(256).optional(),
    password: z.string().min(1).max(16_384).optional(),
    ca: z.string().max(32_768).optional(),
    plainHttp: z.boolean().default(false),
    referrersFrom: nameSchema.optional(),
    prefix: namePrefixSchema.optional(),
  })
  .refine((value) => (value.username === undefined) === (value.password === undefined), {
    message: 'username and password go together',
    path: ['password'],
  })
  .openapi('UpstreamCreate')

export const upstreamAnswerSchema = z.strictObject({ upstream: upstreamSchema })
export const upstreamListSchema = listSchema('upstreams', upstreamSchema).openapi('UpstreamList')

export type Upstream = z.infer<typeof upstreamSchema>
