/** The files of `kagami apply`: upstreams, targets, subscriptions and mirrors of one organization a document, with all that people set for them. */
import { mirrorSettingsSchema } from './mirror-settings.ts'
import { maxRateSchema } from './rates.ts'
import { nameSchema, sourceRepositorySchema, z } from './schema.ts'
import { subscriptionStartSchema } from './subscriptions.ts'
import { targetCreateSchema } from './targets.ts'
import { upstreamCreateSchema } from './upstreams.ts'

const given = upstreamCreateSchema.shape

/** Where a secret stands: never in the file itself. */
const secretReferenceSchema = z
  .string()
  .regex(
    /^(?:env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$/,
    'want env:NAME or file:PATH: a secret does not stand in the file itself',
  )
  .describe('env:NAME or file:PATH (from the folder of this file)')

const certificatesSchema = z
  .string()
  .max(32_768)
  .regex(
    /^(?:env:[A-Za-z_][A-Za-z0-9_]*$|file:.+$|[\s\S]*-----BEGIN CERTIFICATE-----)/,
    'want env:NAME, file:PATH or certificates in PEM',
  )
  .describe('PEM certificates to trust besides those of the system: env:NAME, file:PATH, or the text itself')

export const configuredUpstreamSchema = z
  .strictObject({
    url: given.url,
    username: given.username,
    password: secretReferenceSchema.optional(),
    ca: certificatesSchema.optional(),
    plainHttp: z.boolean().optional().describe('Allow http to a host that is not the machine of the server'),
    referrersFrom: given.referrersFrom,
    prefix: given.prefix,
    maxRate: maxRateSchema
      .optional()
      .describe('Requests and bytes from it keep to all of these, such as 10/s or 50MB/s'),
  })
  .refine((value) => (value.username === undefined) === (value.password === undefined), {
    message: 'username and password go together',
    path: ['username'],
  })

const written = targetCreateSchema.shape

export const configuredTargetSchema = z
  .strictObject({
    url: written.url,
    kind: written.kind,
    signIn: written.signIn.unwrap().optional(),
    username: written.username,
    password: secretReferenceSchema.optional(),
    ca: certificatesSchema.optional(),
    plainHttp: z.boolean().optional().describe('Allow http to a host that is not the machine of the server'),
    maxRate: maxRateSchema.optional().describe('Requests to it, and bytes from it, keep to all of these'),
  })
  .refine((value) => (value.username === undefined) === (value.password === undefined), {
    message: 'username and password go together',
    path: ['username'],
  })

const sourceSchema = z
  .string()
  .max(255 + 65)
  .refine((text) => {
    const slash = text.indexOf('/')
    const [upstream, repository] = [text.slice(0, slash), text.slice(slash + 1)]
    return slash > 0 && nameSchema.safeParse(upstream).success && sourceRepositorySchema.safeParse(repository).success
  }, 'want UPSTREAM/REPOSITORY such as sample/python')
  .describe('UPSTREAM/REPOSITORY that it comes from')

export const configuredMirrorSchema = z.strictObject({
  from: sourceSchema,
  adopt: z.boolean().optional().describe('Take an unmirrored repository of this name'),
  ...mirrorSettingsSchema.shape,
})

const subscribed = subscriptionStartSchema.shape

/** A catalog that is mirrored; its settings are those of the mirrors that it makes. */
export const configuredSubscriptionSchema = z.strictObject({
  upstream: nameSchema,
  match: subscribed.match.unwrap().optional(),
  except: subscribed.except.unwrap().optional(),
  repositories: subscribed.repositories,
  adopt: z
    .boolean()
    .optional()
    .describe('Take unmirrored repositories, and restart stopped mirrors that are new to it'),
  ...mirrorSettingsSchema.shape,
})

/** What is left out has its default: `apply` takes a setting back that is not in the file any more. */
export const configurationSchema = z
  .strictObject({
    organization: nameSchema.optional().describe('The organization that all of this document belongs to'),
    shared: z
      .literal(true)
      .optional()
      .describe('Instead of an organization: upstreams and targets shared with all of them (operators)'),
    upstreams: z.record(nameSchema, configuredUpstreamSchema).nullish().describe('By name'),
    targets: z.record(nameSchema, configuredTargetSchema).nullish().describe('Registries that are written to, by name'),
    mirrors: z
      .record(sourceRepositorySchema, configuredMirrorSchema)
      .nullish()
      .describe('By the name of the repository in the organization'),
    subscriptions: z.array(configuredSubscriptionSchema).nullish().describe('Whole catalogs that are mirrored'),
  })
  .refine(({ organization, shared }) => (organization === undefined) !== (shared === undefined), {
    message: 'want either organization: NAME or shared: true',
  })
  .refine(({ shared, mirrors }) => shared === undefined || Object.keys(mirrors ?? {}).length === 0, {
    message: 'mirrors belong to an organization, not to what is shared',
    path: ['mirrors'],
  })
  .refine(({ shared, subscriptions }) => shared === undefined || (subscriptions ?? []).length === 0, {
    message: 'subscriptions belong to an organization, not to what is shared',
    path: ['subscriptions'],
  })

/** JSON Schema for editors. */
export function configurationJsonSchema(): object {
  const schema = z.toJSONSchema(configurationSchema, { target: 'draft-7', io: 'input', reused: 'inline' })
  return { title: 'Kagami, configuration as code', ...schema }
}

export type Configuration = z.infer<typeof configurationSchema>
export type ConfiguredUpstream = z.infer<typeof configuredUpstreamSchema>
export type ConfiguredTarget = z.infer<typeof configuredTargetSchema>
export type ConfiguredSubscription = z.infer<typeof configuredSubscriptionSchema>
export type ConfiguredMirror = z.infer<typeof configuredMirrorSchema>
