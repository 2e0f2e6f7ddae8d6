/** What the routes of the management API are made of. */
import { OpenAPIHono } from '@hono/zod-openapi'
import type { Authenticated } from '../../access/principal.ts'
import { errorSchema } from '../../api/errors.ts'
import type { z } from '../../api/schema.ts'
import { AppError } from '../../errors.ts'

/** The part of Bun's server that a route needs; nothing of it is there in tests without a socket. */
export interface Connection {
  timeout?(request: Request, seconds: number): void
  requestIP?(request: Request): { readonly address: string } | null
}

export type ApiEnvironment = { Bindings: Connection; Variables: { who: Authenticated } }

export type Routes = OpenAPIHono<ApiEnvironment>

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
