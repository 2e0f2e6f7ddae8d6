import { findDuration } from '../lib/duration.ts'
import { listSchema } from './lists.ts'
import { roleSchema } from './organizations.ts'
import { idSchema, nameSchema, timeSchema, z } from './schema.ts'
import { displayNameSchema, emailSchema, passwordSchema, userSchema } from './users.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const MAX_DAYS = 30

/** Until when the link serves, as a length of time. */
const expiresSchema = z
  .string()
  .regex(/^\d{1,6}(s|m|h|d|w)$/, 'want a length of time from 1m to 30d, such as 7d')
  .refine((text) => {
    const ms = findDuration(text) ?? 0
    return ms >= 60_000 && ms <= MAX_DAYS * DAY_MS
  }, 'want a length of time from 1m to 30d, such as 7d')

/** Names of teams of the organization. */
const teamsSchema = z.array(nameSchema)
const MAX_TEAMS = 50

/** `open` ones can be used; those that are `void` were made by somebody who may not invite any more. */
export const invitationSchema = z
  .strictObject({
    id: idSchema,
    role: roleSchema,
    teams: teamsSchema,
    email: z.string().nullable(),
    state: z.enum(['open', 'accepted', 'revoked', 'expired', 'void']),
    createdBy: z.string(),
    createdAt: timeSchema,
    expiresAt: timeSchema,
    acceptedBy: z.string().nullable(),
  })
  .openapi('Invitation')

/** `teams`: those that whoever comes is then in. `email`: the link is sent there, where the server sends mail. Whoever has the link may use it, whoever it was sent to. */
export const invitationCreateSchema = z
  .strictObject({
    role: roleSchema.default('member'),
    teams: teamsSchema.max(MAX_TEAMS).default([]),
    email: emailSchema.nullable().default(null),
    expires: expiresSchema.default('7d'),
  })
  .openapi('InvitationCreate')

/** `url` is in this answer only. `mail`: what became of the letter; `off` without an address, or where the server sends none. */
export const invitationCreatedSchema = z
  .strictObject({
    id: idSchema,
    organization: nameSchema,
    role: roleSchema,
    teams: teamsSchema,
    email: z.string().nullable(),
    createdBy: z.string(),
    createdAt: timeSchema,
    expiresAt: timeSchema,
    url: z.url(),
    mail: z.enum(['off', 'sent', 'failed']),
    mailProblem: z.string().nullable(),
  })
  .openapi('InvitationCreated')

export const invitationListSchema = listSchema('invitations', invitationSchema).openapi('InvitationList')

/** What the link ends with: `kgm_inv_…`. */
const secretSchema = z.string().min(1).max(200)

export const invitationSecretSchema = z.strictObject({ secret: secretSchema }).openapi('InvitationSecret')

/** `email`: null for none; without it that of the invitation. */
export const invitationRegisterSchema = z
  .strictObject({
    secret: secretSchema,
    username: nameSchema,
    password: passwordSchema,
    displayName: displayNameSchema.optional(),
    email: emailSchema.nullable().optional(),
  })
  .openapi('InvitationRegister')

export const invitationShownSchema = z
  .strictObject({
    organization: nameSchema,
    role: roleSchema,
    teams: teamsSchema,
    email: z.string().nullable(),
    expiresAt: timeSchema,
  })
  .openapi('InvitationShown')

const joined = { organization: nameSchema, role: roleSchema, teams: teamsSchema }

/** `role`: of a member who is more than the invitation says, what they are. */
export const joinedSchema = z.strictObject(joined).openapi('Joined')

export const registeredSchema = z.strictObject({ user: userSchema, ...joined }).openapi('Registered')

export type InvitationCreated = z.infer<typeof invitationCreatedSchema>
export type Invitation = z.infer<typeof invitationSchema>
