import { createRoute } from '@hono/zod-openapi'
import {
  exclusionAnswerSchema,
  exclusionListSchema,
  tagExcludeSchema,
  tagReleaseAnswerSchema,
  tagReleaseSchema,
} from '../../api/exclusions.ts'
import { type Pin, pinListSchema } from '../../api/history.ts'
import { listQuerySchema } from '../../api/lists.ts'
import { z } from '../../api/schema.ts'
import type { Database } from '../../db/engine/engine.ts'
import { listExclusions } from '../../db/mirrors/mirror-exclusions.ts'
import { listPins } from '../../db/mirrors/tag-pins.ts'
import type { TagPinRow } from '../../db/schema.ts'
import { AppError, isAppError } from '../../errors.ts'
import { isoTime, systemClock } from '../../lib/clock.ts'
import { cutPage } from '../../lib/weighed-page.ts'
import type { MirrorEngine } from '../../mirror/engine.ts'
import { excludeMirrorTag, releaseMirrorTag } from '../../mirror/life/exclusions.ts'
import { parseReference, parseTag, type Tag } from '../../oci/reference.ts'
import { actorOf, nameOf } from './decide.ts'
import { decideOnMirrors } from './mirrors.ts'
import { repositoryPathSchema } from './repositories.ts'
import { body, newRoutes, ok, type Routes } from './route.ts'
import { auditOfTag } from './tags.ts'

const tags = ['tags']

const list = createRoute({
  method: 'get',
  path: '/mirrors/{organization}/{name}/exclusions',
  tags,
  summary: 'List the tags that people keep a mirror from',
  request: { params: repositoryPathSchema, query: listQuerySchema },
  responses: ok('One page, by tag; content that was deleted by its digest alone last', exclusionListSchema),
})

const pins = createRoute({
  method: 'get',
  path: '/mirrors/{organization}/{name}/pins',
  tags,
  summary: 'List the tags that people took back, and a mirror leaves where they are',
  request: { params: repositoryPathSchema, query: listQuerySchema },
  responses: ok('One page, by tag', pinListSchema),
})

const exclude = createRoute({
  method: 'post',
  path: '/mirrors/{organization}/{name}/tags/{tag}/exclude',
  tags,
  summary: 'Do without a tag of a mirror (who may delete tags)',
  description:
    'The mirror leaves the tag as it is, here or away, and neither fails nor alarms for it. Also for tags that are not here. Without a reason, the one for which the tag failed.',
  request: { params: repositoryPathSchema.extend({ tag: z.string() }), body: body(tagExcludeSchema) },
  responses: ok('The exclusion', exclusionAnswerSchema),
})

const release = createRoute({
  method: 'post',
  path: '/mirrors/{organization}/{name}/tags/{tag}/release',
  tags,
  summary: 'Give a tag back to the mirror that people excluded or pinned (who may delete tags)',
  description:
    'The next pass takes what upstream has. Also for the digest of content that was deleted by it, with the tags that went with it. A tag that people moved here is given back with `takeUpstream` only, which also begins a run of the tag.',
  request: {
    params: repositoryPathSchema.extend({ tag: z.string() }),
    body: { content: { 'application/json': { schema: tagReleaseSchema } }, required: false },
  },
  responses: ok('What the mirror takes again', tagReleaseAnswerSchema),
})

interface Deps {
  readonly db: Database
  readonly mirrors: MirrorEngine
}

export function exclusionRoutes(deps: Deps): Routes {
  const { db, mirrors } = deps
  const allow = decideOnMirrors(deps)
  return newRoutes()
    .serve(list, allow('mirror.read', 'see the exclusions of'), async (c, { mirror }) => {
      const { limit, after } = c.req.valid('query')
      const rows = await listExclusions(db.read, mirror.id, { limit: limit + 1, after })
      const { items, next } = cutPage(rows, limit, (row) => row.tag ?? row.digest ?? '')
      return c.json({ exclusions: [...items], next }, 200)
    })
    .change(exclude, allow('tag.delete', 'exclude tags of'), auditOfTag('tag.exclude'), async (c, { mirror }) => {
      const { tag, ...path } = c.req.valid('param')
      const { reason } = c.req.valid('json')
      const exclusion = await excludeMirrorTag(db, { ...changeOf(path, c.var.who), tag: parseTag(tag), reason })
      return c.json({ exclusion, mirror: await mirrors.show(mirror.id) }, 200)
    })
    .change(release, allow('tag.delete', 'release tags of'), auditOfTag('tag.release'), async (c, { mirror }) => {
      const { tag, ...path } = c.req.valid('param')
      const takeUpstream = c.req.valid('json').takeUpstream === true
      const of = parseReference(tag)
      if (takeUpstream && of.tag === undefined) {
        throw new AppError('INVALID_REQUEST', `takeUpstream: got the digest ${tag}, want a tag with it`)
      }
      const released = await releaseMirrorTag(db, { ...changeOf(path, c.var.who), of, takeUpstream })
      const run = takeUpstream && of.tag !== undefined ? await beginRun(mirrors, mirror.id, of.tag) : null
      const answer = { ...released, tags: [...released.tags], digests: [...released.digests], run }
      return c.json({ ...answer, mirror: await mirrors.show(mirror.id) }, 200)
    })
    .serve(pins, allow('mirror.read', 'see the pins of'), async (c, { mirror }) => {
      const { limit, after } = c.req.valid('query')
      const rows = await listPins(db.read, mirror.id, { limit: limit + 1, after })
      const { items, next } = cutPage(rows, limit, (row) => row.tag)
      return c.json({ pins: items.map(pinOf), next }, 200)
    })
}

function changeOf(path: Parameters<typeof nameOf>[0], who: Parameters<typeof actorOf>[0]) {
  return { repository: nameOf(path), by: actorOf(who), at: isoTime(systemClock.now()) }
}

/** The tag's run; null where none may begin: the mirror is stopped or paused, and says so. */
async function beginRun(mirrors: MirrorEngine, mirrorId: string, tag: Tag) {
  try {
    return (await mirrors.sync(mirrorId, { only: new Set([tag]) })).run
  } catch (error) {
    if (isAppError(error, 'CONFLICT')) return null
    throw error
  }
}

export function pinOf({ tag, digest, reason, pinned_by: by, pinned_at: since }: TagPinRow): Pin {
  return { tag, digest, reason, by, since }
}
