// What one more server brings: the same pulls from 1, 2 and 3 servers of one process each, on one PostgreSQL and one blob store.
import { join } from 'node:path'
import { signIn } from '../e2e/operator.ts'
import { type Kagami, startKagami } from '../support/kagami.ts'
import { freshContent, ociRequests, pushImage } from '../support/oci-requests.ts'
import { postgres } from '../support/postgres.ts'
import { temporaryDirectory } from '../support/process.ts'
import { putLoad } from './load.ts'
import { usageOf } from './process-usage.ts'
import { median, short, table } from './ratios.ts'

export interface ServersBenchOptions {
  readonly servers: number
  readonly seconds: number
  readonly rounds: number
  readonly say: (line: string) => void
}

interface Measured {
  readonly perSecond: number
  /** Of all servers. */
  readonly cpuMicros: number
}

const REPOSITORY = 'acme/pulled'

export async function measureServers(o: ServersBenchOptions): Promise<string> {
  const directory = temporaryDirectory('servers')
  const env = { KAGAMI_DATABASE: await (await postgres()).freshDatabase(), KAGAMI_WORKERS: '1', KAGAMI_LOG: 'error' }
  const servers: Kagami[] = []
  try {
    for (let i = 0; i < o.servers; i++)
      servers.push(await startKagami({ dataDirectory: join(directory.path, 'data'), env }))
    const [first] = servers as [Kagami]
    const login = await (await signIn(first)).createToken('admin')
    const client = ociRequests(first.url, REPOSITORY, login)
    await pushImage(client, { tag: 'latest' })
    const { digest } = await client.pushBlob(freshContent(10_240))
    const routes = new Map([
      ['manifest by tag', `/v2/${REPOSITORY}/manifests/latest`],
      ['blob of 10 KiB', `/v2/${REPOSITORY}/blobs/${digest}`],
    ])
    const authorization = `Bearer ${await bearer(first, login)}`
    const rows: string[][] = []
    for (const [name, path] of routes) {
      const byCount = new Map<number, Measured[]>()
      for (let round = 0; round < o.rounds; round++)
        for (let count = 1; count <= o.servers; count++) {
          o.say(`${name}, ${count} servers`)
          const got = await measure(servers.slice(0, count), path, authorization, o.seconds)
          byCount.set(count, [...(byCount.get(count) ?? []), got])
        }
      const one = median((byCount.get(1) ?? []).map(({ perSecond }) => perSecond))
      for (const [count, all] of byCount) {
        const rate = median(all.map(({ perSecond }) => perSecond))
        const cpu = median(all.map(({ cpuMicros }) => cpuMicros))
        rows.push([name, `${count}`, Math.round(rate).toLocaleString('en'), short(rate / one), cpu.toFixed(1)])
      }
    }
    return table(['Pull', 'servers', 'requests/s', '× one', 'CPU µs a request, of all servers'], rows)
  } finally {
    await Promise.all(servers.map((one) => one.stop()))
    directory.remove()
  }
}

async function bearer(kagami: Kagami, { username, password }: { username: string; password: string }): Promise<string> {
  const query = new URLSearchParams({ service: 'kagami', scope: `repository:${REPOSITORY}:pull` })
  const answer = await fetch(`${kagami.url}/token?${query}`, {
    headers: { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` },
  })
  return ((await answer.json()) as { token: string }).token
}

/** All servers at once, each by connections of its own: what a balancer costs is no matter of ours. */
async function measure(
  servers: readonly Kagami[],
  path: string,
  authorization: string,
  seconds: number,
): Promise<Measured> {
  const cpu = () => servers.reduce((sum, { pid }) => sum + usageOf(pid).cpuSeconds, 0)
  const before = cpu()
  const loads = await Promise.all(
    servers.map(({ url }) => putLoad({ url: `${url}${path}`, headers: { authorization }, connections: 16, seconds })),
  )
  const requests = loads.reduce((sum, load) => sum + load.requests, 0)
  return {
    perSecond: loads.reduce((sum, load) => sum + load.requestsPerSecond, 0),
    cpuMicros: ((cpu() - before) * 1e6) / requests,
  }
}
