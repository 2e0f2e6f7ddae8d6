import { createRoute } from '@hono/zod-openapi'
import type { OrganizationAction } from '../../access/authorize.ts'
import type { Authenticated } from '../../access/principal.ts'
import { acrossQuerySchema } from '../../api/lists.ts'
import {
  type ReplicationRule,
  replicationRuleAnswerSchema,
  replicationRuleListSchema,
  replicationRulePlanAnswerSchema,
  replicationRuleStartSchema,
} from '../../api/replications.ts'
import { idParameterSchema, nameSchema, z } from '../../api/schema.ts'
import type { Database, Queries } from '../../db/engine/engine.ts'
import { newestRuleState, ruleState } from '../../db/replication/audit-states.ts'
import type { ReplicationRules } from '../../replication/rules.ts'
import { actorOf, allowAcross, allowInOrganization, type Granted } from './decide.ts'
import { body, done, newRoutes, ok, type Routes, refused } from './route.ts'

const tags = ['replications']
const params = z.strictObject({ organization: nameSchema, rule: idParameterSchema })
const path = '/replication-rules/{organization}/{rule}'

const list = createRoute({
  method: 'get',
  path: '/replication-rules',
  tags,
  summary: 'List the rules by which repositories of your organizations are replicated',
  request: { query: acrossQuerySchema },
  responses: ok('One page, oldest first', replicationRuleListSchema),
})

const start = createRoute({
  method: 'post',
  path: '/replication-rules',
  tags,
  summary: 'Replicate all repositories that a glob takes, new ones as they appear (owners)',
  description: 'The replications are started in the background. What was stopped by hand stays so.',
  request: { body: body(replicationRuleStartSchema) },
  responses: {
    200: {
      description: 'The plan; nothing was changed',
      content: { 'application/json': { schema: replicationRulePlanAnswerSchema } },
    },
    201: { description: 'Begun', content: { 'application/json': { schema: replicationRuleAnswerSchema } } },
    ...refused,
  },
})

const show = createRoute({
  method: 'get',
  path,
  tags,
  summary: 'Show a rule',
  request: { params },
  responses: ok('The rule', replicationRuleAnswerSchema),
})

const stop = createRoute({
  method: 'delete',
  path,
  tags,
  summary: 'End a rule (owners); its replications go on',
  request: { params },
  responses: done('Ended'),
})

interface Deps {
  readonly db: Database
  readonly replicationRules: ReplicationRules
}

export function replicationRuleRoutes({ db, replicationRules: rules }: Deps): Routes {
  type Path = { req: { valid(target: 'param'): { organization: string; rule: string } } }
  const allow =
    (action: OrganizationAction, what: string) =>
    async (who: Authenticated, c: Path): Promise<Granted<{ readonly rule: ReplicationRule }>> => {
      const { organization, rule: id } = c.req.valid('param')
      const granted = await allowInOrganization(db, who, organization, action, what)
      return { ...granted, rule: await rules.show(id, granted.organization.id) }
    }
  return newRoutes()
    .serve(
      list,
      (who, c) => allowAcross(db, who, c.req.valid('query').organization, 'replication-rule.read'),
      async (c, { organizations }) => {
        const { limit, after } = c.req.valid('query')
        const page = await rules.list({ organizationIds: organizations.map(({ id }) => id), limit, after })
        return c.json({ rules: [...page.rules], next: page.next }, 200)
      },
    )
    .change(
      start,
      (who, c) =>
        allowInOrganization(db, who, c.req.valid('json').organization, 'replication-rule.manage', 'start replications'),
      {
        action: 'replication-rule.start',
        on: (c) => {
          const { organization, target } = c.req.valid('json')
          return { organization, object: `target:${target}` }
        },
        read: (db, c, { organization }) => newestRuleState(db, organization.id, c.req.valid('json').target),
      },
      async (c) => {
        const { dryRun, ...request } = c.req.valid('json')
        if (dryRun) return c.json({ plan: await rules.plan(request) }, 200)
        return c.json({ rule: await rules.start({ ...request, by: actorOf(c.var.who) }) }, 201)
      },
    )
    .serve(show, allow('replication-rule.read', 'see rules of replications'), async (c, { rule }) =>
      c.json({ rule }, 200),
    )
    .change(
      stop,
      allow('replication-rule.manage', 'end rules of replications'),
      {
        action: 'replication-rule.stop',
        on: (c) => {
          const { organization, rule } = c.req.valid('param')
          return { organization, object: `replication-rule:${rule}` }
        },
        read: (db: Queries, c) => ruleState(db, c.req.valid('param').rule),
      },
      async (c, { rule }) => {
        await rules.stop(rule.id)
        return c.body(null, 204)
      },
    )
}
