/** The management API, `/api/v1`. */
import { bodyLimit } from 'hono/body-limit'
import { HTTPException } from 'hono/http-exception'
import type { Accounts } from '../../access/accounts.ts'
import type { Authenticator } from '../../access/authenticate.ts'
import type { CheckUpstream } from '../../catalog/upstreams.ts'
import type { Database } from '../../db/engine.ts'
import type { UpstreamRow } from '../../db/schema.ts'
import { AppError } from '../../errors.ts'
import type { Logger } from '../../lib/logger.ts'
import type { Sealer } from '../../lib/seal.ts'
import type { MirrorEngine } from '../../mirror/engine.ts'
import type { RegistryReader } from '../../oci/repository.ts'
import type { Platforms } from '../../registry/platforms.ts'
import { clientAddress } from '../client-address.ts'
import { catalogRoutes } from './catalog.ts'
import { errorResponse } from './errors.ts'
import { exclusionRoutes } from './exclusions.ts'
import { memberRoutes } from './members.ts'
import { mirrorRoutes } from './mirrors.ts'
import { organizationRoutes } from './organizations.ts'
import { repositoryRoutes } from './repositories.ts'
import { newRoutes, type Routes } from './route.ts'
import { runRoutes } from './runs.ts'
import { type SampleControl, sampleRoutes } from './sample.ts'
import { tagRoutes } from './tags.ts'
import { tokenRoutes } from './tokens.ts'
import { upstreamRoutes } from './upstreams.ts'
import { userRoutes } from './users.ts'

export interface ApiDeps {
  readonly db: Database
  readonly accounts: Accounts
  readonly authenticator: Authenticator
  readonly sealer: Sealer
  readonly mirrors: MirrorEngine
  readonly sample: SampleControl | undefined
  readonly platforms: Platforms
  readonly logger: Logger
  readonly openRegistry: (upstream: UpstreamRow, organization: string | undefined) => RegistryReader
  readonly checkUpstream: CheckUpstream
}

export const API_PATH = '/api/v1'
const MAX_BODY_BYTES = 64 * 1024

/** Serves `/api/v1/…`; its environment is Bun's server. */
export function createApiApp(deps: ApiDeps): Routes {
  const app = newRoutes()
  app.onError((error) => errorResponse(error, deps.logger))
  app.notFound((c) =>
    errorResponse(new AppError('NOT_FOUND', `there is no ${c.req.method} ${c.req.path}`), deps.logger),
  )
  app.get(`${API_PATH}/openapi.json`, (c) => c.json(documentOf(app)))
  app.use(`${API_PATH}/*`, async (c, next) => {
    const address = clientAddress(c.req.raw, c.env)
    c.set('who', await deps.authenticator.authenticate(c.req.header('authorization') ?? null, { address }))
    c.header('cache-control', 'no-store')
    await next()
  })
  app.use(
    `${API_PATH}/*`,
    bodyLimit({
      maxSize: MAX_BODY_BYTES,
      onError: () => {
        throw new HTTPException(413, { message: `the body is larger than ${MAX_BODY_BYTES} bytes` })
      },
    }),
  )
  const nouns = [
    userRoutes(deps),
    tokenRoutes(deps),
    organizationRoutes(deps),
    memberRoutes(deps),
    upstreamRoutes(deps),
    catalogRoutes(deps),
    mirrorRoutes(deps),
    runRoutes(deps),
    repositoryRoutes(deps),
    tagRoutes(deps),
    exclusionRoutes(deps),
    sampleRoutes(deps),
  ]
  for (const routes of nouns) app.route(API_PATH, routes)
  return app
}

function documentOf(app: Routes) {
  const scheme = { type: 'http', scheme: 'bearer', description: 'A personal access token' } as const
  if (!app.openAPIRegistry.definitions.some((definition) => definition.type === 'component')) {
    app.openAPIRegistry.registerComponent('securitySchemes', 'token', scheme)
    app.openAPIRegistry.registerComponent('securitySchemes', 'password', { type: 'http', scheme: 'basic' })
  }
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
