/** What Bun hands to `fetch` beside the request, as far as it is needed here. */
interface PeerSource {
  requestIP(request: Request): { readonly address: string } | null
}

/**
 * The peer's IP address; undefined when there is no socket (tests). `X-Forwarded-For` is not believed: anybody can send it.
 * @param server Bun's server, the second argument of `fetch` (Hono: `c.env`)
 */
export function clientAddress(request: Request, server: unknown): string | undefined {
  return isPeerSource(server) ? server.requestIP(request)?.address : undefined
}

function isPeerSource(server: unknown): server is PeerSource {
  return (
    typeof server === 'object' && server !== null && 'requestIP' in server && typeof server.requestIP === 'function'
  )
}
