import { createRoute } from '@hono/zod-openapi'
import type { Accounts } from '../../access/accounts.ts'
import {
  acceptInvitation,
  createInvitation,
  joinWithNewAccount,
  type OpenInvitation,
  stateOf,
} from '../../access/invitations.ts'
import { networkOf } from '../../access/login-limit.ts'
import type { Authenticated } from '../../access/principal.ts'
import {
  invitationCreatedSchema,
  invitationCreateSchema,
  invitationListSchema,
  invitationRegisterSchema,
  invitationSecretSchema,
  invitationShownSchema,
  joinedSchema,
  registeredSchema,
} from '../../api/invitations.ts'
import { listQuerySchema } from '../../api/lists.ts'
import { idParameterSchema, nameSchema, z } from '../../api/schema.ts'
import type { Database, Queries } from '../../db/engine/engine.ts'
import { invitationState } from '../../db/people/audit-states.ts'
import { endInvitation, type ListedInvitation, listInvitations } from '../../db/people/invitations.ts'
import type { OrganizationRow } from '../../db/schema.ts'
import { AppError, isAppError } from '../../errors.ts'
import { type Clock, isoTime } from '../../lib/clock.ts'
import type { Logger } from '../../lib/logger.ts'
import { actingAs } from '../../lib/request-context.ts'
import { createSecret } from '../../lib/secret.ts'
import { cutPage } from '../../lib/weighed-page.ts'
import type { Mailer } from '../../net/mail.ts'
import { clientAddress } from '../client-address.ts'
import { publicUrl } from '../public-url.ts'
import { allowInOrganization, allowInvitation, allowOnInstance, callerOf } from './decide.ts'
import { letterOf } from './invitation-letter.ts'
import { body, created, done, newRoutes, ok, type Routes } from './route.ts'

const tags = ['invitations']
const pathSchema = z.strictObject({ organization: nameSchema })

const list = createRoute({
  method: 'get',
  path: '/organizations/{organization}/invitations',
  tags,
  summary: 'List the invitations of an organization, those that ended within 30 days too (owners)',
  request: { params: pathSchema, query: listQuerySchema },
  responses: ok('One page', invitationListSchema),
})

const create = createRoute({
  method: 'post',
  path: '/organizations/{organization}/invitations',
  tags,
  summary: 'Invite somebody by a link that serves once (owners)',
  description:
    'The link serves until it expires or is revoked, and only as long as whoever made it may invite. At most 100 open ones an organization, and 200 a day.',
  request: { params: pathSchema, body: body(invitationCreateSchema) },
  responses: created('The invitation with its link, shown this once', invitationCreatedSchema),
})

const revoke = createRoute({
  method: 'delete',
  path: '/organizations/{organization}/invitations/{invitation}',
  tags,
  summary: 'Revoke an invitation (owners): its link serves no more',
  request: { params: z.strictObject({ organization: nameSchema, invitation: idParameterSchema }) },
  responses: done('Revoked'),
})

const show = createRoute({
  method: 'post',
  path: '/invitations/show',
  tags,
  summary: 'What a link invites to; needs no account',
  security: [],
  request: { body: body(invitationSecretSchema) },
  responses: ok('The invitation', invitationShownSchema),
})

const accept = createRoute({
  method: 'post',
  path: '/invitations/accept',
  tags,
  summary: 'Join by a link, with the account that you are signed in with',
  request: { body: body(invitationSecretSchema) },
  responses: ok('What you joined', joinedSchema),
})

const register = createRoute({
  method: 'post',
  path: '/invitations/register',
  tags,
  summary: 'Make an account by a link, and join with it; needs no account',
  security: [],
  request: { body: body(invitationRegisterSchema) },
  responses: created('The account, and what it joined', registeredSchema),
})

export interface InvitationDeps {
  readonly db: Database
  readonly accounts: Accounts
  readonly clock: Clock
  readonly logger: Logger
  readonly publicUrl: string | undefined
  /** Undefined: this server sends no mail. */
  readonly mailer: Mailer | undefined
}

