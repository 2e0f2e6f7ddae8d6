import { createRoute } from '@hono/zod-openapi'
import type { Authenticated } from '../../access/principal.ts'
import { viewerOf } from '../../access/rights.ts'
import {
  activityAnswerSchema,
  freshnessListSchema,
  movedAnswerSchema,
  movedQuerySchema,
  moveListSchema,
  movesQuerySchema,
  type Trouble,
  troublesAnswerSchema,
} from '../../api/glance.ts'
import { listQuerySchema } from '../../api/lists.ts'
import { nameSchema, z } from '../../api/schema.ts'
import { listMoves, summarizeMoves } from '../../db/content/moves.ts'
import { historyCursor } from '../../db/content/tag-history.ts'
import type { Database } from '../../db/engine/engine.ts'
import { listWebhookTroubles } from '../../db/webhooks/troubles.ts'
import { isoTime, systemClock } from '../../lib/clock.ts'
import { cutPage } from '../../lib/weighed-page.ts'
import type { MirrorEngine } from '../../mirror/engine.ts'
import type { Subscriptions } from '../../mirror/subscriptions/subscriptions.ts'
import { allowInOrganization, mayInOrganization } from './decide.ts'
import { moveOf } from './history.ts'
import { newRoutes, ok, type Routes } from './route.ts'

const params = z.strictObject({ organization: nameSchema })

const freshness = createRoute({
  method: 'get',
  path: '/organizations/{organization}/freshness',
  tags: ['mirrors'],
  summary: 'Show how all mirrors of an organization are that you may see, in few words',
  description: 'For boards: of a thousand mirrors in one answer. `GET /mirrors` tells more of each.',
  request: { params, query: listQuerySchema },
  responses: ok('One page, by destination', freshnessListSchema),
})

const activity = createRoute({
  method: 'get',
  path: '/organizations/{organization}/activity',
  tags: ['mirrors'],
  summary: 'Show which runs are under way, and how far they are',
  request: { params },
  responses: ok('The first hundred', activityAnswerSchema),
})

const moves = createRoute({
  method: 'get',
  path: '/organizations/{organization}/moves',
  tags: ['tags'],
  summary: 'Show which tags moved lately in the repositories whose history you may see',
  description:
    'Newest first. What is older than the retention (KAGAMI_HISTORY) is gone. A page may be short, or empty, though there is a `next`.',
  request: { params, query: movesQuerySchema },
  responses: ok('One page', moveListSchema),
})

const moved = createRoute({
  method: 'get',
  path: '/organizations/{organization}/moves/repositories',
  tags: ['tags'],
  summary: 'Show in which repositories tags moved lately, and how many',
  request: { params, query: movedQuerySchema },
  responses: ok('Repositories; the one in which a tag moved last comes first', movedAnswerSchema),
})

const troubles = createRoute({
  method: 'get',
  path: '/organizations/{organization}/troubles',
  tags: ['organizations'],
  summary: 'Show what wants a hand beside the mirrors: webhooks and subscriptions that do not go on',
  description: 'Of each kind to whoever may read all of it there.',
  request: { params },
  responses: ok('The first fifty of each kind', troublesAnswerSchema),
})

const MAX_RUNS = 100
const MAX_TROUBLES = 50
const FAILING_MS = 10 * 60 * 1000
const DAY_MS = 24 * 60 * 60 * 1000

interface Deps {
  readonly db: Database
  readonly mirrors: Pick<MirrorEngine, 'glance' | 'activity'>
  readonly subscriptions: Pick<Subscriptions, 'list'>
}

interface Named {
  readonly req: { valid(target: 'param'): { readonly organization: string } }
}

export function glanceRoutes({ db, mirrors, subscriptions }: Deps): Routes {
  const allowMirrors = async (who: Authenticated, c: Named) => {
    const granted = await allowInOrganization(db, who, c.req.valid('param').organization, 'mirror.list', 'see mirrors')
    return { ...granted, viewer: await viewerOf(db.read, who, 'mirror.read') }
  }
  const allowHistory = async (who: Authenticated, c: Named) => {
    const granted = await allowInOrganization(db, who, c.req.valid('param').organization, 'organization.read', 'look')
    return { ...granted, viewer: await viewerOf(db.read, who, 'repository.history') }
  }
  const allowTroubles = async (who: Authenticated, c: Named) => {
    const { organization } = c.req.valid('param')
    const granted = await allowInOrganization(db, who, organization, 'organization.read', 'look')
    return {
      ...granted,
      webhooks: await mayInOrganization(db, who, organization, 'webhook.read'),
      ofOrganization: await mayInOrganization(db, who, organization, 'organization-webhook.read'),
      subscribed: await mayInOrganization(db, who, organization, 'subscription.read'),
    }
  }
  const webhookTroubles = async (organizationId: string, ofOrganization: boolean): Promise<Trouble[]> => {
    const failingBefore = isoTime(new Date(systemClock.now().getTime() - FAILING_MS))
    const found = await listWebhookTroubles(db.read, organizationId, {
      ofOrganization,
      failingBefore,
      limit: MAX_TROUBLES,
    })
    return found.map(({ name, repository, disabledReason: reason, since }) => {
      return { kind: 'webhook', id: null, state: null, name, repository, reason, since, remedy: null }
    })
  }
  const subscriptionTroubles = async (organizationId: string): Promise<Trouble[]> => {
    const { subscriptions: all } = await subscriptions.list({ organizationIds: [organizationId], limit: MAX_TROUBLES })
    return all.flatMap(({ id, state, upstream: name, reason, since, remedy }) =>
      state === 'degraded' || state === 'paused'
        ? [{ kind: 'subscription' as const, id, state, name, repository: null, reason, since, remedy }]
        : [],
    )
  }
  const sinceOf = (text: string | undefined) =>
    isoTime(text === undefined ? new Date(systemClock.now().getTime() - DAY_MS) : new Date(text))
  return newRoutes()
    .serve(freshness, allowMirrors, async (c, { organization, viewer }) => {
      const { limit, after } = c.req.valid('query')
      const page = await mirrors.glance({ organization: organization.name, viewer, limit, after })
      return c.json({ mirrors: [...page.mirrors], next: page.next }, 200)
    })
    .serve(activity, allowMirrors, async (c, { organization, viewer }) => {
      const { runs, total } = await mirrors.activity({ organizationId: organization.id, viewer, limit: MAX_RUNS })
      return c.json({ runs: [...runs], total }, 200)
    })
    .serve(moves, allowHistory, async (c, { organization, viewer }) => {
      const { since, after, limit } = c.req.valid('query')
      const found = await listMoves(db.read, organization.id, viewer, { since: sinceOf(since), after, limit })
      const page = cutPage(found.items, limit, historyCursor)
      const shown = page.items.map((row) => ({ repository: row.repository, ...moveOf(row) }))
      return c.json({ moves: shown, next: page.next ?? found.next ?? null }, 200)
    })
    .serve(moved, allowHistory, async (c, { organization, viewer }) => {
      const since = sinceOf(c.req.valid('query').since)
      const { repositories, isWhole } = await summarizeMoves(db.read, organization.id, viewer, since)
      return c.json({ repositories: repositories.map((one) => ({ ...one, tags: [...one.tags] })), isWhole }, 200)
    })
    .serve(troubles, allowTroubles, async (c, { organization, webhooks, ofOrganization, subscribed }) => {
      const found = [
        ...(webhooks ? await webhookTroubles(organization.id, ofOrganization) : []),
        ...(subscribed ? await subscriptionTroubles(organization.id) : []),
      ]
      return c.json({ troubles: found }, 200)
    })
}
