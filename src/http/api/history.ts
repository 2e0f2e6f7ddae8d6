import { createRoute } from '@hono/zod-openapi'
import {
  historyQuerySchema,
  historySchema,
  momentSchema,
  type TagMove,
  tagRestoreAnswerSchema,
  tagRestoreSchema,
} from '../../api/history.ts'
import { z } from '../../api/schema.ts'
import { tagAtAnswerSchema } from '../../api/tags.ts'
import { findManifest } from '../../db/content/manifests.ts'
import { findManifestPulledAt, findTagPulls, NEVER_PULLED } from '../../db/content/pulls.ts'
import { historyCursor, listHistory } from '../../db/content/tag-history.ts'
import { findTag } from '../../db/content/tags.ts'
import type { Database } from '../../db/engine/engine.ts'
import { listPinnedTags } from '../../db/mirrors/tag-pins.ts'
import type { TagHistoryRow } from '../../db/schema.ts'
import { AppError } from '../../errors.ts'
import { isoTime, systemClock } from '../../lib/clock.ts'
import { readPage } from '../../lib/weighed-page.ts'
import { parseDigest } from '../../oci/digest.ts'
import { parseTag } from '../../oci/reference.ts'
import { getTagAt, restoreTag } from '../../registry/restore.ts'
import { actorOf, allowOnRepository, nameOf } from './decide.ts'
import { pinOf } from './exclusions.ts'
import { repositoryPathSchema } from './repositories.ts'
import { body, newRoutes, ok, type Routes } from './route.ts'
import { auditOfTag } from './tags.ts'

const tags = ['tags']
const tagPathSchema = repositoryPathSchema.extend({ tag: z.string() })

const history = createRoute({
  method: 'get',
  path: '/repositories/{organization}/{name}/history',
  tags,
  summary: 'Show where tags pointed over time, who moved them and why (members)',
  description: 'Of one `tag`, or of all. What is older than the retention (KAGAMI_HISTORY) is gone.',
  request: { params: repositoryPathSchema, query: historyQuerySchema },
  responses: ok('One page, newest first', historySchema),
})

const show = createRoute({
  method: 'get',
  path: '/repositories/{organization}/{name}/tags/{tag}',
  tags,
  summary: 'Show where a tag points, or pointed at a time',
  request: { params: tagPathSchema, query: z.strictObject({ at: momentSchema.optional() }) },
  responses: ok('The tag', tagAtAnswerSchema),
})

const restore = createRoute({
  method: 'post',
  path: '/repositories/{organization}/{name}/tags/{tag}/restore',
  tags,
  summary: 'Move a tag back to where it pointed before (who may delete tags)',
  description:
    'To a digest that its history names and the repository still has, or to where it pointed at a time. A mirror leaves it there until it is released.',
  request: { params: tagPathSchema, body: body(tagRestoreSchema) },
  responses: ok('What was done', tagRestoreAnswerSchema),
})

export function historyRoutes({ db }: { readonly db: Database }): Routes {
  return newRoutes()
    .serve(
      history,
      (who, c) => allowOnRepository(db, who, nameOf(c.req.valid('param')), 'history', 'see the history of'),
      async (c, { repository }) => {
        const { limit, after, tag } = c.req.valid('query')
        const of = tag === undefined ? undefined : parseTag(tag)
        const page = await readPage({
          limit,
          after,
          read: (from, count) => listHistory(db.read, repository.id, { tag: of, after: from, limit: count }),
          keyOf: historyCursor,
        })
        return c.json({ history: page.items.map(moveOf), next: page.next }, 200)
      },
    )
    .serve(
      show,
      (who, c) => allowOnRepository(db, who, nameOf(c.req.valid('param')), 'pull'),
      async (c, { repository }) => {
        const name = parseTag(c.req.valid('param').tag)
        const at = timeOf(c.req.valid('query').at)
        const found = at === undefined ? undefined : await getTagAt(db.read, repository, name, at)
        const row = at === undefined ? await findTag(db.read, repository.id, name) : undefined
        const text = found?.digest ?? row?.digest
        if (text === undefined) {
          const when = found === undefined ? '' : ` at ${at}: it was deleted at ${found.since}`
          throw new AppError('NOT_FOUND', `there is no tag ${repository.name}:${name}${when}`, {
            about: { reason: 'absent', what: 'tag', name },
          })
        }
        const digest = parseDigest(text)
        const tag = {
          name,
          digest,
          at: at ?? null,
          since: found?.since ?? row?.moved_at ?? '',
          until: found?.until ?? null,
          available: (await findManifest(db.read, repository.id, digest)) !== undefined,
          pinned: (await listPinnedTags(db.read, repository.id, [name])).has(name),
          ...((await findTagPulls(db.read, repository.id, [name])).get(name) ?? NEVER_PULLED),
          digestPulledAt: await findManifestPulledAt(db.read, repository.id, digest),
        }
        return c.json({ tag }, 200)
      },
    )
    .change(
      restore,
      (who, c) => allowOnRepository(db, who, nameOf(c.req.valid('param')), 'delete'),
      auditOfTag('tag.restore'),
      async (c, { organization, repository }) => {
        const tag = parseTag(c.req.valid('param').tag)
        const { digest, at, reason } = c.req.valid('json')
        const time = timeOf(at)
        const to = digest === undefined ? { time: time ?? '' } : { digest: parseDigest(digest) }
        const destination = { organization, name: nameOf(c.req.valid('param')), actor: actorOf(c.var.who) }
        const done = await restoreTag({ db, clock: systemClock }, destination, repository.id, { tag, to, reason })
        const pin = done.pin === undefined ? null : pinOf(done.pin)
        return c.json({ tag, from: done.from ?? null, to: done.to, at: done.at, pin }, 200)
      },
    )
}

/** As the columns have it. @throws AppError INVALID_REQUEST for what is still to come */
function timeOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  const now = systemClock.now()
  const time = new Date(text)
  if (time <= now) return isoTime(time)
  throw new AppError('INVALID_REQUEST', `at: got ${text}, want a time that has come: it is ${isoTime(now)}`, {
    about: { reason: 'invalid', where: 'at' },
  })
}

export function moveOf(row: TagHistoryRow) {
  const { tag, from_digest: from, to_digest: to, at, actor: by, run_id: run, reason } = row
  return { tag, from, to, at, by, run, cause: causeOf(row), reason }
}

/** Everything but a restore leaves its own mark. */
function causeOf({ actor, to_digest: to, reason }: TagHistoryRow): TagMove['cause'] {
  if (actor.startsWith('mirror:')) return to === null ? 'lost' : 'mirrored'
  if (to === null) return 'deleted'
  return reason === 'pushed' ? 'pushed' : 'restored'
}
