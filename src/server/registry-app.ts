import type { RequestAuthenticator } from '../access/authenticate.ts'
import { SERVICE } from '../access/bearer.ts'
import { createOciApp, type OciApp } from '../http/oci/app.ts'
import { tokenRealm } from '../http/public-url.ts'
import { createTokenApp } from '../http/token/app.ts'
import type { Logger } from '../lib/logger.ts'
import type { Instance } from './instance.ts'

export interface RegistryAppOptions {
  /** Undefined: as each request's Host says. */
  readonly publicUrl: string | undefined
  readonly logger: Logger
  /** See `OciDependencies`. */
  readonly idleTimeoutMs?: number | undefined
  /** See `OciDependencies`. */
  readonly graceMs?: number | undefined
}

/** What they stand on. */
export interface RegistryParts extends Pick<Instance, 'db' | 'blobs' | 'uploads' | 'pulls' | 'clock'> {
  readonly access: Pick<Instance['access'], 'signBearer' | 'refusals'> & {
    readonly authenticator: Pick<RequestAuthenticator, 'authenticate' | 'login' | 'recall'>
  }
}

/** `/v2` and the token service of one instance. */
export function createRegistryApps(
  instance: RegistryParts,
  o: RegistryAppOptions,
): { readonly oci: OciApp; readonly token: ReturnType<typeof createTokenApp> } {
  const { db, blobs, uploads, pulls, clock, access } = instance
  const { logger, publicUrl, idleTimeoutMs, graceMs } = o
  const { refusals } = access
  const oci = createOciApp({
    db,
    blobs,
    uploads,
    pulls,
    clock,
    logger,
    refusals,
    authenticate: (request, from) => access.authenticator.authenticate(request.headers.get('authorization'), from),
    recall: (header) => access.authenticator.recall(header),
    tokenRealm: (request) => tokenRealm(request, publicUrl),
    service: SERVICE,
    ...(idleTimeoutMs === undefined ? {} : { idleTimeoutMs }),
    ...(graceMs === undefined ? {} : { graceMs }),
  })
  const token = createTokenApp({
    db,
    clock,
    logger,
    refusals,
    authenticator: access.authenticator,
    signBearer: access.signBearer,
  })
  return { oci, token }
}
