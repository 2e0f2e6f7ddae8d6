// Puts load on one URL, by wrk where it is installed, by requests of this process otherwise.
import { runCommand } from '../support/command.ts'

export interface Load {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly connections: number
  readonly seconds: number
}

export interface LoadResult {
  readonly requestsPerSecond: number
  readonly p99Ms: number
  readonly requests: number
  /** Of answers with their headers, those that the end cut off included. */
  readonly readBytes: number
}

export const loader: string = Bun.which('wrk') === null ? 'requests of the measuring process' : 'wrk -t1'

/** @throws Error when any answer was not 200, or a connection failed: such a rate would mean nothing */
export async function putLoad(load: Load): Promise<LoadResult> {
  await expectOk(load)
  return Bun.which('wrk') === null ? byOwnRequests(load) : byWrk(load)
}

async function expectOk({ url, headers }: Load): Promise<void> {
  const response = await fetch(url, { headers, decompress: false })
  await response.arrayBuffer()
  if (response.status !== 200) throw new Error(`GET ${url}: want 200, got ${response.status}`)
}

async function byWrk({ url, headers, connections, seconds }: Load): Promise<LoadResult> {
  const given = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`])
  const shape = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '30s', '--latency']
  const { exitCode, stdout, stderr } = await runCommand(['wrk', ...shape, ...given, url])
  if (exitCode !== 0) throw new Error(`wrk ended with ${exitCode}: ${stderr}`)
  const bad = /Non-2xx.*|Socket errors: .*/.exec(stdout)?.[0]
  if (bad !== undefined) throw new Error(`GET ${url}: ${bad}`)
  const rate = /Requests\/sec:\s*([\d.]+)/.exec(stdout)?.[1]
  const [, p99, unit = ''] = /99%\s*([\d.]+)(us|ms|s)/.exec(stdout) ?? []
  if (rate === undefined || p99 === undefined) throw new Error(`wrk said nothing of its rate: ${stdout}`)
  const [, requests, read, readUnit = ''] = /(\d+) requests in [^,]*, ([\d.]+)([KMGT]?B) read/.exec(stdout) ?? []
  const toMs: Record<string, number> = { us: 0.001, ms: 1, s: 1000 }
  return {
    requestsPerSecond: Number(rate),
    p99Ms: Number(p99) * (toMs[unit] ?? Number.NaN),
    requests: Number(requests),
    readBytes: Number(read) * 1024 ** ['B', 'KB', 'MB', 'GB', 'TB'].indexOf(readUnit),
  }
}

async function byOwnRequests({ url, headers, connections, seconds }: Load): Promise<LoadResult> {
  const times: number[] = []
  let readBytes = 0
  const begun = performance.now()
  const end = begun + seconds * 1000
  const lane = async () => {
    for (let at = performance.now(); at < end; ) {
      const response = await fetch(url, { headers, decompress: false })
      for await (const piece of response.body ?? []) readBytes += piece.byteLength
      if (response.status !== 200) throw new Error(`GET ${url}: want 200, got ${response.status}`)
      const now = performance.now()
      times.push(now - at)
      at = now
    }
  }
  await Promise.all(Array.from({ length: connections }, lane))
  times.sort((a, b) => a - b)
  return {
    requestsPerSecond: (1000 * times.length) / (performance.now() - begun),
    p99Ms: times[Math.floor(times.length * 0.99)] ?? Number.NaN,
    requests: times.length,
    readBytes,
  }
}
