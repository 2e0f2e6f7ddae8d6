import { createRoute } from '@hono/zod-openapi'
import type { TypedResponse } from 'hono'
import { nameSchema, z } from '../../api/schema.ts'
import { EVENT_SEQ_HEADER, eventStreamQuerySchema, type ToldEvent, toldEventSchema } from '../../api/told-events.ts'
import type { Database } from '../../db/engine/engine.ts'
import { lastSeq } from '../../db/platform/followed-events.ts'
import { followEvents } from '../../events/follow.ts'
import type { FactsLoader } from '../../events/payload/load-facts.ts'
import { publicUrl } from '../public-url.ts'
import { allowInOrganization, allowOnRepository, nameOf } from './decide.ts'
import { EVENT_STREAM, type ServerEvent, type StreamFormat, wantsEvents } from './event-stream.ts'
import { streamLines } from './json-lines.ts'
import { repositoryPathSchema } from './repositories.ts'
import { keepOpen, newRoutes, type Routes, refused } from './route.ts'

const tags = ['webhooks']

const description =
  'Each event as a webhook of that format would post it. JSON lines; an empty line now and then keeps the connection alive. To whoever accepts `text/event-stream`: server-sent events, whose ids are places in the log: a client that comes back with the `Last-Event-ID` that it saw last, to whichever server, misses nothing. The header `Kagami-Event-Seq` says the place that it begins after: it is what to go on from when it breaks off before the first event. It breaks off within seconds once the caller may no longer see it.'

const responses = {
  200: {
    description: 'One event a line, or a server-sent event',
    content: { 'application/jsonl': { schema: toldEventSchema }, 'text/event-stream': { schema: toldEventSchema } },
  },
  ...refused,
}

const ofRepository = createRoute({
  method: 'get',
  path: '/repositories/{organization}/{name}/events',
  tags,
  summary: 'Follow the events of a repository as its webhooks would tell them',
  description,
  request: { params: repositoryPathSchema, query: eventStreamQuerySchema },
  responses,
})

const ofOrganization = createRoute({
  method: 'get',
  path: '/organizations/{organization}/events',
  tags,
  summary: 'Follow the events of an organization as its webhooks would tell them',
  description,
  request: { params: z.strictObject({ organization: nameSchema }), query: eventStreamQuerySchema },
  responses,
})

interface Deps {
  readonly db: Database
  readonly facts: FactsLoader
  readonly publicUrl: string | undefined
}

interface Call {
  readonly env: Parameters<typeof keepOpen>[0]['env']
  readonly req: { readonly raw: Request; header(name: string): string | undefined }
}

const EVENTS: StreamFormat<ToldEvent> = {
  ...EVENT_STREAM,
  render: (event) =>
    EVENT_STREAM.render({ id: String(event.seq), event: event.kind, data: event } satisfies ServerEvent),
}

const LINES: StreamFormat<ToldEvent> = {
  contentType: 'application/jsonl',
  opening: '\n',
  keepAlive: '\n',
  render: (event) => `${JSON.stringify(event)}\n`,
}

export function toldEventRoutes(deps: Deps): Routes {
  type Query = z.output<typeof eventStreamQuerySchema>
  type Scope = Parameters<typeof followEvents>[1]['scope']

  async function answer(c: Call, scope: Scope, query: Query, again: () => Promise<unknown>) {
    const isStream = wantsEvents(c.req.header('accept'))
    const asked = query.after ?? (isStream ? seqOf(c.req.header('last-event-id')) : undefined)
    // Before the answer begins: what happens once the client has it is told.
    const after = asked ?? (await lastSeq(deps.db.read))
    keepOpen(c)
    const url = publicUrl(c.req.raw, deps.publicUrl)
    const { events, tags } = query
    const open = (signal: AbortSignal) =>
      followEvents(deps, { scope, format: query.format, events, tags, after, publicUrl: url, signal })
    // What its client goes on from when it breaks off before anything has happened.
    const lines = isStream ? { ...EVENTS, opening: `id: ${after}\n${EVENTS.opening}` } : LINES
    const stream = streamLines(c.req.raw.signal, open, again, lines)
    stream.headers.set(EVENT_SEQ_HEADER, String(after))
    // The type of a streamed answer is that of one line: the framework knows only whole documents.
    return stream as Response & TypedResponse<ToldEvent, 200, 'json'>
  }

  return newRoutes()
    .serve(
      ofRepository,
      (who, c) => allowOnRepository(deps.db, who, nameOf(c.req.valid('param')), 'webhook.read', 'follow the events of'),
      async (c, { organization, repository }, again) =>
        answer(c, { organizationId: organization.id, repositoryId: repository.id }, c.req.valid('query'), again),
    )
    .serve(
      ofOrganization,
      async (who, c) =>
        allowInOrganization(
          deps.db,
          who,
          c.req.valid('param').organization,
          'organization-webhook.read',
          'follow events',
        ),
      async (c, { organization }, again) => answer(c, { organizationId: organization.id }, c.req.valid('query'), again),
    )
}

/** Undefined for what is no place in the log: the client then begins from now on. */
export function seqOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}