export function invitationRoutes(deps: InvitationDeps): Routes {
  const { db, accounts, clock, logger, mailer } = deps
  const allow =
    (what: string) => async (who: Authenticated, c: { req: { valid(target: 'param'): { organization: string } } }) => {
      const granted = await allowInOrganization(db, who, c.req.valid('param').organization, 'invitation.manage', what)
      return { ...granted, caller: callerOf(who) }
    }
  const bySecret = (_who: Authenticated, c: { req: { valid(target: 'json'): { secret: string } } }) =>
    allowInvitation(db, c.req.valid('json').secret, clock.now())

  type InOrganization = { req: { valid(target: 'param'): { readonly organization: string } } }
  type Named = { req: { valid(target: 'param'): { readonly organization: string; readonly invitation: string } } }
  const auditCreate = {
    action: 'invitation.create',
    on: (c: InOrganization) => ({ ...c.req.valid('param'), object: 'invitation' }),
    // Its id is made on the way.
    read: undefined,
  }
  const auditRevoke = {
    action: 'invitation.revoke',
    on: (c: Named) => {
      const { organization, invitation } = c.req.valid('param')
      return { organization, object: `invitation:${invitation}` }
    },
    read: (queries: Queries, c: Named, { organization }: { readonly organization: Pick<OrganizationRow, 'id'> }) =>
      invitationState(queries, organization.id, c.req.valid('param').invitation),
  }
  /** Which one, and of which organization, only the link says. */
  const byLink = (verb: string) => ({
    action: `invitation.${verb}`,
    on: () => ({ organization: null, object: 'invitation' }),
    read: undefined,
  })

  /** The invitation is there whatever becomes of its letter. */
  async function mail(to: string | null, letter: { readonly subject: string; readonly text: string }) {
    if (to === null || mailer === undefined) return { mail: 'off', mailProblem: null } as const
    try {
      await mailer.send({ to, ...letter })
      return { mail: 'sent', mailProblem: null } as const
    } catch (error) {
      logger.warn({ error: String(error) }, 'an invitation could not be sent by mail')
      // What is wrong with the operator's server is for the operator, who has it in the log.
      const isRefused = isAppError(error, 'UPSTREAM_DENIED')
      return { mail: 'failed', mailProblem: isRefused ? error.message : 'the mail server cannot be used now' } as const
    }
  }

  return (
    newRoutes()
      .serve(list, allow('list invitations'), async (c, { organization }) => {
        const { limit, after } = c.req.valid('query')
        const rows = await listInvitations(db.read, organization.id, { limit: limit + 1, after })
        const { items, next } = cutPage(rows, limit, ({ row }) => row.id)
        return c.json({ invitations: items.map((one) => viewOf(one, clock.now())), next }, 200)
      })
      .change(create, allow('invite'), auditCreate, async (c, { organization, caller }) => {
        const base = publicUrl(c.req.raw, deps.publicUrl)
        const asked = c.req.valid('json')
        const { row, secret } = await createInvitation(db, clock, { organization, createdBy: caller.userId, ...asked })
        // Behind `#`, so that no server, proxy or scanner of links on the way sees the secret.
        const url = `${base}/invitations#${secret.reveal()}`
        const { id, role, email, created_at: createdAt, expires_at: expiresAt } = row
        const teams = [...new Set(asked.teams)].sort()
        const shown = { organization: organization.name, role, teams, expiresAt, url }
        const mailed = await mail(email, letterOf({ ...shown, from: caller.username }))
        return c.json({ id, ...shown, email, createdBy: caller.username, createdAt, ...mailed }, 201)
      })
      .change(revoke, allow('revoke invitations'), auditRevoke, async (c, { organization }) => {
        const { invitation: id } = c.req.valid('param')
        const ending = { organizationId: organization.id, at: isoTime(clock.now()), outcome: 'revoked' } as const
        if (!(await db.write((tx) => endInvitation(tx, id, ending)))) {
          throw new AppError('NOT_FOUND', `${organization.name} has no invitation ${id} that could be revoked`, {
            about: { reason: 'absent', what: 'invitation' },
          })
        }
        return c.body(null, 204)
      })
      // It changes nothing: the method keeps the secret out of addresses.
      .change(show, bySecret, byLink('show'), async (c, { invitation }) => c.json(shownOf(invitation), 200))
      .change(
        accept,
        (who) => allowOnInstance(db, who, 'profile.manage', 'accept an invitation'),
        byLink('accept'),
        async (c, { userId: id, username }) => {
          const joined = await acceptInvitation(db, clock, c.req.valid('json').secret, { id, username })
          return c.json({ ...joined, teams: [...joined.teams] }, 200)
        },
      )
      .change(register, bySecret, byLink('accept'), async (c, { invitation }) => {
        const { secret, username, password, displayName, email = invitation.email } = c.req.valid('json')
        const account = { username, password: createSecret(password), displayName, email: email ?? undefined }
        const client = networkOf(clientAddress(c.req.raw, c.env))
        const join = () => joinWithNewAccount(db, clock, { accounts, secret, user: account, client })
        const { user, joined } = await actingAs(`user:${username}`, join)
        return c.json({ user: { id: user.id, username, operator: false }, ...joined, teams: [...joined.teams] }, 201)
      })
  )
}

function viewOf(listed: ListedInvitation, now: Date) {
  const { id, role, email, created_at: createdAt, expires_at: expiresAt } = listed.row
  const { createdBy, acceptedBy } = listed
  const teams = [...listed.teams]
  return { id, role, teams, email, state: stateOf(listed, now), createdBy, createdAt, expiresAt, acceptedBy }
}

function shownOf({ organization, role, teams, email, expiresAt }: OpenInvitation) {
  return { organization: organization.name, role, teams: [...teams], email, expiresAt }
}
