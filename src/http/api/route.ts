/** What the routes of the management API are made of. */
import { type createRoute, OpenAPIHono } from '@hono/zod-openapi'
import type { Authenticated } from '../../access/principal.ts'
import { errorSchema } from '../../api/errors.ts'
import type { z } from '../../api/schema.ts'
import { AppError } from '../../errors.ts'

/** What the socket knows of a request, handed over by the server. */
export interface Connection {
  /** IP address of the peer. */
  readonly address?: string | undefined
  /** Lets the answer go on without an idle limit of the server's own. */
  readonly keepOpen?: (() => void) | undefined
}

export type ApiEnvironment = { Bindings: Connection; Variables: { who: Authenticated } }

export type Routes = OpenAPIHono<ApiEnvironment>

export type RouteConfig = Parameters<typeof createRoute>[0]

/** An app whose refused input is told by name; all routes of one noun live in one. */
export function newRoutes(): Routes {
  return new OpenAPIHono<ApiEnvironment>({
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

const refused = {
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
