import { createRoute } from '@hono/zod-openapi'
import { tagsDeletedSchema, tagsDeleteSchema } from '../../api/tags.ts'
import type { Database } from '../../db/engine/engine.ts'
import { isoTime, systemClock } from '../../lib/clock.ts'
import { parseTag } from '../../oci/reference.ts'
import { deleteTags, planTagDeletion } from '../../registry/tags.ts'
import { actorOf, allowOnRepository, nameOf } from './decide.ts'
import { repositoryPathSchema } from './repositories.ts'
import { body, newRoutes, ok, type Routes } from './route.ts'

const remove = createRoute({
  method: 'post',
  path: '/repositories/{organization}/{name}/tags/delete',
  tags: ['tags'],
  summary: 'Delete several tags at once, or see what that would free',
  description:
    'All or none: one that cannot be deleted stops it. With `dryRun` the answer says so of each, and nothing changes. Content stays for as long as the history of a tag can take it back. A mirror brings none of them back.',
  request: { params: repositoryPathSchema, body: body(tagsDeleteSchema) },
  responses: ok('What is, or would be, gone', tagsDeletedSchema),
})

interface Deps {
  readonly db: Database
  /** How long the history of tags is kept. */
  readonly historyMs: number
}

export function tagDeletionRoutes({ db, historyMs }: Deps): Routes {
  return newRoutes().change(
    remove,
    (who, c) => allowOnRepository(db, who, nameOf(c.req.valid('param')), 'tag.delete', 'delete tags of'),
    {
      action: 'tag.delete',
      on: (c) => ({ organization: c.req.valid('param').organization, object: nameOf(c.req.valid('param')) }),
      // Each tag has an entry of its own.
      read: undefined,
    },
    async (c, { organization, repository }) => {
      const { tags: given, dryRun } = c.req.valid('json')
      const tags = [...new Set(given)].map(parseTag)
      const planned = await planTagDeletion(db.read, repository, tags)
      const keptUntil = isoTime(new Date(systemClock.now().getTime() + historyMs))
      if (!dryRun) {
        const destination = { organization, name: nameOf(c.req.valid('param')), actor: actorOf(c.var.who) }
        await deleteTags({ db, clock: systemClock }, destination, repository, tags)
      }
      return c.json({ ...planned, keptUntil, deleted: !dryRun }, 200)
    },
  )
}
