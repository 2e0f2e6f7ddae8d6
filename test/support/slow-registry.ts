// A registry that lists its repositories when it is told to, and has nothing in them.

export interface SlowRegistry {
  readonly url: string
  /** Resolves once its list has been asked for. */
  readonly isAsked: Promise<void>
  release(): void
  stop(): Promise<void>
}

export function slowRegistry(repositories: readonly string[]): SlowRegistry {
  const asked = Promise.withResolvers<void>()
  const released = Promise.withResolvers<void>()
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    idleTimeout: 0,
    async fetch(request) {
      if (!new URL(request.url).pathname.endsWith('/_catalog')) return new Response('none', { status: 404 })
      asked.resolve()
      await released.promise
      return Response.json({ repositories })
    },
  })
  return {
    url: `http://127.0.0.1:${server.port}`,
    isAsked: asked.promise,
    release: () => released.resolve(),
    stop: () => server.stop(true),
  }
}
