import { createRoute } from '@hono/zod-openapi'
import type { Authenticated } from '../../access/principal.ts'
import type { Authenticator } from '../../access/prompts.ts'
import type { TwoFactor } from '../../access/two-factor.ts'
import {
  recoveryCodesSchema,
  twoFactorAnswerSchema,
  twoFactorBeginSchema,
  twoFactorBegunSchema,
  twoFactorConfirmSchema,
  twoFactorProofSchema,
} from '../../api/two-factor.ts'
import type { Database, Queries } from '../../db/engine/engine.ts'
import { twoFactorState } from '../../db/people/audit-states.ts'
import { requestFrom } from '../client-address.ts'
import { publicUrl } from '../public-url.ts'
import { actorOf, allowOnInstance, callerOf } from './decide.ts'
import { body, created, done, newRoutes, ok, type Routes } from './route.ts'

const tags = ['two-factor']
const path = '/user/two-factor'

const show = createRoute({
  method: 'get',
  path,
  tags,
  summary: 'Whether two-factor authentication is on for you',
  responses: ok('The state', twoFactorAnswerSchema),
})

const begin = createRoute({
  method: 'post',
  path,
  tags,
  summary: 'Begin two-factor authentication: a secret for your authenticator, which a code then confirms',
  request: { body: body(twoFactorBeginSchema) },
  responses: created('The secret, shown this once', twoFactorBegunSchema),
})

const confirm = createRoute({
  method: 'post',
  path: `${path}/confirm`,
  tags,
  summary: 'Turn two-factor authentication on, by a code of the authenticator',
  description:
    'From then on the password alone serves nowhere: clients of the registry take a personal access token. What it had opened ends, but for the session that asks.',
  request: { body: body(twoFactorConfirmSchema) },
  responses: ok('Codes for when the authenticator is lost, shown this once', recoveryCodesSchema),
})

const renew = createRoute({
  method: 'post',
  path: `${path}/recovery-codes`,
  tags,
  summary: 'Make new recovery codes: those of before serve no more',
  request: { body: body(twoFactorProofSchema) },
  responses: ok('The codes, shown this once', recoveryCodesSchema),
})

const disable = createRoute({
  method: 'post',
  path: `${path}/disable`,
  tags,
  summary: 'Turn two-factor authentication off',
  request: { body: body(twoFactorProofSchema) },
  responses: done('It is off'),
})

export interface TwoFactorRouteDeps {
  readonly db: Database
  readonly authenticator: Authenticator
  readonly twoFactor: TwoFactor
  readonly publicUrl: string | undefined
}

export function twoFactorRoutes({ db, authenticator, twoFactor, publicUrl: configured }: TwoFactorRouteDeps): Routes {
  const allow = async (who: Authenticated) => ({
    ...(await allowOnInstance(db, who, 'profile.manage', 'change your two-factor authentication')),
    session: callerOf(who).session,
  })
  const audit = (action: string) => ({
    action,
    on: (c: { var: { who: Authenticated } }) => ({ organization: null, object: actorOf(c.var.who) }),
    read: (queries: Queries, _c: unknown, { userId }: { readonly userId: string }) => twoFactorState(queries, userId),
  })
  // Its recovery codes are nothing that could be read.
  const auditRenewal = { ...audit('two-factor.renew'), read: undefined }
  type Person = { readonly userId: string; readonly username: string }

  /** Password and code of whoever asks, in this order: a wrong password uses up no code. */
  async function prove(who: Person, c: Asked): Promise<void> {
    const { password, code } = c.req.valid('json')
    await authenticator.confirmPassword(who, password, requestFrom(c.req.raw, c.env))
    await authenticator.guardCode(who, code, async () => (await twoFactor.use(who.userId, code)) || undefined)
  }

  return newRoutes()
    .serve(
      show,
      (who) => allowOnInstance(db, who, 'account.read', 'see your two-factor authentication'),
      async (c, { userId }) => c.json({ twoFactor: await twoFactor.show(userId) }, 200),
    )
    .change(begin, allow, audit('two-factor.begin'), async (c, who) => {
      await authenticator.confirmPassword(who, c.req.valid('json').password, requestFrom(c.req.raw, c.env))
      const issuer = `Kagami ${new URL(publicUrl(c.req.raw, configured)).hostname}`
      const { secret, url } = await twoFactor.begin(who.userId, { issuer, username: who.username })
      return c.json({ secret: secret.reveal(), url: url.reveal() }, 201)
    })
    .change(confirm, allow, audit('two-factor.enable'), async (c, who) => {
      const { code } = c.req.valid('json')
      const confirmed = () => twoFactor.confirm(who.userId, code, who.session?.id)
      return c.json({ recoveryCodes: [...(await authenticator.guardCode(who, code, confirmed))] }, 200)
    })
    .change(renew, allow, auditRenewal, async (c, who) => {
      await prove(who, c)
      const codes = await twoFactor.renewRecoveryCodes({ id: who.userId, username: who.username })
      return c.json({ recoveryCodes: [...codes] }, 200)
    })
    .change(disable, allow, audit('two-factor.disable'), async (c, who) => {
      await prove(who, c)
      await twoFactor.end(who.userId)
      return c.body(null, 204)
    })
}

/** The part of a route's context that the proof needs. */
interface Asked {
  readonly env: unknown
  readonly req: {
    readonly raw: Request
    valid(target: 'json'): { readonly password: string; readonly code: string }
  }
}
