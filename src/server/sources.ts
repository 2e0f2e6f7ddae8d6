/** Upstreams as mirror and catalog see them: readers over the network, within the operator's rules on addresses. */
import type { Budget } from '../api/rates.ts'
import { endpointOf } from '../catalog/connection.ts'
import { ratesOf } from '../catalog/upstream-rates.ts'
import { type CheckUpstream, SEALED_AS } from '../catalog/upstreams.ts'
import type { UpstreamRow } from '../db/schema.ts'
import type { Sealer } from '../lib/seal.ts'
import type { Source } from '../mirror/engine.ts'
import type { AddressPolicy } from '../net/address-guard.ts'
import { createHttpClient, type HttpClient } from '../net/guarded-fetch.ts'
import type { Priority } from '../net/priority.ts'
import type { BudgetOptions } from '../net/request-budget.ts'
import { createRequestBudgets } from '../net/request-budgets.ts'
import type { RepositoryName } from '../oci/reference.ts'
import type { RegistryReader } from '../oci/repository.ts'
import { checkRegistry } from '../remote/check-registry.ts'
import { createRegistryNetwork, type RegistryNetwork } from '../remote/network.ts'
import { openRemoteRegistry } from '../remote/remote-registry.ts'
import { openRemoteRepository } from '../remote/remote-repository.ts'
import { accountKey, parseUpstreamUrl, resolveCredential } from '../remote/upstream.ts'
import { samplePolicy } from './address-policy.ts'
import { allowancesOf, budgetView, pausesOf } from './budget-view.ts'

export interface Sources {
  /** That of all registries but the sample of this server: targets share its budgets. */
  readonly network: RegistryNetwork
  /** @param organization id of the one that mirrors, in whose share the requests count */
  openSource: (
    upstream: UpstreamRow,
    repository: RepositoryName,
    organization: string,
    priority?: () => Priority,
  ) => Source
  /** What its registry and login are asked for by this server. @param organizations whose waiting requests are told; undefined: all */
  budgetOf(upstream: UpstreamRow, organizations: readonly string[] | undefined): Promise<Budget>
  /** @param organization id of the one that asks; undefined for an operator who acts for none */
  openRegistry(upstream: UpstreamRow, organization: string | undefined): RegistryReader
  checkUpstream: CheckUpstream
}

export interface SourcesOptions {
  readonly policy: AddressPolicy
  readonly sealer: Sealer
  /** Keeps what registries said, and what is shared with other servers. */
  readonly budgets: Pick<BudgetOptions, 'concurrency' | 'store' | 'portions' | 'ledger'>
  /** URL of the sample upstream of this very server, which is on this machine whatever the rules for others say. */
  readonly sampleUrl: string | undefined
}

/** No organization's id. */
const OPERATOR = 'operator'

export function createSources({ policy, sealer, budgets, sampleUrl }: SourcesOptions): Sources {
  const network = createRegistryNetwork({
    http: createHttpClient({ policy }),
    budgets: createRequestBudgets(budgets),
  })
  const ownPolicy = sampleUrl === undefined ? policy : samplePolicy(sampleUrl, policy)
  const ownNetwork = createRegistryNetwork({ http: createHttpClient({ policy: ownPolicy }) })
  const networkOf = ({ organization_id, url }: Pick<UpstreamRow, 'organization_id' | 'url'>): RegistryNetwork =>
    organization_id === null && url === sampleUrl ? ownNetwork : network
  const budgetAt = async (upstream: Parameters<CheckUpstream>[0]) => {
    const endpoint = endpointOf(sealer, SEALED_AS, upstream)
    const key = accountKey(parseUpstreamUrl(endpoint.url), await resolveCredential(endpoint))
    return networkOf(upstream).budgets.of(key)
  }
  return {
    network,
    async budgetOf(upstream, organizations) {
      return budgetView(await budgetAt(upstream), organizations)
    },
    openSource(upstream, repository, organization, priority) {
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
      const own = { ...shared, http, organization, priority, rates: ratesOf(upstream), about: repository }
      const reader = openRemoteRepository(own, endpointOf(sealer, SEALED_AS, upstream), repository, { onRequest })
      return {
        reader,
        usage: () => ({ requests, readBytes }),
        allowances: async () => allowancesOf(await (await budgetAt(upstream)).learned()),
        pauses: async () => pausesOf(await (await budgetAt(upstream)).learned()),
      }
    },
    openRegistry(upstream, organization) {
      const own = { ...networkOf(upstream), organization: organization ?? OPERATOR, rates: ratesOf(upstream) }
      return openRemoteRegistry(own, endpointOf(sealer, SEALED_AS, upstream))
    },
    checkUpstream(upstream, signal) {
      const { http } = networkOf(upstream)
      const own = { http, organization: upstream.organization_id ?? OPERATOR }
      const onAnswered = async () => (await budgetAt(upstream)).endPause()
      return checkRegistry(own, endpointOf(sealer, SEALED_AS, upstream), { signal, onAnswered })
    },
  }
}
