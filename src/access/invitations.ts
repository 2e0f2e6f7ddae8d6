/**
 * Invitations by link: whoever has the link joins, once. It speaks with its maker's voice, so it serves as long as the maker may invite
 * (decision record 38). Whatever is wrong with a link, its bearer learns the same, and nothing of the organization.
 */
import type { Database, Queries, Transaction } from '../db/engine/engine.ts'
import { invitationState } from '../db/people/audit-states.ts'
import { findInvitationTeams, insertInvitationTeams } from '../db/people/invitation-teams.ts'
import {
  countInvitations,
  endInvitation,
  findOpenInvitation,
  insertInvitation,
  type ListedInvitation,
  type OpenInvitation,
} from '../db/people/invitations.ts'
import { addMember, findMember } from '../db/people/members.ts'
import { addTeamMember, findTeamsNamed, listTeamIdsOf } from '../db/people/teams.ts'
import type { User } from '../db/people/users.ts'
import { recordAudit } from '../db/platform/audit.ts'
import type { InvitationRow, OrganizationRow, Role } from '../db/schema.ts'
import { AppError } from '../errors.ts'
import { type Clock, isoTime } from '../lib/clock.ts'
import { parseDuration } from '../lib/duration.ts'
import { newId } from '../lib/ids.ts'
import { createSecret, type Secret } from '../lib/secret.ts'
import { type Accounts, type NewUser, orTaken } from './accounts.ts'
import { authorize, ROLES } from './authorize.ts'
import { hashToken, isTokenText, makeTokenText } from './token-text.ts'

const PREFIX = 'kgm_inv_'
/** That can be used at once, in one organization. */
const MAX_OPEN = 100
/** Made within a day, in one organization: each may be a letter to somebody who did not ask for it. */
const MAX_A_DAY = 200
const DAY_MS = 24 * 60 * 60 * 1000
/** How long an invitation that has ended is still listed. */
const KEPT_MS = 30 * DAY_MS

export type { OpenInvitation } from '../db/people/invitations.ts'

export interface NewInvitation {
  readonly organization: Pick<OrganizationRow, 'id' | 'name'>
  readonly createdBy: string
  readonly role: Role
  /** Names of those that it leads into. */
  readonly teams: readonly string[]
  readonly email: string | null
  /** A length of time: `7d`. */
  readonly expires: string
}

/** Makes an invitation; its secret is returned here once, and only its hash is kept. @throws AppError TOOMANYREQUESTS, CONFLICT, NOT_FOUND (a team) */
export async function createInvitation(
  db: Database,
  clock: Clock,
  invitation: NewInvitation,
): Promise<{ readonly row: InvitationRow; readonly secret: Secret }> {
  const { organization, createdBy, role, teams, email, expires } = invitation
  const secret = makeTokenText(PREFIX)
  const now = clock.now()
  const row: InvitationRow = {
    id: newId(),
    organization_id: organization.id,
    role,
    email,
    hash: hashToken(secret),
    created_by: createdBy,
    created_at: isoTime(now),
    expires_at: isoTime(new Date(now.getTime() + parseDuration(expires))),
    ended_at: null,
    outcome: null,
    accepted_by: null,
  }
  const since = isoTime(new Date(now.getTime() - DAY_MS))
  await db.write(async (tx) => {
    const { open, recent } = await countInvitations(tx, organization.id, { at: row.created_at, since })
    if (open >= MAX_OPEN) {
      throw new AppError(
        'CONFLICT',
        `${organization.name} has ${open} open invitations, want at most ${MAX_OPEN}: revoke some`,
        { about: { reason: 'full', what: 'invitation', most: MAX_OPEN } },
      )
    }
    if (recent >= MAX_A_DAY) {
      throw new AppError(
        'TOOMANYREQUESTS',
        `${organization.name} has made ${recent} invitations within a day, want at most ${MAX_A_DAY}`,
      )
    }
    const into = await findTeamsNamed(tx, organization.id, teams)
    await insertInvitation(tx, row, isoTime(new Date(now.getTime() - KEPT_MS)))
    await insertInvitationTeams(tx, row.id, into)
    const after = (await invitationState(tx, organization.id, row.id))?.state ?? null
    await recordAudit(tx, { ...changeOf('create', row), before: null, after })
  })
  return { row, secret: createSecret(secret) }
}

/** What a link opens now. @throws AppError NOT_FOUND, in the same words whatever is wrong with it */
export async function readInvitation(db: Queries, secret: string, now: Date): Promise<OpenInvitation> {
  const found = isTokenText(PREFIX, secret) ? await findOpenInvitation(db, hashToken(secret), isoTime(now)) : undefined
  if (found === undefined || !mayInvite(found)) {
    throw new AppError(
      'NOT_FOUND',
      'this invitation is not valid: it is mistyped, used, revoked or expired; ask whoever sent it for a new one',
      { about: { reason: 'expired', what: 'invitation' } },
    )
  }
  return found
}

