/** Registries as the command line names them: their addresses, schemes and what is counted of their requests. */
import { isAppError, isCancelled } from '../errors.ts'
import { isLoopbackAddress } from '../net/address-guard.ts'
import { discard } from '../net/bounded-body.ts'
import { failureReason } from '../net/connection-failure.ts'
import { createHttpClient, type HttpClient } from '../net/guarded-fetch.ts'
import { createRequestBudgets } from '../net/request-budgets.ts'
import type { Abortable } from '../oci/repository.ts'
import { createRegistryNetwork, type RegistryNetwork } from '../remote/network.ts'
import type { UpstreamEndpoint } from '../remote/upstream.ts'
import type { RegistryPlace } from './place.ts'

export interface RegistryAccess {
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** PEM. */
  readonly ca?: string | undefined
  readonly plainHttp: boolean
}

export interface OpenedNetwork {
  readonly network: RegistryNetwork
  readonly usage: () => { readonly requests: number; readonly readBytes: number }
  readonly onRequest: () => void
}

/**
 * Whoever calls a program names the hosts, private ones too: only what a public registry leads to must be public. One network for both
 * sides, whose budgets then are shared where they are the same registry.
 */
export function createNetwork(): RegistryNetwork {
  const policy = { allowLoopback: true, allowNetworks: ['0.0.0.0/0', '::/0'] }
  return createRegistryNetwork({ http: createHttpClient({ policy }), budgets: createRequestBudgets({}) })
}

/** The same network for one side: what passes is counted. */
export function countedNetwork(shared: RegistryNetwork, repository: string): OpenedNetwork {
  let requests = 0
  let readBytes = 0
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
  return {
    network: { ...shared, http, about: repository },
    usage: () => ({ requests, readBytes }),
    onRequest: () => {
      requests++
    },
  }
}

/**
 * https, unless plain http was asked for; on this very machine, http where nobody speaks https (as docker has it).
 * @throws AppError CANCELLED
 */
export async function endpointOf(
  network: RegistryNetwork,
  { host }: Pick<RegistryPlace, 'host'>,
  access: RegistryAccess,
  { signal }: Abortable,
): Promise<UpstreamEndpoint> {
  const { username, password, ca, plainHttp } = access
  const isHttp = plainHttp || (ca === undefined && isLoopback(host) && !(await speaksTls(network, host, signal)))
  return {
    url: `${isHttp ? 'http' : 'https'}://${host}`,
    plainHttp,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(ca === undefined ? {} : { ca }),
  }
}

function isLoopback(host: string): boolean {
  const name = URL.parse(`https://${host}`)?.hostname.replace(/^\[|\]$/g, '') ?? ''
  return /^(?:.+\.)?localhost$/.test(name) || isLoopbackAddress(name)
}

/** A certificate that is not trusted is one: it is told by the first real request. What speaks http there ends or breaks the handshake. */
async function speaksTls({ http }: RegistryNetwork, host: string, signal: AbortSignal | undefined): Promise<boolean> {
  try {
    await discard(await http.request(new URL(`https://${host}/v2/`), { ...(signal && { signal }), redirect: 'manual' }))
    return true
  } catch (error) {
    if (isCancelled(error) || !isAppError(error)) throw error
    return failureReason(error) === 'tls' && !/speaks no TLS/.test(error.message)
  }
}
