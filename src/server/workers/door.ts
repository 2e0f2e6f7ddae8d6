/** Where the main process takes what its workers hand over: a socket of the data directory, which nobody else may enter. */
import { readdirSync, rmSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { HttpApp } from '../../http/app.ts'
import { randomHex } from '../../lib/ids.ts'
import { PEER_HEADER } from './messages.ts'

export interface Door {
  readonly path: string
  stop(): Promise<void>
}

export async function openDoor(directory: string, app: HttpApp): Promise<Door> {
  const prefix = `door-${hostname()}-`
  await removeLeft(directory, prefix)
  const path = join(directory, `${prefix}${randomHex(4)}.sock`)
  const server = Bun.serve({
    unix: path,
    // The workers cut what makes no progress. Bun knows it for sockets too, its types do not.
    ...({ idleTimeout: 0 } as object),
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    development: false,
    fetch(request, self) {
      return app.fetch(request, {
        timeout: (of, seconds) => self.timeout(of, seconds),
        requestIP(of) {
          const address = of.headers.get(PEER_HEADER)
          return address === null ? null : { address }
        },
      })
    },
  })
  return {
    path,
    async stop() {
      await server.stop(true)
      rmSync(path, { force: true })
    },
  }
}

/** Of servers of this machine that were killed; others, on one PostgreSQL, may have the directory too. */
async function removeLeft(directory: string, prefix: string): Promise<void> {
  for (const name of readdirSync(directory)) {
    if (!name.startsWith(prefix) || !name.endsWith('.sock')) continue
    const path = join(directory, name)
    const isTaken = await Bun.connect({ unix: path, socket: { data() {} } }).then(
      (socket) => {
        socket.end()
        return true
      },
      () => false,
    )
    if (!isTaken) rmSync(path, { force: true })
  }
}
