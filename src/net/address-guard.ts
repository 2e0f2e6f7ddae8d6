import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import { AppError } from '../errors.ts'

/** Which addresses an outgoing request may reach besides public ones. */
export interface AddressPolicy {
  /** The whole of this machine's loopback, in both families; the composition root says when (`server/address-policy.ts`). */
  readonly allowLoopback: boolean
  /** The operator's networks (`KAGAMI_ALLOW_NETWORKS`), as CIDR blocks or single addresses. */
  readonly allowNetworks: readonly string[]
  /** The public address that has led here: nothing but public addresses is allowed then. */
  readonly ledBy?: string
}

type Address = ipaddr.IPv4 | ipaddr.IPv6

/** Everything that the internet routes; 2000::/3 is the only IPv6 space that IANA has given out. */
const GLOBAL_IPV6 = ipaddr.IPv6.parseCIDR('2000::/3')
/** NAT64 (RFC 6052): the last four bytes are the IPv4 address that is really reached. */
const NAT64 = ipaddr.IPv6.parseCIDR('64:ff9b::/96')
/** Azure's host agent and metadata service: inside public space, never public. */
const AZURE_HOST = '168.63.129.16'

/** IPv4-mapped and NAT64 addresses are judged as the IPv4 address in them. */
function canonical(text: string): Address | undefined {
  // isIP knows no short or octal forms (127.1, 0177.0.0.1), which readers understand differently. It does know zones
  // (fe80::1%eth0), which an URL cannot hold.
  if (isIP(text) === 0 || text.includes('%')) return undefined
  const address = ipaddr.process(text)
  if (!(address instanceof ipaddr.IPv6) || !address.match(NAT64)) return address
  const translated = new ipaddr.IPv4(address.toByteArray().slice(12))
  // That would be the loopback of the translating router, not ours.
  return translated.range() === 'loopback' ? address : translated
}

function isPublic(address: Address): boolean {
  if (address.range() !== 'unicast') return false
  return address instanceof ipaddr.IPv6 ? address.match(GLOBAL_IPV6) : address.toString() !== AZURE_HOST
}

/** True for unicast addresses of the public internet: no loopback, private, link-local, shared, metadata, tunnel or reserved one. */
export function isPublicAddress(address: string): boolean {
  const parsed = canonical(address)
  return parsed !== undefined && isPublic(parsed)
}

export function isLoopbackAddress(address: string): boolean {
  return canonical(address)?.range() === 'loopback'
}

/** A block in the one spelling that `canonical` gives to addresses: IPv4-mapped blocks are IPv4 blocks. */
function blockOf(network: string): [Address, number] {
  const [base, bits] = network.includes('/')
    ? ipaddr.parseCIDR(network)
    : [ipaddr.parse(network), network.includes(':') ? 128 : 32]
  const isMapped = base instanceof ipaddr.IPv6 && base.isIPv4MappedAddress() && bits >= 96
  return isMapped ? [base.toIPv4Address(), bits - 96] : [base, bits]
}

function isInside(address: Address, network: string): boolean {
  const [base, bits] = blockOf(network)
  return address.kind() === base.kind() && address.match(base, bits)
}

/** True when the block holds all of 127.0.0.0/8. */
export function holdsLoopback(network: string): boolean {
  const [base, bits] = blockOf(network)
  return base.kind() === 'ipv4' && bits <= 8 && ipaddr.IPv4.parse('127.0.0.1').match([base as ipaddr.IPv4, bits])
}

/**
 * What may be reached after an answer from `address`: what a public address leads to must be public, even where the
 * operator's networks would be allowed. A leader that cannot be read counts as public.
 */
export function policyAfter(address: string, policy: AddressPolicy): AddressPolicy {
  const parsed = canonical(address)
  return parsed === undefined || isPublic(parsed) ? { allowLoopback: false, allowNetworks: [], ledBy: address } : policy
}

/** The pure decision: may a request reach `address`? An address that cannot be read is refused. */
export function isAddressAllowed(address: string, policy: AddressPolicy): boolean {
  const parsed = canonical(address)
  if (parsed === undefined) return false
  if (isPublic(parsed)) return true
  if (policy.allowLoopback && parsed.range() === 'loopback') return true
  return policy.allowNetworks.some((network) => isInside(parsed, network))
}

/** @throws AppError ADDRESS_NOT_ALLOWED naming host, address and the setting that would allow it */
export function assertAddressAllowed(host: string, address: string, policy: AddressPolicy): void {
  if (isAddressAllowed(address, policy)) return
  const kind = canonical(address)?.range() ?? 'unreadable'
  const network = kind === 'loopback' ? '127.0.0.0/8' : 'it or its network'
  const why =
    policy.ledBy === undefined
      ? `which Kagami does not call: to allow it, add ${network} to KAGAMI_ALLOW_NETWORKS`
      : `and a public address (${policy.ledBy}) led there: what a public registry names must be public`
  throw new AppError('ADDRESS_NOT_ALLOWED', `${host} is at ${address}, a ${kind} address, ${why}`, {
    detail: { host, address },
  })
}
