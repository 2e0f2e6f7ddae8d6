/** The management API, `/api/v1`. */
import { bodyLimit } from 'hono/body-limit'
import { HTTPException } from 'hono/http-exception'
import type { Accounts } from '../../access/accounts.ts'
import type { Issuers } from '../../access/identity/issuers.ts'
import type { Authenticator } from '../../access/prompts.ts'
import type { Refusals } from '../../access/refusals.ts'
import type { Setup } from '../../access/setup.ts'
import type { TwoFactor } from '../../access/two-factor.ts'
import type { DoctorReport } from '../../api/doctor.ts'
import { MAX_PLAN_BYTES } from '../../api/plans.ts'
import type { Budget } from '../../api/rates.ts'
import type { BlobStore } from '../../blobs/blob-store.ts'
import type { Catalogs } from '../../catalog/catalogs.ts'
import type { CheckTarget } from '../../catalog/targets.ts'
import type { CheckUpstream } from '../../catalog/upstreams.ts'
import type { Database } from '../../db/engine/engine.ts'
import type { TargetRow, UpstreamRow } from '../../db/schema.ts'
import { AppError, isAppError } from '../../errors.ts'
import type { FactsLoader } from '../../events/payload/load-facts.ts'
import type { Webhooks } from '../../events/webhooks.ts'
import type { Clock } from '../../lib/clock.ts'
import { findTooDeep } from '../../lib/json.ts'
import type { Logger } from '../../lib/logger.ts'
import { inRequest } from '../../lib/request-context.ts'
import type { Sealer } from '../../lib/seal.ts'
import type { MirrorEngine } from '../../mirror/engine.ts'
import type { Subscriptions } from '../../mirror/subscriptions/subscriptions.ts'
import type { HttpClient } from '../../net/guarded-fetch.ts'
import type { Mailer } from '../../net/mail.ts'
import type { Platforms } from '../../registry/platforms.ts'
import type { Replications } from '../../replication/engine.ts'
import type { ReplicationRules } from '../../replication/rules.ts'
import type { StorageChecks } from '../../upkeep/storage-checks.ts'
import { requestFrom } from '../client-address.ts'
import { API_PATH } from '../paths.ts'
import { type Attempt, contextOf, refusedBy } from '../request-context.ts'
import { accessRoutes } from './access.ts'
import { auditRoutes } from './audit.ts'
import { catalogRoutes } from './catalog.ts'
import { changeRoutes } from './changes.ts'
import { type CollectionDeps, collectionRoutes } from './collections.ts'
import { compressed } from './compressed.ts'
import { findRefusedAction } from './decide.ts'
import { deviceRoutes } from './devices.ts'
import { doctorRoutes } from './doctor.ts'
import { serveDocument } from './document.ts'
import { errorResponse } from './errors.ts'
import { exclusionRoutes } from './exclusions.ts'
import { explainRoutes } from './explain.ts'
import { glanceRoutes } from './glance.ts'
import { historyRoutes } from './history.ts'
import { hookRoutes } from './hooks.ts'
import { identityRoutes } from './identities.ts'
import { imageRoutes } from './images.ts'
import { invitationRoutes } from './invitations.ts'
import { memberRoutes } from './members.ts'
import { mirrorRoutes } from './mirrors.ts'
import { nameRoutes } from './names.ts'
import { operatorRoutes, type ThisServer } from './operator.ts'
import { organizationTokenRoutes } from './organization-tokens.ts'
import { organizationRoutes } from './organizations.ts'
import { replicationRuleRoutes } from './replication-rules.ts'
import { replicationRoutes } from './replications.ts'
import { repositoryRoutes } from './repositories.ts'
import { type ApiApp, absentRoute, newApp } from './route.ts'
import { runRoutes } from './runs.ts'
import { type SampleControl, sampleRoutes } from './sample.ts'
import { authenticateBySession, backToPage } from './session-cookie.ts'
import { sessionRoutes } from './sessions.ts'
import { closedOnceSetUp, SETUP_PATH, setupRoutes } from './setup.ts'
import { signInRoutes } from './sign-in.ts'
import { storageCheckRoutes } from './storage-checks.ts'
import { subscriptionRoutes } from './subscriptions.ts'
import { tagDeletionRoutes } from './tag-deletion.ts'
import { tagRoutes } from './tags.ts'
import { targetRoutes } from './targets.ts'
import { teamGrantRoutes } from './team-grants.ts'
import { teamRoutes } from './teams.ts'
import { tokenRoutes } from './tokens.ts'
import { toldEventRoutes } from './told-events.ts'
import { twoFactorRoutes } from './two-factor.ts'
import { upstreamRoutes } from './upstreams.ts'
import { usageRoutes } from './usage.ts'
import { userAccountRoutes } from './user-accounts.ts'
import { userRoutes } from './users.ts'
import { webhookRoutes } from './webhooks.ts'

