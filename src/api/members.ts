import { listSchema } from './lists.ts'
import { roleSchema } from './organizations.ts'
import { nameSchema, timeSchema, z } from './schema.ts'

/** Of one member in a list. */
export const MAX_TEAMS_SHOWN = 20

export const memberSchema = z
  .strictObject({ username: nameSchema, role: roleSchema, createdAt: timeSchema })
  .openapi('Member')

/**
 * One of a list. `teams`: the first of those that you see, by name; a plain member sees those that they are in. `lastSeenAt`: as far as
 * sessions and tokens tell, to owners and operators; null for others.
 */
export const listedMemberSchema = memberSchema
  .extend({
    displayName: z.string(),
    teams: z.array(nameSchema).max(MAX_TEAMS_SHOWN),
    lastSeenAt: timeSchema.nullable(),
  })
  .openapi('ListedMember')

/** Adds the user, or changes the role of one who is a member already. */
export const memberPutSchema = z.strictObject({ role: roleSchema }).openapi('MemberPut')

export const memberAnswerSchema = z.strictObject({ member: memberSchema })
export const memberListSchema = listSchema('members', listedMemberSchema).openapi('MemberList')

export type ListedMember = z.infer<typeof listedMemberSchema>
