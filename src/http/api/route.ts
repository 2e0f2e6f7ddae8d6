/** What the routes of the management API are made of. */
import { OpenAPIHono, type RouteConfig, type RouteHandler } from '@hono/zod-openapi'
import type { Authenticated } from '../../access/principal.ts'
import { errorSchema } from '../../api/errors.ts'
import type { z } from '../../api/schema.ts'
import { AppError } from '../../errors.ts'
import { pathOf } from '../target.ts'
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
  }
}

export type ApiApp = Pick<OpenAPIHono<ApiEnvironment>, 'fetch'>

type ContextOf<R extends RouteConfig> = Parameters<RouteHandler<R, ApiEnvironment>>[0]
type AnswerOf<R extends RouteConfig> = ReturnType<RouteHandler<R, ApiEnvironment>>

/** The routes of one noun. There is one way to serve a route, and it takes the decision that the route needs. */
export interface Routes {
  /**
   * @param allow decides by `decide.ts`, whose answer alone is `Granted`; it throws for whoever may not
   * @param handle gets what was granted, and a function that decides anew, for answers that outlive the decision
   */
  serve<R extends RouteConfig & { getRoutingPath(): string }, G extends Granted>(
    route: R,
    allow: (who: Authenticated, c: ContextOf<R>) => Promise<G>,
    handle: (c: ContextOf<R>, granted: G, again: () => Promise<G>) => AnswerOf<R>,
  ): Routes
  mountOn(app: OpenAPIHono<ApiEnvironment>, path: string): void
}

export function newRoutes(): Routes {
  const app = newApp()
  const routes: Routes = {
    serve(route, allow, handle) {
      type Handler = RouteHandler<typeof route, ApiEnvironment>
      const handler = async (c: ContextOf<typeof route>) => {
        const granted = await allow(c.var.who, c)
        return handle(c, granted, async () => allow(await c.var.authenticate(), c))
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

/** Lets an answer go on without the server's own idle limit: it waits for an upstream, or streams. */
export function keepOpen(c: { readonly env: Connection; readonly req: { readonly raw: Request } }): void {
  c.env.timeout?.(c.req.raw, 0)
}