export interface ApiDeps {
  readonly db: Database
  readonly blobs: BlobStore
  readonly accounts: Accounts
  readonly authenticator: Authenticator
  readonly twoFactor: TwoFactor
  readonly setup: Setup
  readonly sealer: Sealer
  readonly mirrors: MirrorEngine
  readonly replications: Replications
  readonly replicationRules: ReplicationRules
  readonly subscriptions: Subscriptions
  readonly catalogs: Catalogs
  readonly webhooks: Webhooks
  readonly sample: SampleControl | undefined
  readonly platforms: Platforms
  readonly facts: FactsLoader
  readonly refusals: Refusals
  readonly logger: Logger
  readonly checkUpstream: CheckUpstream
  readonly checkTarget: CheckTarget
  readonly clock: Clock
  readonly issuers: Issuers
  /** For the endpoints of providers of identity. */
  readonly http: HttpClient
  /** Undefined: as each request's Host says. */
  readonly publicUrl: string | undefined
  /** How long the history of tags is kept. */
  readonly historyMs: number
  readonly collector: CollectionDeps['collector']
  /** Undefined: this server sends no mail. */
  readonly mailer: Mailer | undefined
  readonly thisServer: ThisServer
  readonly storageChecks: StorageChecks
  readonly doctor: () => Promise<DoctorReport>
  budgetOf(upstream: UpstreamRow, organizations: readonly string[] | undefined): Promise<Budget>
  budgetOfTarget(target: TargetRow, organizations: readonly string[] | undefined): Promise<Budget>
}

const MAX_BODY_BYTES = 64 * 1024
/** Where plans are executed, which may be large. */
const PLAN_PATH = new RegExp(`^${API_PATH}/mirrors(?:/[^/]+/[^/]+/sync)?$`)

/** Paths whose second part is an organization. */
const ORGANIZATION_PATH = new RegExp(
  `^${API_PATH}/(?:organizations|repositories|mirrors|subscriptions|replications|replication-rules)/([^/]+)`,
)

