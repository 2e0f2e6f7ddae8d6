import { createRoute } from '@hono/zod-openapi'
import { explainQuerySchema, explanationSchema } from '../../api/explain.ts'
import type { Database } from '../../db/engine/engine.ts'
import type { MirrorEngine } from '../../mirror/engine.ts'
import { parseTag } from '../../oci/reference.ts'
import { decideOnMirrors } from './mirrors.ts'
import { repositoryPathSchema } from './repositories.ts'
import { keepOpen, newRoutes, ok, type Routes } from './route.ts'

const explain = createRoute({
  method: 'get',
  path: '/mirrors/{organization}/{name}/explain',
  tags: ['mirrors'],
  summary: 'Explain why tags are, or are not, here, and what happens next',
  description:
    'Without `tag`, all that are not simply in step. One that no pass has seen is asked for at upstream, by one request each.',
  request: { params: repositoryPathSchema, query: explainQuerySchema },
  responses: ok('One page, by name; the tags that were asked for in their order', explanationSchema),
})

interface Deps {
  readonly db: Database
  readonly mirrors: MirrorEngine
}

export function explainRoutes(deps: Deps): Routes {
  return newRoutes().serve(
    explain,
    decideOnMirrors(deps)('mirror.read', 'explain the tags of'),
    async (c, { mirror }) => {
      const { limit, after, tag } = c.req.valid('query')
      keepOpen(c)
      const tags = tag?.map(parseTag)
      const page = await deps.mirrors.explain(mirror.id, { tags, limit, after, signal: c.req.raw.signal })
      return c.json({ tags: [...page.tags], next: page.next }, 200)
    },
  )
}
