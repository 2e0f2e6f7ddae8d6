/** Upstreams as mirror and catalog see them: readers over the network, within the operator's rules on addresses. */
import { endpointOf } from '../catalog/upstream-settings.ts'
import type { CheckUpstream } from '../catalog/upstreams.ts'
import type { UpstreamRow } from '../db/schema.ts'
import type { Sealer } from '../lib/seal.ts'
import type { Source } from '../mirror/engine.ts'
import type { AddressPolicy } from '../net/address-guard.ts'
import { createHttpClient, type HttpClient } from '../net/guarded-fetch.ts'
import type { RepositoryName } from '../oci/reference.ts'
import type { RegistryReader } from '../oci/repository.ts'
import { checkRegistry } from '../remote/check-registry.ts'
import { createRegistryNetwork, type RegistryNetwork } from '../remote/network.ts'
import { openRemoteRegistry } from '../remote/remote-registry.ts'
import { openRemoteRepository } from '../remote/remote-repository.ts'
import { samplePolicy } from './address-policy.ts'

export interface Sources {
  /** @param organization id of the one that mirrors, in whose share the requests count */
  openSource(upstream: UpstreamRow, repository: RepositoryName, organization: string): Source
  /** @param organization id of the one that asks; undefined for an operator who acts for none */
  openRegistry(upstream: UpstreamRow, organization: string | undefined): RegistryReader
  checkUpstream: CheckUpstream
}

export interface SourcesOptions {
  readonly policy: AddressPolicy
  readonly sealer: Sealer
  /** URL of the sample upstream of this very server, which is on this machine whatever the rules for others say. */
  readonly sampleUrl: string | undefined
}

/** No organization's id. */
const OPERATOR = 'operator'

export function createSources({ policy, sealer, sampleUrl }: SourcesOptions): Sources {
  const network = createRegistryNetwork({ http: createHttpClient({ policy }) })
  const ownPolicy = sampleUrl === undefined ? policy : samplePolicy(sampleUrl, policy)
  const ownNetwork = createRegistryNetwork({ http: createHttpClient({ policy: ownPolicy }) })
  const networkOf = ({ organization_id, url }: Pick<UpstreamRow, 'organization_id' | 'url'>): RegistryNetwork =>
    organization_id === null && url === sampleUrl ? ownNetwork : network
  return {
    openSource(upstream, repository, organization) {
      let requests = 0
      let readBytes = 0
      const shared = networkOf(upstream)
      const http: HttpClient = {
        get inFlight() {
          return shared.http.inFlight
        },
        request: (url, request) =>
          shared.http.request(url, {
            ...request,
            onBytes: (bytes) => {
              readBytes += bytes
            },
          }),
      }
      const onRequest = () => {
        requests++
      }
      const own = { ...shared, http, organization }
      const reader = openRemoteRepository(own, endpointOf(sealer, upstream), repository, { onRequest })
      return { reader, usage: () => ({ requests, readBytes }) }
    },
    openRegistry(upstream, organization) {
      const own = { ...networkOf(upstream), organization: organization ?? OPERATOR }
      return openRemoteRegistry(own, endpointOf(sealer, upstream))
    },
    checkUpstream(upstream, signal) {
      const { http } = networkOf(upstream)
      const own = { http, organization: upstream.organization_id ?? OPERATOR }
      return checkRegistry(own, endpointOf(sealer, upstream), { signal })
    },
  }
}