/** Serves `/api/v1/…`; its environment is Bun's server. */
export function createApiApp(deps: ApiDeps): ApiApp {
  const app = newApp()
  app.onError((error, c) => {
    const decided = findRefusedAction(error)
    const on = { request: c.req.raw, server: c.env, who: c.get('who') }
    const isHidden = decided !== undefined && isAppError(error, 'NOT_FOUND')
    const refused = refusedBy(error, on, c.get('attempt') ?? attemptOf(decided, c.req.path, c.req.param()), {
      isHidden,
    })
    if (refused !== undefined) deps.refusals.note(refused)
    return backToPage(c, error, deps.publicUrl) ?? errorResponse(error, c.req.raw, deps.logger)
  })
  app.notFound((c) => errorResponse(absentRoute(c.req), c.req.raw, deps.logger))
  // The one route that anybody may read: it says what the program is, and nothing of what it holds.
  app.get(`${API_PATH}/openapi.json`, serveDocument(app))
  app.use(`${API_PATH}/*`, compressed)
  app.use(`${API_PATH}/*`, async (c, next) => {
    const from = requestFrom(c.req.raw, c.env)
    const header = c.req.header('authorization') ?? null
    const authenticate = async () => {
      if (header !== null) return deps.authenticator.authenticate(header, from)
      return authenticateBySession(c, deps.authenticator, deps.publicUrl, from)
    }
    c.set('authenticate', authenticate)
    c.set('who', await authenticate())
    c.header('cache-control', 'no-store')
    await inRequest(contextOf(c.req.raw, c.env, c.var.who), next)
  })
  const [usual, ofPlans] = [limitBody(MAX_BODY_BYTES), limitBody(MAX_BODY_BYTES + MAX_PLAN_BYTES)]
  app.use(`${API_PATH}/*`, (c, next) => {
    const isKnown = c.var.who.principal.kind !== 'anonymous'
    return (isKnown && PLAN_PATH.test(c.req.path) ? ofPlans : usual)(c, next)
  })
  app.use(`${API_PATH}/*`, async (c, next) => {
    // The framework parses by itself; what it would parse is looked at first, and read once.
    if (c.req.raw.body !== null) refuseDeepJson(await c.req.text())
    await next()
  })
  app.use(API_PATH + SETUP_PATH, closedOnceSetUp(deps.setup))
  const nouns = [
    setupRoutes(deps),
    userRoutes(deps),
    userAccountRoutes(deps),
    sessionRoutes(deps),
    twoFactorRoutes(deps),
    tokenRoutes(deps),
    organizationRoutes(deps),
    memberRoutes(deps),
    invitationRoutes(deps),
    teamRoutes(deps),
    teamGrantRoutes(deps),
    organizationTokenRoutes(deps),
    identityRoutes(deps),
    signInRoutes(deps),
    deviceRoutes(deps),
    upstreamRoutes(deps),
    hookRoutes(deps),
    targetRoutes(deps),
    catalogRoutes(deps),
    mirrorRoutes(deps),
    subscriptionRoutes(deps),
    replicationRoutes(deps),
    replicationRuleRoutes(deps),
    runRoutes(deps),
    repositoryRoutes(deps),
    accessRoutes(deps),
    tagRoutes(deps),
    tagDeletionRoutes(deps),
    exclusionRoutes(deps),
    historyRoutes(deps),
    glanceRoutes(deps),
    usageRoutes(deps),
    nameRoutes(deps),
    changeRoutes(deps),
    imageRoutes(deps),
    explainRoutes(deps),
    sampleRoutes(deps),
    toldEventRoutes(deps),
    webhookRoutes(deps),
    auditRoutes(deps),
    operatorRoutes(deps),
    storageCheckRoutes(deps),
    doctorRoutes(deps),
    collectionRoutes(deps),
  ]
  for (const routes of nouns) routes.mountOn(app, API_PATH)
  return app
}

/** What a read was about that was refused: by the decision, and by the path where it says more. */
function attemptOf(
  decided: Attempt | undefined,
  path: string,
  { organization: named, name }: Readonly<Record<string, string>>,
): Attempt {
  // Of credentials that were refused no route has read the path yet.
  const organization = named ?? decided?.organization ?? ORGANIZATION_PATH.exec(path)?.[1]
  const repository = organization === undefined || name === undefined ? undefined : `${organization}/${name}`
  return {
    organization,
    action: decided?.action ?? 'read',
    object: repository ?? decided?.object ?? organization ?? '*',
  }
}

function limitBody(maxSize: number) {
  return bodyLimit({
    maxSize,
    onError: () => {
      throw new HTTPException(413, { message: `the body is larger than ${maxSize} bytes` })
    },
  })
}

function refuseDeepJson(text: string): void {
  const problem = findTooDeep(text)
  if (problem !== undefined) throw new AppError('INVALID_REQUEST', `the body ${problem}`)
}
