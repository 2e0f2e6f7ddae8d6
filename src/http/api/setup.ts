import { createRoute } from '@hono/zod-openapi'
import type { MiddlewareHandler } from 'hono'
import { networkOf } from '../../access/login-limit.ts'
import type { Setup } from '../../access/setup.ts'
import { setupDoneSchema, setupSchema } from '../../api/setup.ts'
import { actingAs } from '../../lib/request-context.ts'
import { createSecret } from '../../lib/secret.ts'
import { clientAddress } from '../client-address.ts'
import { allowSetup } from './decide.ts'
import { absentRoute, body, created, newRoutes, type Routes } from './route.ts'

const setUp = createRoute({
  method: 'post',
  path: '/setup',
  tags: ['setup'],
  summary: 'Make the first owner, operator of the instance, and the first organization; needs no account',
  description:
    'By the code that `kagami serve --setup` printed, which serves once and for a day. Once there is an owner, there is no such route: 404. Ten wrong codes of a network within five minutes: 429.',
  security: [],
  request: { body: body(setupSchema) },
  responses: created('The owner and the organization', setupDoneSchema),
})

export const SETUP_PATH = '/setup'

/** Before anything of the request is looked at: a server that has an owner does not tell that it ever had the route. */
export function closedOnceSetUp(setup: Setup): MiddlewareHandler {
  return async (c, next) => {
    if (!(await setup.isWanted())) throw absentRoute(c.req)
    await next()
  }
}

export function setupRoutes({ setup }: { readonly setup: Setup }): Routes {
  return newRoutes().change(
    setUp,
    (_who, c) => allowSetup(setup, c.req.valid('json').code, networkOf(clientAddress(c.req.raw, c.env))),
    // What makes them records each.
    { action: 'user.operator', on: () => ({ organization: null, object: 'user' }), read: undefined },
    async (c, { network }) => {
      const { code, password, ...account } = c.req.valid('json')
      const run = () => setup.run(code, { ...account, password: createSecret(password) }, network)
      const { id, username, isOperator: operator } = await actingAs(`user:${account.username}`, run)
      return c.json({ user: { id, username, operator }, organization: account.organization }, 201)
    },
  )
}
