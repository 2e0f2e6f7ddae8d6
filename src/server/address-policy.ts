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

/** Of the clouds that this may run in: link-local, and each of them of the machine that asks. */
const METADATA_SERVICES = ['169.254.169.254', '169.254.170.2', '169.254.170.23', 'fd00:ec2::254', 'fd00:ec2::23']

/** For what the server itself is, which its operator has a shared target sign in as; nobody else's request goes there. */
export function ambientPolicy(policy: AddressPolicy): AddressPolicy {
  return { ...policy, allowNetworks: [...policy.allowNetworks, ...METADATA_SERVICES] }
}

/** `localhost` and the names below it are loopback by RFC 6761 section 6.3; of other names nobody knows what they mean elsewhere. */
function isLoopbackUrl(url: string): boolean {
  const host = hostOf(url)
  return isIP(host) === 0 ? /^(.+\.)?localhost\.?$/.test(host) : isLoopbackAddress(host)
}

function hostOf(url: string): string {
  return new URL(url).hostname.replace(/^\[|\]$/g, '')
}
