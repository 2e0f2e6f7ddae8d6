/** The OpenAPI document: made once, after all routes are there, and then sent as it is. */
import { createHash } from 'node:crypto'
import type { OpenAPIHono } from '@hono/zod-openapi'
import type { Handler } from 'hono'
import type { ApiEnvironment } from './route.ts'

type App = OpenAPIHono<ApiEnvironment>

/** Anybody may keep the answer, and asks by its ETag whether it still holds. */
export function serveDocument(app: App): Handler {
  let made: { readonly text: string; readonly etag: string } | undefined
  return (c) => {
    made ??= make(app)
    const headers = { etag: made.etag, 'cache-control': 'public, no-cache' }
    const known = c.req.header('if-none-match') ?? ''
    const tags = known.split(',').map((tag) => tag.trim().replace(/^W\//, ''))
    if (known.trim() === '*' || tags.includes(made.etag)) return new Response(null, { status: 304, headers })
    return new Response(made.text, { headers: { ...headers, 'content-type': 'application/json' } })
  }
}

function make(app: App) {
  const text = JSON.stringify(documentOf(app))
  return { text, etag: `"${createHash('sha256').update(text).digest('base64url')}"` }
}

function documentOf(app: App) {
  app.openAPIRegistry.registerComponent('securitySchemes', 'token', {
    type: 'http',
    scheme: 'bearer',
    description: 'A personal access token',
  })
  app.openAPIRegistry.registerComponent('securitySchemes', 'password', { type: 'http', scheme: 'basic' })
  return app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Kagami',
      version: '1',
      description: 'Lists page by key: `?limit=&after=` gives `{"<nouns>": […], "next": cursor or null}`.',
    },
    security: [{ token: [] }, { password: [] }],
  })
}
