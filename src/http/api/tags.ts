import { createRoute } from '@hono/zod-openapi'
import { listQuerySchema } from '../../api/lists.ts'
import { z } from '../../api/schema.ts'
import { type Tag, tagListSchema } from '../../api/tags.ts'
import type { Database, Queries } from '../../db/engine/engine.ts'
import { contentState, tagState } from '../../db/mirrors/audit-states.ts'
import { summarizeTags } from '../../db/mirrors/tag-summaries.ts'
import { systemClock } from '../../lib/clock.ts'
import { saturate } from '../../lib/saturate.ts'
import { cutPage } from '../../lib/weighed-page.ts'
import { formatPlatform } from '../../oci/descriptor.ts'
import { parseTag } from '../../oci/reference.ts'
import { prepareVerdicts, whyImmutable } from '../../registry/immutable.ts'
import type { Platforms } from '../../registry/platforms.ts'
import { deleteTag } from '../../registry/tags.ts'
import { actorOf, allowOnRepository, nameOf } from './decide.ts'
import { repositoryPathSchema } from './repositories.ts'
import { done, newRoutes, ok, type Routes } from './route.ts'

const tags = ['tags']

const list = createRoute({
  method: 'get',
  path: '/repositories/{organization}/{name}/tags',
  tags,
  summary: 'List the tags of a repository',
  request: { params: repositoryPathSchema, query: listQuerySchema },
  responses: ok('One page, by name', tagListSchema),
})

const remove = createRoute({
  method: 'delete',
  path: '/repositories/{organization}/{name}/tags/{tag}',
  tags,
  summary: 'Delete a tag; a mirror does not bring it back',
  request: { params: repositoryPathSchema.extend({ tag: z.string() }) },
  responses: done('Deleted'),
})

/** A request about one tag, or what stands in its place: a digest. */
interface One {
  readonly req: {
    valid(target: 'param'): { readonly organization: string; readonly name: string; readonly tag: string }
  }
}

/** What people do to a tag. */
export function auditOfTag(action: string) {
  return {
    action,
    on: (c: One) => {
      const { tag, ...path } = c.req.valid('param')
      return { organization: path.organization, object: `${nameOf(path)}${tag.includes(':') ? '@' : ':'}${tag}` }
    },
    read: (db: Queries, c: One) => {
      const { tag, ...path } = c.req.valid('param')
      return tag.includes(':') ? contentState(db, nameOf(path), tag) : tagState(db, nameOf(path), tag)
    },
  }
}

interface Deps {
  readonly db: Database
  readonly platforms: Platforms
}

export function tagRoutes({ db, platforms }: Deps): Routes {
  return newRoutes()
    .serve(
      list,
      (who, c) => allowOnRepository(db, who, nameOf(c.req.valid('param')), 'pull'),
      async (c, { repository }) => {
        const { limit, after } = c.req.valid('query')
        const { items, next } = await summarizeTags(db.read, repository.id, { limit, after })
        await prepareVerdicts(
          repository,
          items.map(({ name }) => name),
        )
        const shown: Tag[] = []
        for (const { imageConfig, configType = null, platforms: listed, platformCount, ...tag } of items) {
          const own = imageConfig === undefined ? undefined : await platforms.find(repository.id, imageConfig)
          const all = own === undefined ? listed : [...listed, own]
          shown.push({
            ...tag,
            configType,
            immutable: whyImmutable(repository, tag.name) !== undefined,
            sizeBytes: saturate(tag.sizeBytes),
            platforms: all.map(formatPlatform),
            platformCount: platformCount + all.length - listed.length,
          })
        }
        const page = cutPage(shown, limit, (tag) => tag.name)
        return c.json({ tags: [...page.items], next: page.next ?? next }, 200)
      },
    )
    .change(
      remove,
      (who, c) => allowOnRepository(db, who, nameOf(c.req.valid('param')), 'delete'),
      auditOfTag('tag.delete'),
      async (c, { organization, repository }) => {
        const name = nameOf(c.req.valid('param'))
        const destination = { organization, name, actor: actorOf(c.var.who) }
        await deleteTag({ db, clock: systemClock }, destination, repository, parseTag(c.req.valid('param').tag))
        return c.body(null, 204)
      },
    )
}
