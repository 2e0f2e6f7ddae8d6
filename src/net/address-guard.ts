import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import { AppError } from '../errors.ts'

/** Which addresses an outgoing request may reach besides public ones. */
export interface AddressPolicy {
  /** True only when the server itself listens on loopback alone: whoever can use it is on this machine anyway. */
  readonly allowLoopback: boolean
  /** The operator's networks (`KAGAMI_ALLOW_NETWORKS`), as CIDR blocks or single addresses. */
  readonly allowNetworks: readonly string[]
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
  // isIP knows no short or octal forms (127.1, 0177.0.0.1), which readers understand differently.
  if (isIP(text) === 0) return undefined
  const address = ipaddr.process(text)
  if (address instanceof ipaddr.IPv6 && address.match(NAT64)) return new ipaddr.IPv4(address.toByteArray().slice(12))
  return address
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

function isInside(address: Address, network: string): boolean {
  const [base, bits] = network.includes('/')
    ? ipaddr.parseCIDR(network)
    : [ipaddr.parse(network), network.includes(':') ? 128 : 32]
  return address.kind() === base.kind() && address.match(base, bits)
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
  const loopback = kind === 'loopback' ? ' (or listen on loopback only)' : ''
  throw new AppError(
    'ADDRESS_NOT_ALLOWED',
    `${host} is at ${address}, a ${kind} address, which Kagami does not call: to allow it, add it or its network to KAGAMI_ALLOW_NETWORKS${loopback}`,
    { detail: { host, address } },
  )
}
