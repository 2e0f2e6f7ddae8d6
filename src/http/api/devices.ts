import { createRoute } from '@hono/zod-openapi'
import { createDevices, type PollRefusal } from '../../access/identity/devices.ts'
import type { Authenticated } from '../../access/principal.ts'
import {
  deviceAnswerSchema,
  deviceCodeRequestSchema,
  deviceCodeSchema,
  deviceDecisionSchema,
  deviceQuerySchema,
  deviceRefusalSchema,
  deviceTokenRequestSchema,
  deviceTokenSchema,
} from '../../api/devices.ts'
import type { z } from '../../api/schema.ts'
import type { Database } from '../../db/engine/engine.ts'
import { type Clock, isoTime } from '../../lib/clock.ts'
import type { Sealer } from '../../lib/seal.ts'
import { clientAddress } from '../client-address.ts'
import { publicUrl } from '../public-url.ts'
import { allowAnybody, allowOnInstance, callerOf } from './decide.ts'
import { body, newRoutes, ok, type Routes } from './route.ts'

const tags = ['sign-in']

function form<T extends z.ZodType>(schema: T) {
  return { content: { 'application/x-www-form-urlencoded': { schema } }, required: true } as const
}

const begin = createRoute({
  method: 'post',
  path: '/device/code',
  tags,
  summary: 'Ask for codes by which a command line is let in (RFC 8628)',
  request: { body: form(deviceCodeRequestSchema) },
  responses: ok('The codes, shown this once', deviceCodeSchema),
})

const poll = createRoute({
  method: 'post',
  path: '/device/token',
  tags,
  summary: 'Ask whether somebody has let the command line in (RFC 8628)',
  request: { body: form(deviceTokenRequestSchema) },
  responses: {
    ...ok('A personal access token, shown this once', deviceTokenSchema),
    400: { description: 'Not yet, or not any more', content: { 'application/json': { schema: deviceRefusalSchema } } },
  },
})

const show = createRoute({
  method: 'get',
  path: '/device',
  tags,
  summary: 'See what waits for you to let it in: its name, and where it asks from',
  request: { query: deviceQuerySchema },
  responses: ok('It waits', deviceAnswerSchema),
})

const approve = createRoute({
  method: 'post',
  path: '/device/approve',
  tags,
  summary: 'Let it in: it gets a token that may do what you may',
  request: { body: body(deviceDecisionSchema) },
  responses: ok('It is let in', deviceAnswerSchema),
})

const deny = createRoute({
  method: 'post',
  path: '/device/deny',
  tags,
  summary: 'Turn it away',
  request: { body: body(deviceDecisionSchema) },
  responses: ok('It is turned away', deviceAnswerSchema),
})

const DESCRIPTIONS: Record<PollRefusal, string> = {
  authorization_pending: 'nobody has let it in yet',
  slow_down: 'it asks too often: ask 5 s less often from now on',
  access_denied: 'somebody has turned it away',
  expired_token: 'the code is unknown, over, or was used already',
}

interface Deps {
  readonly db: Database
  readonly clock: Clock
  readonly sealer: Sealer
  /** Undefined: as each request's Host says. */
  readonly publicUrl: string | undefined
}

/** By what decides, in its transaction: a code alone names nothing. */
const told = (action: string, object = 'device') => ({
  action,
  on: () => ({ organization: null, object }),
  read: undefined,
})
/** Whoever asks has no name, and has got nothing yet. */
const untold = told('device.begin')

export function deviceRoutes(deps: Deps): Routes {
  const { db, clock } = deps
  const devices = createDevices(deps)
  // What it gets may do all that its user may: so must whoever lets it in.
  const allow = async (who: Authenticated) => {
    const granted = await allowOnInstance(db, who, 'token.manage', 'let devices in')
    return { ...granted, by: callerOf(who) }
  }
  return newRoutes()
    .change(begin, allowAnybody, untold, async (c) => {
      const { client_id, name } = c.req.valid('form')
      const begun = await devices.begin({ name: name ?? client_id, address: clientAddress(c.req.raw, c.env) })
      const page = `${publicUrl(c.req.raw, deps.publicUrl)}/device`
      return c.json(
        {
          device_code: begun.deviceCode,
          user_code: begun.userCode,
          verification_uri: page,
          verification_uri_complete: `${page}?code=${begun.userCode}`,
          expires_in: begun.expiresInSeconds,
          interval: begun.intervalSeconds,
        },
        200,
      )
    })
    .change(poll, allowAnybody, told('token.create', 'token'), async (c) => {
      const polled = await devices.poll(c.req.valid('form').device_code)
      if (polled.kind === 'refused') {
        return c.json({ error: polled.error, error_description: DESCRIPTIONS[polled.error] }, 400)
      }
      const { row, username, text } = polled
      const expiresAt = row.expires_at ?? isoTime(clock.now())
      return c.json(
        {
          access_token: text.reveal(),
          token_type: 'Bearer' as const,
          expires_in: Math.round((Date.parse(expiresAt) - Date.parse(row.created_at)) / 1000),
          scope: row.scope,
          id: row.id,
          label: row.label,
          username,
          expiresAt,
        },
        200,
      )
    })
    .serve(show, allow, async (c, { by }) =>
      c.json({ device: await devices.show(c.req.valid('query').userCode, by) }, 200),
    )
    .change(approve, allow, told('device.approve'), async (c, { by }) =>
      c.json({ device: await devices.decide(c.req.valid('json').userCode, by, 'approved') }, 200),
    )
    .change(deny, allow, told('device.deny'), async (c, { by }) =>
      c.json({ device: await devices.decide(c.req.valid('json').userCode, by, 'denied') }, 200),
    )
}
