import { createRoute } from '@hono/zod-openapi'
import type { Authenticated } from '../../access/principal.ts'
import { createToken } from '../../access/tokens.ts'
import { listQuerySchema } from '../../api/lists.ts'
import { idParameterSchema, z } from '../../api/schema.ts'
import { tokenCreatedSchema, tokenCreateSchema, tokenListSchema } from '../../api/tokens.ts'
import type { Database, Queries } from '../../db/engine/engine.ts'
import { tokenState } from '../../db/mirrors/audit-states.ts'
import { listTokens, removeToken } from '../../db/people/tokens.ts'
import { AppError } from '../../errors.ts'
import { systemClock } from '../../lib/clock.ts'
import { cutPage } from '../../lib/weighed-page.ts'
import { allowOnInstance } from './decide.ts'
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
  request: { params: z.strictObject({ token: idParameterSchema }) },
  responses: done('Revoked'),
})

export function tokenRoutes({ db }: { readonly db: Database }): Routes {
  /** A token may always revoke itself, whatever its scope: that is what logging out is. */
  const allowRevoke = (who: Authenticated, c: { req: { valid(target: 'param'): { token: string } } }) => {
    const isOwn = who.principal.kind === 'user' && who.principal.token?.id === c.req.valid('param').token
    return allowOnInstance(db, who, isOwn ? 'account.read' : 'token.manage', 'revoke tokens')
  }
  type Named = { req: { valid(target: 'param'): { readonly token: string } } }
  const auditRevoke = {
    action: 'token.revoke',
    on: (c: Named) => ({ organization: null, object: `token:${c.req.valid('param').token}` }),
    read: (db: Queries, c: Named, { userId }: { readonly userId: string }) =>
      tokenState(db, userId, c.req.valid('param').token),
  }
  return newRoutes()
    .serve(
      list,
      (who) => allowOnInstance(db, who, 'token.manage', 'list tokens'),
      async (c, { userId, username }) => {
        const { limit, after } = c.req.valid('query')
        const rows = await listTokens(db.read, userId, { limit: limit + 1, after })
        const { items, next } = cutPage(rows, limit, (row) => row.id)
        const tokens = items.map((row) => ({
          id: row.id,
          label: row.label,
          scope: row.scope,
          expiresAt: row.expires_at,
          username,
          lastUsedAt: row.last_used_at,
        }))
        return c.json({ tokens, next }, 200)
      },
    )
    .change(
      create,
      (who) => allowOnInstance(db, who, 'token.manage', 'create tokens'),
      {
        action: 'token.create',
        on: () => ({ organization: null, object: 'token' }),
        // Its id is made on the way.
        read: undefined,
      },
      async (c, { userId, username }) => {
        const { row, text } = await createToken(db, systemClock, { userId, ...c.req.valid('json') })
        const { id, label, scope, expires_at: expiresAt } = row
        return c.json({ id, label, scope, expiresAt, username, token: text.reveal() }, 201)
      },
    )
    .change(revoke, allowRevoke, auditRevoke, async (c, { userId }) => {
      const { token } = c.req.valid('param')
      if (!(await db.write((tx) => removeToken(tx, userId, token)))) {
        throw new AppError('NOT_FOUND', `you have no token ${token}`, { about: { reason: 'absent', what: 'token' } })
      }
      return c.body(null, 204)
    })
}
