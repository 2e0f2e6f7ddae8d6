import { createRoute } from '@hono/zod-openapi'
import type { Authenticated } from '../../access/principal.ts'
import { viewerOf } from '../../access/rights.ts'
import { listQuerySchema } from '../../api/lists.ts'
import {
  type Organization,
  organizationAnswerSchema,
  organizationChangeSchema,
  organizationCreateSchema,
  organizationDeleteQuerySchema,
  organizationListSchema,
  organizationLossesSchema,
  type Role,
} from '../../api/organizations.ts'
import { nameSchema, z } from '../../api/schema.ts'
import { summarizeOrganization } from '../../db/content/repository-summaries.ts'
import type { Database, Queries } from '../../db/engine/engine.ts'
import { organizationState } from '../../db/mirrors/audit-states.ts'
import { endQuotaPauses } from '../../db/mirrors/life.ts'
import { closeOrganization, countLosses } from '../../db/mirrors/organization-ends.ts'
import { addMember } from '../../db/people/members.ts'
import {
  createOrganization,
  listOrganizations,
  setDisplayName,
  setMembersPull,
  setOrganizationQuota,
} from '../../db/people/organizations.ts'
import type { Viewer } from '../../db/people/visible-repositories.ts'
import { recordAudit } from '../../db/platform/audit.ts'
import { appendEvents } from '../../db/platform/events.ts'
import { listReplicationIds } from '../../db/replication/life.ts'
import type { OrganizationRow } from '../../db/schema.ts'
import { AppError } from '../../errors.ts'
import { isoTime, systemClock } from '../../lib/clock.ts'
import { forEachConcurrent } from '../../lib/concurrency.ts'
import { cutPage } from '../../lib/weighed-page.ts'
import type { MirrorEngine } from '../../mirror/engine.ts'
import { isOrganizationName } from '../../oci/account-names.ts'
import type { Replications } from '../../replication/engine.ts'
import { actorOf, allowAcross, allowInOrganization, allowOnInstance } from './decide.ts'
import { body, created, done, newRoutes, ok, type Routes } from './route.ts'

const tags = ['organizations']

const list = createRoute({
  method: 'get',
  path: '/organizations',
  tags,
  summary: 'List your organizations; all of them for operators',
  request: { query: listQuerySchema },
  responses: ok('One page, by name', organizationListSchema),
})

const create = createRoute({
  method: 'post',
  path: '/organizations',
  tags,
  summary: 'Create an organization and become its owner (operators)',
  request: { body: body(organizationCreateSchema) },
  responses: created('The organization', organizationAnswerSchema),
})

const show = createRoute({
  method: 'get',
  path: '/organizations/{organization}',
  tags,
  summary: 'Show an organization',
  request: { params: z.strictObject({ organization: nameSchema }) },
  responses: ok('The organization', organizationAnswerSchema),
})

const change = createRoute({
  method: 'patch',
  path: '/organizations/{organization}',
  tags,
  summary:
    'Change the quota of an organization (operators), its display name, or what its members pull without a team (owners)',
  request: { params: z.strictObject({ organization: nameSchema }), body: body(organizationChangeSchema) },
  responses: ok('The organization', organizationAnswerSchema),
})

const losses = createRoute({
  method: 'get',
  path: '/organizations/{organization}/deletion',
  tags,
  summary: 'Show what would be lost with an organization (owners, operators)',
  request: { params: z.strictObject({ organization: nameSchema }) },
  responses: ok('What would be lost', organizationLossesSchema),
})

const remove = createRoute({
  method: 'delete',
  path: '/organizations/{organization}',
  tags,
  summary: 'Delete an organization (owners, operators)',
  description:
    'It is there for nobody from the answer on, and none of its tokens opens anything; its content is removed in the background. Its name stays taken.',
  request: { params: z.strictObject({ organization: nameSchema }), query: organizationDeleteQuerySchema },
  responses: done('It is deleted'),
})

