import { createRoute } from '@hono/zod-openapi'
import { createToken } from '../../access/tokens.ts'
import { listQuerySchema } from '../../api/lists.ts'
import { idSchema, z } from '../../api/schema.ts'
import { tokenCreatedSchema, tokenCreateSchema, tokenListSchema } from '../../api/tokens.ts'
import type { Database } from '../../db/engine.ts'
import { listTokens, removeToken } from '../../db/tokens.ts'
import { AppError } from '../../errors.ts'
import { systemClock } from '../../lib/clock.ts'
import { allowOnInstance, userOf } from './decide.ts'
import { pageOf } from './page.ts'
import { body, created, done, newRoutes, ok, type Routes } from './route.ts'

const tags = ['tokens']

const list = createRoute({
  method: 'get',
  path: '/tokens',
  tags,
  summary: 'List your personal access tokens',
  request: { query: listQuerySchema },
  responses: ok('One page', tokenListSchema),
})

const create = createRoute({
  method: 'post',
  path: '/tokens',
  tags,
  summary: 'Create a personal access token',
  request: { body: body(tokenCreateSchema) },
  responses: created('The token, shown this once', tokenCreatedSchema),
})

const revoke = createRoute({
  method: 'delete',
  path: '/tokens/{token}',
  tags,
  summary: 'Revoke one of your tokens, by id: the next request with it is refused',
  request: { params: z.strictObject({ token: idSchema }) },
  responses: done('Revoked'),
})

export function tokenRoutes({ db }: { readonly db: Database }): Routes {
  return newRoutes()
    .openapi(list, async (c) => {
      const { limit, after } = c.req.valid('query')
      const userId = await allowOnInstance(db, c.var.who, 'token.manage', 'list tokens')
      const { username } = userOf(c.var.who)
      const rows = await listTokens(db.read, userId, { limit: limit + 1, after })
      const { items, next } = pageOf(rows, limit, (row) => row.id)
      const tokens = items.map((row) => ({
        id: row.id,
        label: row.label,
        scope: row.scope,
        expiresAt: row.expires_at,
        username,
        lastUsedAt: row.last_used_at,
      }))
      return c.json({ tokens, next }, 200)
    })
    .openapi(create, async (c) => {
      const userId = await allowOnInstance(db, c.var.who, 'token.manage', 'create tokens')
      const { row, text } = await createToken(db, systemClock, { userId, ...c.req.valid('json') })
      const { id, label, scope, expires_at: expiresAt } = row
      const { username } = userOf(c.var.who)
      return c.json({ id, label, scope, expiresAt, username, token: text.reveal() }, 201)
    })
    .openapi(revoke, async (c) => {
      const { token } = c.req.valid('param')
      // A token may always revoke itself, whatever its scope: that is what logging out is.
      const { principal } = c.var.who
      const isOwn = principal.kind === 'user' && principal.token?.id === token
      const userId = isOwn ? principal.userId : await allowOnInstance(db, c.var.who, 'token.manage', 'revoke tokens')
      if (!(await db.write((tx) => removeToken(tx, userId, token)))) {
        throw new AppError('NOT_FOUND', `you have no token ${token}`)
      }
      return c.body(null, 204)
    })
}
