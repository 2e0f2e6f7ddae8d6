/** Whom outgoing requests of this server may reach: decided once, from the settings and the address that was really bound. */
import { isIP } from 'node:net'
import { type AddressPolicy, holdsLoopback, isLoopbackAddress } from '../net/address-guard.ts'

/**
 * `KAGAMI_ALLOW_NETWORKS` decides where it is set: loopback is allowed when a block of it holds 127.0.0.0/8. Where it is not
 * set, loopback is allowed while everybody who can use the server is on this machine anyway: it listens there alone, and has
 * no public address (a proxy in front listens on loopback just the same).
 * @param o.listening the address that the listener is bound to
 * @param o.publicUrl `KAGAMI_URL`
 */
export function addressPolicy(o: {
  readonly listening: string
  readonly publicUrl: string | undefined
  readonly allowNetworks: readonly string[]
}): AddressPolicy {
  const { allowNetworks } = o
  const isPrivate = isLoopbackAddress(o.listening) && (o.publicUrl === undefined || isLoopbackUrl(o.publicUrl))
  return { allowLoopback: allowNetworks.length === 0 ? isPrivate : allowNetworks.some(holdsLoopback), allowNetworks }
}

/** For the sample upstream of this very server: wherever it listens, it is the operator's own. */
export function samplePolicy(sampleUrl: string, policy: AddressPolicy): AddressPolicy {
  const host = hostOf(sampleUrl)
  return { allowLoopback: true, allowNetworks: isIP(host) === 0 ? policy.allowNetworks : [host] }
}

/** `localhost` and the names below it are loopback by RFC 6761 section 6.3; of other names nobody knows what they mean elsewhere. */
function isLoopbackUrl(url: string): boolean {
  const host = hostOf(url)
  return isIP(host) === 0 ? /^(.+\.)?localhost\.?$/.test(host) : isLoopbackAddress(host)
}

function hostOf(url: string): string {
  return new URL(url).hostname.replace(/^\[|\]$/g, '')
}
