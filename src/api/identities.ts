import { findRepositoryName } from '../oci/reference.ts'
import { listSchema } from './lists.ts'
import { roleSchema } from './organizations.ts'
import { idSchema, lineSchema, nameSchema, timeSchema, z } from './schema.ts'

/** What a job's token may do, as an organization's own tokens have it. */
export const ALLOWED = ['pull', 'push', 'delete', 'mirrors', 'webhooks'] as const

const issuerSchema = lineSchema({ max: 2048 }).describe('As it names itself in `iss`, letter for letter')
const caSchema = z.string().max(32_768).describe('PEM certificates to trust besides those of the system')
const clientIdSchema = lineSchema({ max: 512 })
const clientSecretSchema = lineSchema({ max: 16_384 })
const claimsSchema = z.record(z.string().max(100), lineSchema({ min: 0, max: 500 }))
/** Whatever a star stands for, a letter does: where that makes no name, nothing would ever match. */
const repositoryPatternSchema = z
  .string()
  .min(1)
  .max(190)
  .refine((text) => findRepositoryName(`x/${text.replaceAll('*', 'x')}`) !== undefined, {
    message: 'want a repository name, or a pattern such as dhi-*',
  })
const minutesSchema = z.int().min(1).max(60)

const groupsClaimSchema = lineSchema({ max: 200 }).describe(
  'Which claim lists the groups of its people; dots lead into objects, as in `realm_access.roles`',
)
const groupSchema = z.strictObject({ group: lineSchema({ max: 255 }), team: nameSchema })
const MAX_GROUPS = 200

/**
 * A provider that people sign in by. `signIn`: where a browser begins, `redirectUri`: what the provider has to know. `only`: members of
 * the organization who are linked to it, or belong to no other, sign in by it and by nothing else. `groups`: whoever is in the group is in the team, as of each sign-in.
 */
export const identityProviderSchema = z
  .strictObject({
    kind: z.literal('provider'),
    id: idSchema,
    name: nameSchema,
    organization: nameSchema.nullable(),
    issuer: z.string(),
    clientId: z.string(),
    hasClientSecret: z.boolean(),
    ca: z.string().nullable(),
    role: roleSchema,
    only: z.boolean(),
    trustEmail: z.boolean(),
    groupsClaim: groupsClaimSchema,
    groups: z.array(groupSchema),
    signIn: z.string(),
    redirectUri: z.string(),
    createdBy: z.string(),
    createdAt: timeSchema,
    lastUsedAt: timeSchema.nullable(),
  })
  .openapi('IdentityProvider')

/** A rule by which CI jobs exchange a JWT of their system for a token of minutes. */
export const identityRuleSchema = z
  .strictObject({
    kind: z.literal('rule'),
    id: idSchema,
    name: nameSchema,
    organization: nameSchema,
    issuer: z.string(),
    audience: z.string(),
    subject: z.string().nullable(),
    claims: claimsSchema,
    allow: z.array(z.enum(ALLOWED)),
    repositories: z.array(z.string()),
    minutes: minutesSchema,
    ca: z.string().nullable(),
    createdBy: z.string(),
    createdAt: timeSchema,
    lastUsedAt: timeSchema.nullable(),
  })
  .openapi('IdentityRule')

export const identitySchema = z.union([identityProviderSchema, identityRuleSchema]).openapi('Identity')

/** `verified`: its issuer had signed it. `attempts`: how often its subject was refused, at least; the rest is of the last time. */
export const identityRefusalSchema = z
  .strictObject({
    at: timeSchema,
    verified: z.boolean(),
    subject: z.string().nullable(),
    reason: z.string(),
    address: z.string().nullable(),
    attempts: z.int().min(1),
  })
  .openapi('IdentityRefusal')

export const identityListSchema = listSchema('identities', identitySchema).openapi('IdentityList')
export const identityAnswerSchema = z.strictObject({ identity: identitySchema })
/** `refusals`: the last ones of tokens of the rule's issuer, newest first; none for providers. */
export const identityShowSchema = z.strictObject({
  identity: identitySchema,
  refusals: z.array(identityRefusalSchema),
})

