import { createRoute } from '@hono/zod-openapi'
import { viewerOf } from '../../access/rights.ts'
import { nameSchema, z } from '../../api/schema.ts'
import { usageAnswerSchema, usageQuerySchema } from '../../api/usage.ts'
import {
  findStoredBefore,
  listOrganizationPeriods,
  listRepositoryPeriods,
  sumVisiblePeriods,
} from '../../db/content/periods.ts'
import { measureRepositories } from '../../db/content/repository-summaries.ts'
import { readUsage } from '../../db/content/usage.ts'
import type { Database } from '../../db/engine/engine.ts'
import { systemClock } from '../../lib/clock.ts'
import { fillSpan, MAX_COUNT, spanOf } from '../../registry/usage.ts'
import { allowInOrganization, allowOnRepository, nameOf } from './decide.ts'
import { repositoryPathSchema } from './repositories.ts'
import { newRoutes, ok, type Routes } from './route.ts'

const description = 'Pulls are added up every few seconds; the storage of a day is noted once, and when it changes.'

const ofOrganization = createRoute({
  method: 'get',
  path: '/organizations/{organization}/usage',
  tags: ['organizations'],
  summary: 'Show what was pulled from an organization, and what it stored, by day or hour',
  description: `${description} Whoever sees only a part of its repositories gets the pulls of that part, of at most 92 days.`,
  request: { params: z.strictObject({ organization: nameSchema }), query: usageQuerySchema },
  responses: ok('Hours or days, oldest first', usageAnswerSchema),
})

const ofRepository = createRoute({
  method: 'get',
  path: '/repositories/{organization}/{name}/usage',
  tags: ['repositories'],
  summary: 'Show what was pulled from a repository, and what it stored, by day or hour (members)',
  description,
  request: { params: repositoryPathSchema, query: usageQuerySchema },
  responses: ok('Hours or days, oldest first', usageAnswerSchema),
})

/** Days that are added up anew for who sees a part: each costs a row of each repository. */
const MAX_DAYS_OF_PART = 92

export function usageRoutes({ db }: { readonly db: Database }): Routes {
  return newRoutes()
    .serve(
      ofOrganization,
      async (who, c) => {
        const { organization } = c.req.valid('param')
        const granted = await allowInOrganization(db, who, organization, 'organization.read', 'look')
        return { ...granted, viewer: granted.seesAll ? undefined : await viewerOf(db.read, who, 'repository.history') }
      },
      async (c, { organization, viewer }) => {
        const now = systemClock.now()
        const query = c.req.valid('query')
        if (viewer !== undefined) {
          const span = spanOf(query, now, Math.min(MAX_COUNT[query.per], query.per === 'day' ? MAX_DAYS_OF_PART : 48))
          const known = await sumVisiblePeriods(db.read, organization.id, viewer, span)
          return c.json(fillSpan(span, known, { storedBefore: null, storedNow: undefined, now }), 200)
        }
        const span = spanOf(query, now)
        const known = await listOrganizationPeriods(db.read, organization.id, span)
        const storedBefore = await findStoredBefore(db.read, { organizationId: organization.id }, span.from)
        const { linkedBytes: storedNow } = await readUsage(db.read, organization.id)
        return c.json(fillSpan(span, known, { storedBefore, storedNow, now }), 200)
      },
    )
    .serve(
      ofRepository,
      (who, c) => allowOnRepository(db, who, nameOf(c.req.valid('param')), 'history', 'see the usage of'),
      async (c, { repository }) => {
        const now = systemClock.now()
        const span = spanOf(c.req.valid('query'), now)
        const known = await listRepositoryPeriods(db.read, repository.id, span)
        const storedBefore = await findStoredBefore(db.read, { repositoryId: repository.id }, span.from)
        const storedNow = (await measureRepositories(db.read, [repository.id])).get(repository.id)
        return c.json(fillSpan(span, known, { storedBefore, storedNow, now }), 200)
      },
    )
}
