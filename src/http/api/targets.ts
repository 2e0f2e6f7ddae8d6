import { createRoute } from '@hono/zod-openapi'
import type { Authenticated } from '../../access/principal.ts'
import { decideInstance } from '../../access/rights.ts'
import { acrossQuerySchema } from '../../api/lists.ts'
import type { Budget } from '../../api/rates.ts'
import { nameSchema, z } from '../../api/schema.ts'
import {
  type Target,
  targetAnswerSchema,
  targetChangeAnswerSchema,
  targetChangeSchema,
  targetCreateSchema,
  targetListSchema,
  targetShowSchema,
} from '../../api/targets.ts'
import { addTarget, type CheckTarget, changeTarget, getOwnTarget, kindOf } from '../../catalog/targets.ts'
import type { Database, Queries } from '../../db/engine/engine.ts'
import { targetState } from '../../db/replication/audit-states.ts'
import {
  listSentTo,
  listTargets,
  removeTarget,
  signInOf,
  type TargetRecord,
  targetCursor,
  targetRatesOf,
} from '../../db/replication/targets.ts'
import type { OrganizationRow, TargetRow } from '../../db/schema.ts'
import type { Sealer } from '../../lib/seal.ts'
import { createSecret } from '../../lib/secret.ts'
import { readPage } from '../../lib/weighed-page.ts'
import { actorOf, allowAcross, allowInOrganization, allowList, allowOnInstance } from './decide.ts'
import { body, created, done, keepOpen, newRoutes, ok, type Routes } from './route.ts'

const tags = ['targets']

const list = createRoute({
  method: 'get',
  path: '/targets',
  tags,
  summary: 'List the targets that your organizations may replicate to',
  request: { query: acrossQuerySchema },
  responses: ok('One page, by name', targetListSchema),
})

const create = createRoute({
  method: 'post',
  path: '/targets',
  tags,
  summary: 'Add a target (owners; shared ones: operators)',
  request: { body: body(targetCreateSchema) },
  responses: created('The target; its password is never shown', targetAnswerSchema),
})

const one = {
  params: z.strictObject({ target: nameSchema }),
  query: z.strictObject({ organization: nameSchema.optional().describe('Left out: a shared one') }),
}

const show = createRoute({
  method: 'get',
  path: '/targets/{target}',
  tags,
  summary: 'Show a target, and what is left of its budget (owners; shared ones: operators)',
  request: one,
  responses: ok('The target; its password is never shown', targetShowSchema),
})

const change = createRoute({
  method: 'patch',
  path: '/targets/{target}',
  tags,
  summary: 'Change address, login or trust of a target (owners; shared ones: operators)',
  description: 'Its replications go on, with the new settings from their next run on. What is left out stays.',
  request: { ...one, body: body(targetChangeSchema) },
  responses: ok('The target; its password is never shown', targetChangeAnswerSchema),
})

const remove = createRoute({
  method: 'delete',
  path: '/targets/{target}',
  tags,
  summary: 'Remove a target that no replication writes to; what is there stays',
  request: one,
  responses: done('Removed'),
})

/** A request about one target. */
type One = {
  readonly req: { valid(target: 'query'): { readonly organization?: string | undefined } }
} & { readonly req: { valid(target: 'param'): { readonly target: string } } }

interface Deps {
  readonly db: Database
  readonly sealer: Sealer
  readonly checkTarget: CheckTarget
  /** @param organizations ids of those whose waiting requests are told; undefined: all */
  budgetOfTarget(target: TargetRow, organizations: readonly string[] | undefined): Promise<Budget>
}