const providerCreateSchema = z.strictObject({
  kind: z.literal('provider'),
  name: nameSchema,
  issuer: issuerSchema,
  clientId: clientIdSchema,
  clientSecret: clientSecretSchema.optional().describe('Kept sealed, never shown; left out: a public client'),
  ca: caSchema.optional(),
  role: roleSchema.default('member').describe('What people become in the organization when they first come'),
  only: z.boolean().default(false).describe("Refuse the organization's own people whatever else they sign in by"),
  groupsClaim: groupsClaimSchema.default('groups'),
  groups: z.array(groupSchema).max(MAX_GROUPS).default([]).describe('Groups that stand for teams of the organization'),
})

const ruleCreateSchema = z.strictObject({
  kind: z.literal('rule'),
  name: nameSchema,
  issuer: issuerSchema,
  audience: lineSchema({ max: 1024 }).describe('One of `aud`, letter for letter'),
  subject: lineSchema({ max: 500 }).optional().describe('Pattern of `sub`: exact, but for * (neither / nor :) and **'),
  claims: claimsSchema.default({}).describe('Patterns by claim: each must match'),
  allow: z.array(z.enum(ALLOWED)).min(1).max(ALLOWED.length).default(['pull']),
  repositories: z
    .array(repositoryPatternSchema)
    .min(1)
    .max(50)
    .default(['*'])
    .describe('Names below the organization, or patterns in which * stands for any characters'),
  minutes: minutesSchema.default(15),
  ca: caSchema.optional(),
})

export const identityCreateSchema = z
  .discriminatedUnion('kind', [providerCreateSchema, ruleCreateSchema])
  .openapi('IdentityCreate')

const providerClientChange = {
  clientId: clientIdSchema.optional(),
  clientSecret: clientSecretSchema.nullable().optional().describe('Kept sealed, never shown; null: a public client'),
  ca: caSchema.nullable().optional().describe('PEM certificates to trust besides those of the system; null: none'),
}
const isAnything = (change: object) => Object.values(change).some((value) => value !== undefined)

/** Of a provider; what is left out stays, and `groups` are instead of those before. The issuer is asked where it is reached in another way. */
export const identityChangeSchema = z
  .strictObject({
    role: roleSchema.optional(),
    only: z.boolean().optional(),
    groupsClaim: groupsClaimSchema.optional(),
    groups: z.array(groupSchema).max(MAX_GROUPS).optional(),
    ...providerClientChange,
  })
  .refine(isAnything, 'want role, only, groupsClaim, groups, clientId, clientSecret or ca')
  .openapi('IdentityChange')

/** Of a provider of the instance; what is left out stays. */
export const sharedProviderChangeSchema = z
  .strictObject({ trustEmail: z.boolean().optional(), ...providerClientChange })
  .refine(isAnything, 'want trustEmail, clientId, clientSecret or ca')
  .openapi('SharedIdentityProviderChange')

/** Of the instance: `trustEmail` links people to the account here that has their verified mail address. */
export const sharedProviderCreateSchema = providerCreateSchema
  .omit({ role: true, only: true, groupsClaim: true, groups: true })
  .extend({ trustEmail: z.boolean().default(false) })
  .openapi('SharedIdentityProviderCreate')

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const TOKEN_TYPES = ['urn:ietf:params:oauth:token-type:jwt', 'urn:ietf:params:oauth:token-type:id_token'] as const

/** RFC 8693, section 2.1. */
export const tokenExchangeSchema = z
  .object({
    grant_type: z.literal(EXCHANGE),
    subject_token: z
      .string()
      .min(1)
      .max(16 * 1024),
    subject_token_type: z.enum(TOKEN_TYPES).default(TOKEN_TYPES[0]),
  })
  .openapi('TokenExchange')

/** RFC 8693, section 2.2.1, and what `docker login` needs: the user name is the organization's. */
export const tokenExchangedSchema = z
  .strictObject({
    access_token: z.string(),
    issued_token_type: z.literal('urn:ietf:params:oauth:token-type:access_token'),
    token_type: z.literal('Bearer'),
    expires_in: z.int(),
    scope: z.string(),
    id: idSchema,
    username: nameSchema,
    repositories: z.array(z.string()),
    expiresAt: timeSchema,
  })
  .openapi('TokenExchanged')

export type Identity = z.infer<typeof identitySchema>
export type IdentityProvider = z.infer<typeof identityProviderSchema>
export type IdentityCreate = z.infer<typeof identityCreateSchema>
export type IdentityRule = z.infer<typeof identityRuleSchema>
export type IdentityRefusal = z.infer<typeof identityRefusalSchema>
