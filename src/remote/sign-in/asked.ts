import type { RegistryKind, SignIn } from '../../api/targets.ts'
import type { HttpClient } from '../../net/guarded-fetch.ts'
import type { Credential, UpstreamEndpoint } from '../upstream.ts'

/** One login that is wanted. */
export interface AskedLogin {
  readonly signIn: SignIn
  readonly kind: RegistryKind
  readonly endpoint: Pick<UpstreamEndpoint, 'url' | 'ca' | 'plainHttp'>
  /** The registry, as people know it. */
  readonly host: string
  /** Undefined: what the library finds where the server runs. */
  readonly keys: Credential | undefined
  /** For the services of the cloud. */
  readonly http: HttpClient
  /** For the registry itself. */
  readonly registryHttp: HttpClient
  /** When it is asked, by the clock that its end is held against. */
  readonly nowMs: number
  /** The end of the attempt. */
  readonly timeout: AbortSignal
}

export interface GivenLogin {
  readonly credential: Credential
  readonly expiresInSeconds: number
}