export function targetRoutes({ db, sealer, checkTarget, budgetOfTarget }: Deps): Routes {
  type Query = { req: { valid(target: 'query'): { readonly organization?: string | undefined } } }
  /** Shared targets are for members of some organization, and for those who share them. */
  const allowSeen = async (who: Authenticated, c: Query) => {
    const granted = await allowAcross(db, who, c.req.valid('query').organization, 'target.read')
    const isSharer = (await decideInstance(db.read, who, 'target.share')).allowed
    return { ...granted, isSharer, seesShared: granted.organizations.length > 0 || granted.isOperator }
  }
  const allowManage = async (who: Authenticated, name: string | null | undefined, what: string) => {
    if (name !== null && name !== undefined) {
      return allowInOrganization(db, who, name, 'target.manage', `${what} targets`)
    }
    return { ...(await allowOnInstance(db, who, 'target.share', `${what} shared targets`)), organization: undefined }
  }
  /** With the organizations whose repositories may be named. */
  const allowChange = async (who: Authenticated, c: Query) => {
    const granted = await allowManage(who, c.req.valid('query').organization, 'change')
    const { organization } = granted
    const seen = await allowList(db, who, organization?.name, 'repositories')
    return { ...granted, organization, seen: seen.organizations, viewer: seen.viewer }
  }
  const audit = (action: string) => ({
    action,
    on: (c: One) => {
      return { organization: c.req.valid('query').organization, object: `target:${c.req.valid('param').target}` }
    },
    read: (db: Queries, c: One, { organization }: { readonly organization: OrganizationRow | undefined }) =>
      targetState(db, organization?.id ?? null, c.req.valid('param').target),
  })
  return newRoutes()
    .serve(list, allowSeen, async (c, { organizations, seesShared, isSharer }) => {
      const { limit, after } = c.req.valid('query')
      const organizationIds = organizations.map(({ id }) => id)
      const { items, next } = await readPage({
        limit,
        after,
        read: (from, count) => listTargets(db.read, { organizationIds, seesShared, limit: count, after: from }),
        keyOf: targetCursor,
      })
      return c.json({ targets: items.map((row) => targetOf(row, isSharer)), next }, 200)
    })
    .change(
      create,
      (who, c) => allowManage(who, c.req.valid('json').organization, 'add'),
      {
        action: 'target.create',
        on: (c) => {
          const { organization, name } = c.req.valid('json')
          return { organization, object: `target:${name}` }
        },
        read: (db, c, { organization }) => targetState(db, organization?.id ?? null, c.req.valid('json').name),
      },
      async (c, { organization }) => {
        const { organization: named, username, password, check, ...rest } = c.req.valid('json')
        const credential =
          username === undefined || password === undefined ? null : { username, password: createSecret(password) }
        if (check) keepOpen(c)
        const added = await addTarget(
          db,
          sealer,
          { ...rest, organization, credential },
          check ? { run: checkTarget, signal: c.req.raw.signal } : undefined,
        )
        return c.json({ target: targetOf({ ...added.row, organization: named }, true), check: added.findings }, 201)
      },
    )
    .serve(
      show,
      (who, c) => allowManage(who, c.req.valid('query').organization, 'look at'),
      async (c, { organization: owner }) => {
        const row = await getOwnTarget(db.read, owner?.id ?? null, c.req.valid('param').target)
        const budget = await budgetOfTarget(row, owner === undefined ? undefined : [owner.id])
        return c.json({ target: targetOf({ ...row, organization: owner?.name ?? null }, true), budget }, 200)
      },
    )
    .change(change, allowChange, audit('target.change'), async (c, { organization: owner, seen, viewer }) => {
      const { target: name } = c.req.valid('param')
      const { username, password, check, dryRun, ...rest } = c.req.valid('json')
      const credential = typeof password === 'string' ? { username, password: createSecret(password) } : password
      if (check) keepOpen(c)
      const changed = await changeTarget(
        db,
        sealer,
        { organizationId: owner?.id ?? null, name, actor: actorOf(c.var.who) },
        { ...rest, credential },
        check ? { run: checkTarget, signal: c.req.raw.signal } : undefined,
        { isDryRun: dryRun },
      )
      const organizationIds = seen.map(({ id }) => id)
      const answer = {
        target: targetOf({ ...changed.row, organization: owner?.name ?? null }, true),
        check: changed.findings,
        repositories: await listSentTo(db.read, changed.row.id, organizationIds, viewer),
        isOtherPlace: changed.isOtherPlace,
        changes: changed.changes,
      }
      return c.json(answer, 200)
    })
    .change(
      remove,
      (who: Authenticated, c: Query) => allowManage(who, c.req.valid('query').organization, 'remove'),
      audit('target.remove'),
      async (c, { organization: owner }) => {
        const { target: name } = c.req.valid('param')
        await db.write(async (tx) => removeTarget(tx, await getOwnTarget(tx, owner?.id ?? null, name)))
        return c.body(null, 204)
      },
    )
}

/** Whom a shared target is signed in to as, and what its operator trusts, is for those who share targets. */
function targetOf(row: TargetRecord, isSharer: boolean): Target {
  const isHidden = row.organization === null && !isSharer
  const signIn = signInOf(row)
  return {
    name: row.name,
    url: row.url,
    organization: row.organization,
    kind: kindOf(row),
    signIn: isHidden ? { by: signIn.by } : signIn,
    username: isHidden ? null : row.username,
    plainHttp: row.plain_http === 1,
    ca: isHidden ? null : row.ca,
    maxRate: targetRatesOf(row),
    createdAt: row.created_at,
  }
}
