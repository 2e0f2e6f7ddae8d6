/** What the routes of the management API are made of. */
import { OpenAPIHono, type RouteConfig, type RouteHandler } from '@hono/zod-openapi'
import type { Authenticated } from '../../access/principal.ts'
import { errorSchema } from '../../api/errors.ts'
import type { z } from '../../api/schema.ts'
import type { Queries } from '../../db/engine/engine.ts'
import { watchWrites } from '../../db/engine/watch.ts'
import { type Snapshot, watchChange } from '../../db/platform/audited-change.ts'
import { AppError } from '../../errors.ts'
import type { Attempt } from '../request-context.ts'
import { pathOf } from '../target.ts'
import { aboutIssue } from './about-issue.ts'
import type { Granted } from './decide.ts'

/** The part of Bun's server that a route needs; nothing of it is there in tests without a socket. */
export interface Connection {
  timeout?(request: Request, seconds: number): void
  requestIP?(request: Request): { readonly address: string } | null
}

export type ApiEnvironment = {
  Bindings: Connection
  Variables: {
    who: Authenticated
    /** The same credentials, judged anew. */
    authenticate: () => Promise<Authenticated>
    /** What a route that changes something was asked to do; undefined: not so far, or nothing. */
    attempt: Attempt | undefined
    /** The page's address at which a browser goes on that comes by a provider, also where it was refused; undefined: a program asks. */
    goesOnAt: string | undefined
  }
}

export type ApiApp = Pick<OpenAPIHono<ApiEnvironment>, 'fetch'>

type ContextOf<R extends RouteConfig> = Parameters<RouteHandler<R, ApiEnvironment>>[0]
type AnswerOf<R extends RouteConfig> = ReturnType<RouteHandler<R, ApiEnvironment>>

type Served = RouteConfig & { getRoutingPath(): string }

/** What the audit log tells of a route. */
export interface Audit<C, G> {
  /** What is done: `<noun>.<verb>`. */
  readonly action: string
  /** What it is done to, and the name of the organization whose log tells it (null: the instance's), as the request names them. */
  on(c: C): { readonly organization: string | null | undefined; readonly object: string }
  /**
   * The object as it is, without secrets. It is read in each transaction of the request, before and after the change: where the two differ,
   * that is an entry. Undefined: what makes the change calls `recordAudit` itself, in its transaction.
   */
  readonly read: ((db: Queries, c: C, granted: G) => Promise<Snapshot | undefined>) | undefined
  /** What else the request may change, with the same object: an entry of its own. */
  readonly also?: readonly {
    readonly action: string
    read(db: Queries, c: C, granted: G): Promise<Snapshot | undefined>
  }[]
}

/** The routes of one noun. There is one way to serve what reads and one to serve what changes, and each takes the decision that it needs. */
export interface Routes {
  /**
   * @param allow decides by `decide.ts`, whose answer alone is `Granted`; it throws for whoever may not
   * @param handle gets what was granted, and a function that decides anew, for answers that outlive the decision
   */
  serve<R extends Served & { readonly method: 'get' }, G extends Granted>(
    route: R,
    allow: (who: Authenticated, c: ContextOf<R>) => Promise<G>,
    handle: (c: ContextOf<R>, granted: G, again: () => Promise<G>) => AnswerOf<R>,
  ): Routes
  /**
   * The same for a route that changes something: there is no way to serve one without saying what the audit log tells of it.
   * @param audit see Audit
   */
  change<R extends Served, G extends Granted>(
    route: R,
    allow: (who: Authenticated, c: ContextOf<R>) => Promise<G>,
    audit: Audit<ContextOf<R>, G>,
    handle: (c: ContextOf<R>, granted: G) => AnswerOf<R>,
  ): Routes
  mountOn(app: OpenAPIHono<ApiEnvironment>, path: string): void
}

