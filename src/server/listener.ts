import type { ListenAddress } from '../config/settings.ts'
import { AppError, messageOf } from '../errors.ts'
import type { HttpApp } from '../http/app.ts'
import { lazily } from '../lib/lazily.ts'
import { countListening } from './listening-sockets.ts'

export interface Listener {
  /** How this machine reaches it: `http://127.0.0.1:5080`. */
  readonly url: string
  readonly port: number
  /** What it is bound to, as an address whatever the setting's spelling; empty when that is not known. */
  readonly address: string
  /** Hands requests to the app; those that have come before wait for it. */
  serve(app: HttpApp): void
  /** Takes no more requests, lets those under way end for a moment, then cuts them. */
  stop(): Promise<void>
}

export interface ListenOptions {
  /** With the other processes of this server: the system spreads connections over them. */
  readonly isShared?: boolean
  /** Streamed answers have their Content-Length, for which small ones take longer. */
  readonly keepsLengths?: boolean
}

const nodeListener = lazily(() => require('./node-listener.ts') as typeof import('./node-listener.ts'))

/** Seconds; blobs, uploads and streams lift it and watch their own progress. */
const IDLE_TIMEOUT_SECONDS = 120
const STOP_PATIENCE_MS = 3000

const BIND_FAILURES: Readonly<Record<string, string | undefined>> = {
  EADDRINUSE: 'it is taken',
  EACCES: 'this user may not listen there',
  EADDRNOTAVAIL: 'this machine has no such address',
}

/**
 * Takes the address at once, so that a taken port is known before anything is made.
 * @param setting the variable that names the address, for the message
 * @throws AppError CONFIG_INVALID
 */
export function listen(
  address: ListenAddress,
  setting: string,
  { isShared = false, keepsLengths = false }: ListenOptions = {},
): Listener {
  // What comes while the server opens its data waits: a 503 would make clients give up on a server that is there in a moment.
  const { promise: opened, resolve: open } = Promise.withResolvers<HttpApp>()
  let current: HttpApp | undefined
  const { host, port } = address
  const fetch: HttpApp['fetch'] = (request, self) =>
    current === undefined ? opened.then((app) => app.fetch(request, self)) : current.fetch(request, self)
  let server: Bound
  try {
    const asked = { host, port, isShared, fetch }
    server = keepsLengths ? nodeListener().serveByNode(asked) : serveByBun(asked)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    const why = (typeof code === 'string' ? BIND_FAILURES[code] : undefined) ?? messageOf(error)
    throw cannotListen(address, setting, why, error)
  }
  return {
    url: listeningUrl(host, server.port),
    port: server.port,
    address: server.address,
    serve(app) {
      current = app
      open(app)
    },
    async stop() {
      // Nobody will ever answer those who wait.
      if (current === undefined) return server.stop(true)
      const timer = setTimeout(() => void server.stop(true), STOP_PATIENCE_MS)
      await server.stop(false)
      clearTimeout(timer)
    },
  }
}

interface Bound {
  readonly port: number
  readonly address: string
  stop(isAtOnce: boolean): Promise<void>
}

function serveByBun(o: {
  readonly host: string
  readonly port: number
  readonly isShared: boolean
  readonly fetch: HttpApp['fetch']
}): Bound {
  const server = Bun.serve({
    hostname: o.host,
    port: o.port,
    idleTimeout: IDLE_TIMEOUT_SECONDS,
    // Each route bounds its own bodies; layers may be of any size.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    development: false,
    // Without development Bun 1.4.5 sets SO_REUSEPORT: a second server would share the port instead of failing on it.
    reusePort: o.isShared,
    fetch: o.fetch,
  })
  return {
    port: server.port ?? o.port,
    // Bun has it, its types do not.
    address: (server as { readonly address?: { readonly address: string } | null }).address?.address ?? '',
    stop: (isAtOnce) => server.stop(isAtOnce),
  }
}

/** Workers of a server that was killed end as soon as the system lets them. */
const GOING_TRIES = 20
const GOING_MS = 25

/**
 * The same for a server with workers. With SO_REUSEPORT a second server would share the port instead of failing on it: the system is asked
 * what listens there already. Nothing is ever bound only to be closed, which would reset whoever connects in between.
 * @throws AppError CONFIG_INVALID
 */
export async function listenWithWorkers(
  address: ListenAddress,
  setting: string,
  o: Pick<ListenOptions, 'keepsLengths'> = {},
): Promise<Listener> {
  for (let left = GOING_TRIES; ; left--) {
    if (countListening(address.host, address.port) === 0) {
      const listener = listen(address, setting, { ...o, isShared: true })
      // Another that has begun since then sees us too; where both are refused, one is first at the next look.
      if (countListening(listener.address, listener.port) <= 1) return listener
      await listener.stop()
    }
    if (left === 0) throw cannotListen(address, setting, BIND_FAILURES.EADDRINUSE)
    await Bun.sleep(GOING_MS)
  }
}

/** How this machine reaches what listens there. */
export function listeningUrl(host: string, port: number): string {
  return `http://${host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '[::1]' : bracketed(host)}:${port}`
}

function cannotListen(
  { host, port }: ListenAddress,
  setting: string,
  why: string | undefined,
  cause?: unknown,
): AppError {
  const message = `cannot listen on ${bracketed(host)}:${port}: ${why}; choose another by ${setting}`
  return new AppError('CONFIG_INVALID', message, { cause })
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}
