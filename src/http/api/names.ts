import { createRoute } from '@hono/zod-openapi'
import { viewerOf } from '../../access/rights.ts'
import { namesAnswerSchema, namesQuerySchema } from '../../api/names.ts'
import { nameSchema, z } from '../../api/schema.ts'
import { findRepositoriesLike, findTagsLike } from '../../db/content/names.ts'
import type { Database } from '../../db/engine/engine.ts'
import { allowInOrganization } from './decide.ts'
import { newRoutes, ok, type Routes } from './route.ts'

const find = createRoute({
  method: 'get',
  path: '/organizations/{organization}/names',
  tags: ['organizations'],
  summary: 'Find repositories and tags by a part of their names, among those that you may pull',
  request: { params: z.strictObject({ organization: nameSchema }), query: namesQuerySchema },
  responses: ok('The first few', namesAnswerSchema),
})

const MAX_EACH = 20

export function nameRoutes({ db }: { readonly db: Database }): Routes {
  return newRoutes().serve(
    find,
    async (who, c) => {
      const granted = await allowInOrganization(db, who, c.req.valid('param').organization, 'organization.read', 'look')
      return { ...granted, viewer: await viewerOf(db.read, who, 'repository.pull') }
    },
    async (c, { organization, viewer }) => {
      // Tags have capitals, repositories have none.
      const { q } = c.req.valid('query')
      const text = q.toLowerCase()
      const own = `${organization.name}/`
      const colon = text.lastIndexOf(':')
      // Of a whole reference, as people copy one, what names the organization is left out.
      const named = (colon === -1 ? text : text.slice(0, colon)).trim()
      const part = named.includes(own) ? named.slice(named.indexOf(own) + own.length) : named
      const prefix =
        colon === -1
          ? part
          : c.req
              .valid('query')
              .q.slice(colon + 1)
              .trim()
      const repositories = await findRepositoriesLike(db.read, organization, viewer, { part, limit: MAX_EACH })
      const tags = await findTagsLike(db.read, organization, viewer, {
        part: colon === -1 ? '' : part,
        prefix,
        limit: MAX_EACH,
      })
      return c.json({ organization: organization.name, repositories: repositories.map(({ name }) => name), tags }, 200)
    },
  )
}
