import { listSchema } from './lists.ts'
import { lineSchema, nameSchema, timeSchema, z } from './schema.ts'

/** Each includes the ones before it. */
export const teamPermissionSchema = z.enum(['read', 'write', 'admin'])

/** A name or a pattern of repositories, with or without the organization before it; the server says what is wrong with one. */
export const accessPatternSchema = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[a-z0-9._/*-]+$/, 'want a repository name, or a pattern such as dhi-*')
  .openapi({ example: 'dhi-*' })

const descriptionSchema = lineSchema({ min: 0, max: 500 })

/** `members`, `grants`: how many. */
export const teamSchema = z
  .strictObject({
    name: nameSchema,
    description: z.string(),
    manageMirrors: z.boolean(),
    members: z.int().min(0),
    grants: z.int().min(0),
    createdAt: timeSchema,
  })
  .openapi('Team')

/** `manageMirrors`: its members start, stop, pause and change mirrors and subscriptions. */
export const teamCreateSchema = z
  .strictObject({
    name: nameSchema,
    description: descriptionSchema.default(''),
    manageMirrors: z.boolean().default(false),
  })
  .openapi('TeamCreate')

/** What is left out stays. */
export const teamChangeSchema = z
  .strictObject({ description: descriptionSchema.optional(), manageMirrors: z.boolean().optional() })
  .openapi('TeamChange')

export const teamMemberSchema = z.strictObject({ username: nameSchema, createdAt: timeSchema }).openapi('TeamMember')

/** `repository`: in full. */
export const teamGrantSchema = z
  .strictObject({ repository: z.string(), permission: teamPermissionSchema, createdAt: timeSchema })
  .openapi('TeamGrant')

export const teamGrantPutSchema = z
  .strictObject({ repository: accessPatternSchema, permission: teamPermissionSchema })
  .openapi('TeamGrantPut')

export const teamAnswerSchema = z.strictObject({ team: teamSchema })
export const teamListSchema = listSchema('teams', teamSchema).openapi('TeamList')
export const teamMemberListSchema = listSchema('members', teamMemberSchema).openapi('TeamMemberList')
export const teamGrantListSchema = listSchema('grants', teamGrantSchema).openapi('TeamGrantList')
export const teamGrantAnswerSchema = z.strictObject({
  grant: z.strictObject({ repository: z.string(), permission: teamPermissionSchema }),
})

export type Team = z.infer<typeof teamSchema>
export type TeamMember = z.infer<typeof teamMemberSchema>
export type TeamGrant = z.infer<typeof teamGrantSchema>
