import type { Authenticated, Claimed, From } from '../../access/principal.ts'
import type { Refusals } from '../../access/refusals.ts'
import type { BlobStore } from '../../blobs/blob-store.ts'
import type { Database } from '../../db/engine/engine.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Logger } from '../../lib/logger.ts'
import type { Pulls } from '../../registry/pulls.ts'
import type { Uploads } from '../../registry/uploads.ts'
import type { Route } from './route.ts'

/** What the registry's routes stand on. */
export interface OciDependencies {
  readonly db: Database
  readonly blobs: BlobStore
  readonly uploads: Uploads
  readonly pulls: Pulls
  readonly clock: Clock
  readonly logger: Logger
  readonly refusals: Refusals
  /** Who sends the request. @throws AppError UNAUTHORIZED for credentials that are not valid, TOOMANYREQUESTS */
  authenticate(request: Request, from: From): Promise<Authenticated>
  /** Whom an `Authorization` header names, where that takes no question (see `Authenticator`). Undefined: `authenticate` has to say it. */
  recall(header: string | null): Claimed | undefined
  /** Absolute URL of the token service as this client reaches us. */
  tokenRealm(request: Request): string
  /** The `service` of challenges and tokens. */
  readonly service: string
  /** A sender or reader that makes no progress for so long is cut off. */
  readonly idleTimeoutMs?: number
  /** The grace time of garbage collection; 24 hours when left out. */
  readonly graceMs?: number
}

/** Clients may ask for it to know the API (Docker Registry HTTP API V2, "API Version Check"): every answer has it. */
export const API_VERSION = { 'Docker-Distribution-API-Version': 'registry/2.0' } as const

/** The part of Bun's server that a route needs; absent in tests without a socket. */
export interface ServerHandle {
  timeout(request: Request, seconds: number): void
  requestIP(request: Request): { readonly address: string } | null
}

/** One request on its way through its route. */
export interface Call {
  readonly request: Request
  readonly route: Route
  readonly who: Authenticated
  readonly server: ServerHandle | undefined
}
