/** Whose request it is, by address: the peer, or whom a proxy of the operator names. */
import ipaddr from 'ipaddr.js'
import type { From } from '../access/principal.ts'

/** What Bun hands to `fetch` beside the request, as far as it is needed here. */
interface PeerSource {
  requestIP(request: Request): { readonly address: string } | null
}

/** True for the addresses of the operator's own proxies (`KAGAMI_TRUSTED_PROXIES`). */
export type IsTrustedProxy = (address: string) => boolean

/** The longest chain of proxies that is read. */
const MAX_HOPS = 50

/**
 * The address that the door (`http/app.ts`) found; undefined when there is no socket (tests).
 * @param server Bun's server, the second argument of `fetch` (Hono: `c.env`)
 */
export function clientAddress(request: Request, server: unknown): string | undefined {
  return isPeerSource(server) ? server.requestIP(request)?.address : undefined
}

/** Where a request comes from, asked of the socket when somebody wants to know: most requests are granted without that. */
export function comingFrom(request: Request, server: unknown): From {
  return {
    get address() {
      return clientAddress(request, server)
    },
  }
}

/** Where a request comes from, as logins and sessions are told. */
export function requestFrom(request: Request, server: unknown): From {
  const userAgent = request.headers.get('user-agent') ?? undefined
  return { address: clientAddress(request, server), userAgent }
}

/**
 * Who is behind the peer: forwarding headers are believed only as far as trusted proxies wrote them, so from the right, up to the
 * first address that is no trusted proxy. What a client sends itself stands to the left of that.
 * Both headers at once must agree: one of them may be what a client sent and the proxy passed on.
 */
export function forwardedAddress(peer: string, headers: Headers, isTrusted: IsTrustedProxy): string {
  if (!isTrusted(peer)) return peer
  const chains = [forwardedFor(headers), forwarded(headers)].filter((chain) => chain.length > 0)
  const found = chains.map((chain) => judge(peer, chain, isTrusted))
  return new Set(found).size === 1 ? (found[0] ?? peer) : peer
}

function judge(peer: string, chain: readonly string[], isTrusted: IsTrustedProxy): string {
  let last = peer
  for (const hop of chain.toReversed()) {
    const address = addressOf(hop)
    // `unknown`, an obfuscated name, or nonsense: whoever handed it on is as far as we can see.
    if (address === undefined) return last
    last = address
    if (!isTrusted(address)) return address
  }
  return last
}

function forwardedFor(headers: Headers): string[] {
  return listOf(headers.get('x-forwarded-for'))
}

/** RFC 7239: `for=` of each element. An element without one is a hop that cannot be seen. */
function forwarded(headers: Headers): string[] {
  return listOf(headers.get('forwarded')).map((element) => {
    const match = /(?:^|;)\s*for\s*=\s*(?:"([^"]*)"|([^\s;",]*))/i.exec(element)
    return match?.[1] ?? match?.[2] ?? ''
  })
}

function listOf(header: string | null): string[] {
  return header === null ? [] : header.split(',').slice(-MAX_HOPS)
}

/** An IP address with or without port and brackets. */
function addressOf(text: string): string | undefined {
  const trimmed = text.trim()
  const bracketed = /^\[([^\]]+)\](?::\d{1,5})?$/.exec(trimmed)?.[1]
  const plain = bracketed ?? /^(\d+\.\d+\.\d+\.\d+):\d{1,5}$/.exec(trimmed)?.[1] ?? trimmed
  const isAddress = ipaddr.IPv4.isValidFourPartDecimal(plain) || ipaddr.IPv6.isValid(plain)
  return isAddress ? ipaddr.process(plain).toString() : undefined
}

/** @param networks addresses and CIDR blocks */
export function trustedProxies(networks: readonly string[]): IsTrustedProxy {
  const ranges = networks.map((network) => {
    if (network.includes('/')) return ipaddr.parseCIDR(network)
    const address = ipaddr.parse(network)
    return [address, address.kind() === 'ipv4' ? 32 : 128] as [ipaddr.IPv4 | ipaddr.IPv6, number]
  })
  return (text) => {
    if (ranges.length === 0 || !ipaddr.isValid(text)) return false
    const address = ipaddr.process(text)
    return ranges.some(([range, bits]) => range.kind() === address.kind() && address.match(range, bits))
  }
}

function isPeerSource(server: unknown): server is PeerSource {
  return (
    typeof server === 'object' && server !== null && 'requestIP' in server && typeof server.requestIP === 'function'
  )
}
