import { createRoute } from '@hono/zod-openapi'
import { z } from '../../api/schema.ts'
import { type Tag, tagListSchema, tagQuerySchema } from '../../api/tags.ts'
import type { Database, Queries } from '../../db/engine/engine.ts'
import { contentState, tagState } from '../../db/mirrors/audit-states.ts'
import { summarizeTags, type TagSummary } from '../../db/mirrors/tag-summaries.ts'
import { systemClock } from '../../lib/clock.ts'
import { saturate } from '../../lib/saturate.ts'
import { cutPage } from '../../lib/weighed-page.ts'
import type { Attested } from '../../oci/attested.ts'
import { formatPlatform, type Platform } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
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
  description:
    '`attested`: only tags that have it attached; `lacks`: only those that have not. With either a page may be short, even empty, and have a `next`.',
  request: { params: repositoryPathSchema, query: tagQuerySchema },
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

interface Wanted {
  readonly attested: Attested | undefined
  readonly lacks: Attested | undefined
}

function isWanted({ attested: wanted, lacks }: Wanted) {
  return ({ attested }: TagSummary): boolean =>
    (wanted === undefined || attested.includes(wanted)) && (lacks === undefined || !attested.includes(lacks))
}

/** @param own platforms that no index says, by config */
function shownTag(summary: TagSummary, own: ReadonlyMap<Digest, Platform>, immutable: boolean): Tag {
  const { imageConfig, configType = null, platforms: listed, platformCount, attested, ...tag } = summary
  const alone = imageConfig === undefined ? undefined : own.get(imageConfig)
  const platforms = alone === undefined ? listed : [...listed, alone]
  return {
    ...tag,
    configType,
    attested: [...attested],
    immutable,
    sizeBytes: saturate(tag.sizeBytes),
    platforms: platforms.map(formatPlatform),
    platformCount: platformCount + platforms.length - listed.length,
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
        const { limit, after, attested, lacks } = c.req.valid('query')
        const { items: all, next } = await summarizeTags(db.read, repository.id, { limit, after })
        const items = all.filter(isWanted({ attested, lacks }))
        await prepareVerdicts(
          repository,
          items.map(({ name }) => name),
        )
        const configs = items.flatMap(({ imageConfig }) => imageConfig ?? [])
        const own = await platforms.find(repository.id, configs)
        const shown = items.map((tag) => shownTag(tag, own, whyImmutable(repository, tag.name) !== undefined))
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
