import { createRoute } from '@hono/zod-openapi'
import type { TypedResponse } from 'hono'
import { accountOf } from '../../access/principal.ts'
import { viewerOf } from '../../access/rights.ts'
import { type Change, changeSchema, changesQuerySchema } from '../../api/changes.ts'
import { nameSchema, z } from '../../api/schema.ts'
import { EVENT_SEQ_HEADER } from '../../api/told-events.ts'
import type { Database } from '../../db/engine/engine.ts'
import { lastSeq } from '../../db/platform/followed-events.ts'
import { createChangeFeed } from '../../events/changes.ts'
import { allowInOrganization } from './decide.ts'
import { EVENT_STREAM, type ServerEvent, type StreamFormat, wantsEvents } from './event-stream.ts'
import { streamLines } from './json-lines.ts'
import { keepOpen, newRoutes, type Routes, refused } from './route.ts'
import { seqOf } from './told-events.ts'

const follow = createRoute({
  method: 'get',
  path: '/organizations/{organization}/changes',
  tags: ['organizations'],
  summary: 'Be told what to look at anew, as it changes',
  description:
    'For pages that are open: which nouns have changed, in which repositories that you may see, at most once a second. JSON lines; to whoever accepts `text/event-stream` server-sent events, whose ids are places in the log: a client that comes back with the `Last-Event-ID` that it saw last, to whichever server, misses nothing. An account has at most 20 open, all together 500 at a server; once half of them are, an organization has at most 100.',
  request: { params: z.strictObject({ organization: nameSchema }), query: changesQuerySchema },
  responses: {
    200: {
      description: 'One change a line, or a server-sent event',
      content: { 'application/jsonl': { schema: changeSchema }, 'text/event-stream': { schema: changeSchema } },
    },
    ...refused,
  },
})

const EVENTS: StreamFormat<Change> = {
  ...EVENT_STREAM,
  render: (change) =>
    EVENT_STREAM.render({ id: String(change.seq), event: 'change', data: change } satisfies ServerEvent),
}

const LINES: StreamFormat<Change> = {
  contentType: 'application/jsonl',
  opening: '\n',
  keepAlive: '\n',
  render: (change) => `${JSON.stringify(change)}\n`,
}

export function changeRoutes({ db }: { readonly db: Database }): Routes {
  const feed = createChangeFeed(db)
  return newRoutes().serve(
    follow,
    (who, c) => allowInOrganization(db, who, c.req.valid('param').organization, 'mirror.list', 'follow changes'),
    async (c, { organization }, again) => {
      const isStream = wantsEvents(c.req.header('accept'))
      const asked = (isStream ? seqOf(c.req.header('last-event-id')) : undefined) ?? c.req.valid('query').after
      const end = await lastSeq(db.read)
      // Before the answer begins: what happens once the client has it is told. Nothing is told of what has not happened.
      const after = Math.min(asked ?? end, end)
      keepOpen(c)
      const reader = async () => {
        const { seesAll } = await again()
        return { seesAll, viewer: await viewerOf(db.read, c.var.who, 'mirror.read') }
      }
      const open = (signal: AbortSignal) =>
        feed.follow({ organizationId: organization.id, account: accountOf(c.var.who), after, reader, signal })
      const lines = isStream ? { ...EVENTS, opening: `id: ${after}\n${EVENTS.opening}` } : LINES
      const stream = streamLines(c.req.raw.signal, open, again, lines)
      stream.headers.set(EVENT_SEQ_HEADER, String(after))
      return stream as Response & TypedResponse<Change, 200, 'json'>
    },
  )
}