export function newRoutes(): Routes {
  const app = newApp()
  const routes: Routes = {
    serve(route, allow, handle) {
      type Handler = RouteHandler<typeof route, ApiEnvironment>
      const handler = async (c: ContextOf<typeof route>) => {
        refuseZeroBytes(c)
        const granted = await allow(c.var.who, c)
        return handle(c, granted, async () => allow(await c.var.authenticate(), c))
      }
      app.openapi(route, handler as unknown as Handler)
      return routes
    },
    change(route, allow, audit, handle) {
      type Handler = RouteHandler<typeof route, ApiEnvironment>
      const handler = async (c: ContextOf<typeof route>) => {
        refuseZeroBytes(c)
        const { organization = null, object } = audit.on(c)
        c.set('attempt', { organization: organization ?? undefined, action: audit.action, object })
        const granted = await allow(c.var.who, c)
        const all = [
          ...(audit.read === undefined ? [] : [{ action: audit.action, read: audit.read }]),
          ...(audit.also ?? []),
        ]
        const watched = all.map(({ action, read }) => ({ action, read: (db: Queries) => read(db, c, granted) }))
        const watch = watchChange({ organization, object, watched })
        return watchWrites(watch, async () => handle(c, granted)).finally(watch.end)
      }
      app.openapi(route, handler as unknown as Handler)
      return routes
    },
    mountOn(whole, path) {
      whole.route(path, app)
    },
  }
  return routes
}

/**
 * Of whatever a request holds: PostgreSQL's text cannot hold one, SQLite's can, and no schema need think of it.
 * @throws AppError INVALID_REQUEST that names the place
 */
function refuseZeroBytes(c: { readonly req: object }): void {
  const { valid } = c.req as { valid?: (target: string) => unknown }
  for (const target of ['param', 'query', 'json', 'form']) {
    const place = findZeroByte(valid?.call(c.req, target), '')
    if (place === undefined) continue
    throw new AppError('INVALID_REQUEST', `${place === '' ? target : place.slice(1)}: want no zero byte in a text`)
  }
}

function findZeroByte(value: unknown, place: string): string | undefined {
  if (typeof value === 'string') return value.includes('\0') ? place : undefined
  if (typeof value !== 'object' || value === null) return undefined
  for (const [key, one] of Object.entries(value)) {
    if (key.includes('\0')) return place
    const found = findZeroByte(one, `${place}.${key}`)
    if (found !== undefined) return found
  }
  return undefined
}

/** An app whose refused input is told by name. */
export function newApp(): OpenAPIHono<ApiEnvironment> {
  return new OpenAPIHono<ApiEnvironment>({
    getPath: pathOf,
    defaultHook: (result) => {
      if (result.success) return
      const [issue] = result.error.issues
      const where = issue === undefined || issue.path.length === 0 ? result.target : issue.path.join('.')
      throw new AppError('INVALID_REQUEST', `${where}: ${issue?.message ?? 'not valid'}`, {
        detail: result.error.issues.map(({ path, message }) => ({ path: path.join('.'), message })),
        ...(issue === undefined ? {} : { about: aboutIssue(issue, where) }),
      })
    },
  })
}

function content<T extends z.ZodType>(schema: T) {
  return { 'application/json': { schema } }
}

/** Every other answer. */
export const refused = {
  default: { description: 'Refused or failed', content: content(errorSchema) },
}

/** 200 with a document. */
export function ok<T extends z.ZodType>(description: string, schema: T) {
  return { 200: { description, content: content(schema) }, ...refused }
}

/** 201 with a document. */
export function created<T extends z.ZodType>(description: string, schema: T) {
  return { 201: { description, content: content(schema) }, ...refused }
}

/** 202: begun, and going on in the background. 200 where the answer is all there is. */
export function begun<T extends z.ZodType, U extends z.ZodType>(started: T, planned: U) {
  return {
    200: { description: 'The plan; nothing was changed', content: content(planned) },
    202: { description: 'Begun', content: content(started) },
    ...refused,
  }
}

/** 204. */
export function done(description: string) {
  return { 204: { description }, ...refused }
}

/** A required JSON body. */
export function body<T extends z.ZodType>(schema: T) {
  return { content: content(schema), required: true } as const
}

/** The error of a path that nothing serves. */
export function absentRoute({ method, path }: { readonly method: string; readonly path: string }): AppError {
  return new AppError('NOT_FOUND', `there is no ${method} ${path.slice(0, 200)}`)
}

/** Lets an answer go on without the server's own idle limit: it waits for an upstream, or streams. */
export function keepOpen(c: { readonly env: Connection; readonly req: { readonly raw: Request } }): void {
  c.env.timeout?.(c.req.raw, 0)
}
