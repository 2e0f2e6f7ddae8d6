/** Upstreams as mirror and catalog see them: readers over the network, within the operator's rules on addresses. */
import { endpointOf } from '../catalog/upstreams.ts'
import type { UpstreamRow } from '../db/schema.ts'
import type { Sealer } from '../lib/seal.ts'
import type { Source } from '../mirror/engine.ts'
import type { AddressPolicy } from '../net/address-guard.ts'
import { createHttpClient, type HttpClient } from '../net/guarded-fetch.ts'
import type { RepositoryName } from '../oci/reference.ts'
import type { RegistryReader } from '../oci/repository.ts'
import { createRegistryNetwork, type RegistryNetwork } from '../remote/network.ts'
import { openRemoteRegistry } from '../remote/remote-registry.ts'
import { openRemoteRepository } from '../remote/remote-repository.ts'
import { samplePolicy } from './address-policy.ts'

export interface Sources {
  openSource(upstream: UpstreamRow, repository: RepositoryName): Source
  openRegistry(upstream: UpstreamRow): RegistryReader
}

export interface SourcesOptions {
  readonly policy: AddressPolicy
  readonly sealer: Sealer
  /** URL of the sample upstream of this very server, which is on this machine whatever the rules for others say. */
  readonly sampleUrl: string | undefined
}

export function createSources({ policy, sealer, sampleUrl }: SourcesOptions): Sources {
  const network = createRegistryNetwork({ http: createHttpClient({ policy }) })
  const ownPolicy = sampleUrl === undefined ? policy : samplePolicy(sampleUrl, policy)
  const ownNetwork = createRegistryNetwork({ http: createHttpClient({ policy: ownPolicy }) })
  const networkOf = ({ organization_id, url }: UpstreamRow): RegistryNetwork =>
    organization_id === null && url === sampleUrl ? ownNetwork : network
  return {
    openSource(upstream, repository) {
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
      const reader = openRemoteRepository({ ...shared, http }, endpointOf(sealer, upstream), repository, { onRequest })
      return { reader, usage: () => ({ requests, readBytes }) }
    },
    openRegistry: (upstream) => openRemoteRegistry(networkOf(upstream), endpointOf(sealer, upstream)),
  }
}