type Guest = Pick<User, 'id' | 'username'>

export interface Joined {
  readonly organization: string
  /** Of a member who is more than the invitation says: what they are. */
  readonly role: Role
  /** Names of the teams that it led into. */
  readonly teams: readonly string[]
}

/**
 * Uses the invitation for somebody who has an account. A member of less gets the role of the invitation, and a member of more its teams.
 * @throws AppError NOT_FOUND as `readInvitation`; CONFLICT for a member who would gain nothing, and then the invitation stays
 */
export function acceptInvitation(db: Database, clock: Clock, secret: string, user: Guest): Promise<Joined> {
  return db.write((tx) => join(tx, clock.now(), secret, user))
}

/**
 * Makes an account and joins with it, both or neither.
 * @param o.client who has a share of the queue of hashes
 * @throws AppError NOT_FOUND as `readInvitation`, INVALID_REQUEST, CONFLICT when the name or mail address is taken
 */
export async function joinWithNewAccount(
  db: Database,
  clock: Clock,
  o: { readonly accounts: Accounts; readonly secret: string; readonly user: NewUser; readonly client: string },
): Promise<{ readonly user: User; readonly joined: Joined }> {
  const insert = await o.accounts.prepareUser(o.user, o.client)
  return orTaken(o.user.username, () =>
    db.write(async (tx) => {
      // First, so that whoever has no valid link does not learn which names are taken.
      await readInvitation(tx, o.secret, clock.now())
      const user = await insert(tx)
      return { user, joined: await join(tx, clock.now(), o.secret, user) }
    }),
  )
}

/** The one place where an invitation is used up. */
async function join(tx: Transaction, now: Date, secret: string, user: Guest): Promise<Joined> {
  const { id, organization, ...invited } = await readInvitation(tx, secret, now)
  const organizationId = organization.id
  const member = await findMember(tx, organizationId, user.id)
  const own = await listTeamIdsOf(tx, organizationId, user.id)
  const teams = (await findInvitationTeams(tx, [id])).get(id) ?? []
  const isAsMuch = member !== undefined && ROLES.indexOf(member.role) <= ROLES.indexOf(invited.role)
  if (isAsMuch && teams.every((team) => own.has(team.id))) {
    throw new AppError(
      'CONFLICT',
      `you are ${member.role} of ${organization.name} already${teams.length === 0 ? '' : ', and in its teams'}: the invitation was not used`,
      { about: { reason: 'on-already', what: 'member', name: organization.name } },
    )
  }
  const role = isAsMuch ? member.role : invited.role
  const at = isoTime(now)
  const before = (await invitationState(tx, organizationId, id))?.state ?? null
  await endInvitation(tx, id, { organizationId, at, outcome: 'accepted', acceptedBy: user.id })
  if (!isAsMuch) await addMember(tx, { organizationId, userId: user.id, role, at })
  for (const team of teams) await addTeamMember(tx, { organizationId, teamId: team.id, userId: user.id, at })
  const after = (await invitationState(tx, organizationId, id))?.state ?? null
  await recordAudit(tx, { ...changeOf('accept', { id, organization_id: organizationId }), before, after })
  const object = `user:${user.username}`
  const was = member === undefined ? null : { role: member.role }
  if (!isAsMuch) await recordAudit(tx, { organizationId, action: 'member.put', object, before: was, after: { role } })
  for (const team of teams) {
    if (own.has(team.id)) continue
    const joined = { organizationId, action: 'team.member.add', object: `team:${team.name}/${object}` }
    await recordAudit(tx, { ...joined, before: null, after: { user: user.username } })
  }
  return { organization: organization.name, role, teams: teams.map(({ name }) => name) }
}

function changeOf(verb: string, { id, organization_id }: Pick<InvitationRow, 'id' | 'organization_id'>) {
  return { organizationId: organization_id, action: `invitation.${verb}`, object: `invitation:${id}` }
}

export type InvitationState = 'open' | 'accepted' | 'revoked' | 'expired' | 'void'

/** `void`: whoever made it may not invite any more. */
export function stateOf(invitation: ListedInvitation, now: Date): InvitationState {
  const { row } = invitation
  if (row.outcome !== null) return row.outcome
  if (row.expires_at <= isoTime(now)) return 'expired'
  return mayInvite(invitation) ? 'open' : 'void'
}

function mayInvite(o: { readonly makersRole: Role | undefined; readonly isMakerOperator: boolean }): boolean {
  return authorize({ role: o.makersRole, isOperator: o.isMakerOperator }, 'invitation.manage')
}