/** Runs of a deleted organization that are ended together. */
const HALTED_AT_ONCE = 8

export function organizationRoutes({
  db,
  mirrors: engine,
  replications,
}: {
  readonly db: Database
  readonly mirrors: Pick<MirrorEngine, 'wake'>
  readonly replications: Pick<Replications, 'halt'>
}): Routes {
  const describe = async (
    row: OrganizationRow,
    role: Role | null,
    /** Undefined: all of it is seen. */
    viewer: Viewer | undefined,
  ): Promise<Organization> => ({
    name: row.name,
    displayName: row.display_name,
    role,
    ...(await summarizeOrganization(db.read, row.id, viewer)),
    quotaBytes: viewer === undefined ? row.quota_bytes : null,
    membersPull: row.members_pull,
    createdAt: row.created_at,
  })
  type Changing = { req: { valid(target: 'json'): z.infer<typeof organizationChangeSchema> } }
  type Named = { req: { valid(target: 'param'): { readonly organization: string } } }
  const allowOwn = async (who: Authenticated) => {
    const granted = await allowAcross(db, who, undefined, 'organization.read')
    return { ...granted, viewer: await viewerOf(db.read, who, 'repository.pull') }
  }
  const allowCreate = (who: Authenticated) => allowOnInstance(db, who, 'organization.create', 'create organizations')
  const allowShow = async (who: Authenticated, c: Named) => {
    const { organization } = c.req.valid('param')
    const granted = await allowInOrganization(db, who, organization, 'organization.read', 'look')
    return { ...granted, viewer: granted.seesAll ? undefined : await viewerOf(db.read, who, 'repository.pull') }
  }
  /** A quota is the operator's to give, the rest its owners'. */
  const allowChange = async (who: Authenticated, c: Named & Changing) => {
    const { quotaBytes, membersPull, displayName } = c.req.valid('json')
    if (quotaBytes !== undefined) await allowOnInstance(db, who, 'organization.create', 'change quotas')
    const { organization } = c.req.valid('param')
    for (const [given, what] of [
      [displayName, 'change the display name'],
      [membersPull, 'change what members pull'],
    ]) {
      if (given !== undefined) await allowInOrganization(db, who, organization, 'organization.change', `${what}`)
    }
    return allowShow(who, c)
  }
  const auditCreate = {
    action: 'organization.create',
    on: (c: { req: { valid(target: 'json'): { readonly name: string } } }) => {
      return { organization: null, object: c.req.valid('json').name }
    },
    read: (db: Queries, c: { req: { valid(target: 'json'): { readonly name: string } } }) =>
      organizationState(db, c.req.valid('json').name),
  }
  const auditChange = {
    action: 'organization.change',
    on: (c: Named) => {
      const { organization } = c.req.valid('param')
      return { organization, object: organization }
    },
    read: (db: Queries, c: Named) => organizationState(db, c.req.valid('param').organization),
  }
  const allowDelete = (who: Authenticated, c: Named) =>
    allowInOrganization(db, who, c.req.valid('param').organization, 'organization.delete', 'delete')
  return newRoutes()
    .serve(list, allowOwn, async (c, { organizations: own, isOperator, viewer }) => {
      const { limit, after } = c.req.valid('query')
      const ownById = new Map(own.map((row) => [row.id, row]))
      const rows = isOperator
        ? await listOrganizations(db.read, { limit: limit + 1, after })
        : own.filter(({ name }) => after === undefined || name > after).slice(0, limit + 1)
      const { items, next } = cutPage(rows, limit, (row) => row.name)
      const organizations: Organization[] = []
      for (const row of items) {
        const known = ownById.get(row.id)
        const seesAll = isOperator || known?.seesAll === true
        organizations.push(await describe(row, known?.role ?? null, seesAll ? undefined : viewer))
      }
      return c.json({ organizations, next }, 200)
    })
    .change(create, allowCreate, auditCreate, async (c, { userId }) => {
      const { name, displayName, quotaBytes, reuseName } = c.req.valid('json')
      if (!isOrganizationName(name)) {
        throw new AppError(
          'INVALID_REQUEST',
          `name: got ${JSON.stringify(name)}, want one component of a repository name`,
          { about: { reason: 'invalid', what: 'organization', where: 'name' } },
        )
      }
      const at = isoTime(systemClock.now())
      const row = await db.write(async (tx) => {
        const { row, isNew } = await createOrganization(tx, { name, at, reuseName })
        if (!isNew)
          throw new AppError('CONFLICT', `there is an organization ${name} already`, {
            about: { reason: 'taken', what: 'organization', name },
          })
        if (quotaBytes !== null) await setOrganizationQuota(tx, row.id, quotaBytes)
        if (displayName !== '') await setDisplayName(tx, row.id, displayName)
        await addMember(tx, { organizationId: row.id, userId, role: 'owner', at })
        return { ...row, quota_bytes: quotaBytes, display_name: displayName }
      })
      return c.json({ organization: await describe(row, 'owner', undefined) }, 201)
    })
    .serve(show, allowShow, async (c, { organization, role, viewer }) =>
      c.json({ organization: await describe(organization, role ?? null, viewer) }, 200),
    )
    .serve(losses, allowDelete, async (c, { organization }) =>
      c.json({ losses: await countLosses(db.read, organization.id) }, 200),
    )
    .change(
      remove,
      allowDelete,
      {
        action: 'organization.delete',
        on: (c) => {
          const { organization } = c.req.valid('param')
          return { organization, object: organization }
        },
        // Told in the instance's log: nobody reads its own any more.
        read: undefined,
      },
      async (c, { organization: { id, name, display_name: displayName } }) => {
        const { confirm, withRepositories } = c.req.valid('query')
        if (confirm !== name) {
          const got = confirm === undefined ? 'nothing' : JSON.stringify(confirm)
          throw new AppError('INVALID_REQUEST', `confirm: got ${got}, want ${name}: it is deleted with all that it has`)
        }
        const lost = await countLosses(db.read, id)
        const sentOn = await listReplicationIds(db.read, { organizationId: id })
        await db.write(async (tx) => {
          await closeOrganization(tx, id, {
            at: isoTime(systemClock.now()),
            withRepositories: withRepositories === 'true',
          })
          const before = { displayName, ...lost }
          await recordAudit(tx, {
            organizationId: null,
            action: 'organization.delete',
            object: name,
            before,
            after: null,
          })
        })
        // Nothing more is sent from here; other servers find out at their next look.
        await forEachConcurrent(sentOn, HALTED_AT_ONCE, (one) => replications.halt(one))
        return c.body(null, 204)
      },
    )
    .change(change, allowChange, auditChange, async (c, { organization, role, viewer }) => {
      const given = c.req.valid('json')
      const { quotaBytes = organization.quota_bytes, membersPull = organization.members_pull } = given
      const { displayName = organization.display_name } = given
      // Mirrors that were paused for want of room are tried at once.
      await db.write(async (tx) => {
        if (quotaBytes !== organization.quota_bytes) await setOrganizationQuota(tx, organization.id, quotaBytes)
        if (displayName !== organization.display_name) await setDisplayName(tx, organization.id, displayName)
        if (membersPull !== organization.members_pull) await setMembersPull(tx, organization.id, membersPull)
        const by = { actor: actorOf(c.var.who), at: isoTime(systemClock.now()) }
        const before = organization.quota_bytes ?? Number.POSITIVE_INFINITY
        const isRaised = (quotaBytes ?? Number.POSITIVE_INFINITY) > Number(before)
        if (isRaised) await appendEvents(tx, await endQuotaPauses(tx, organization.id, by))
      })
      engine.wake()
      const after = { ...organization, quota_bytes: quotaBytes, members_pull: membersPull, display_name: displayName }
      return c.json({ organization: await describe(after, role ?? null, viewer) }, 200)
    })
}
