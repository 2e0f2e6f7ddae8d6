import { listSchema } from './lists.ts'
import { roleSchema } from './organizations.ts'
import { nameSchema, timeSchema, z } from './schema.ts'

export const memberSchema = z
  .strictObject({ username: nameSchema, role: roleSchema, createdAt: timeSchema })
  .openapi('Member')

/** Adds the user, or changes the role of one who is a member already. */
export const memberPutSchema = z.strictObject({ role: roleSchema }).openapi('MemberPut')

export const memberAnswerSchema = z.strictObject({ member: memberSchema })
export const memberListSchema = listSchema('members', memberSchema).openapi('MemberList')
