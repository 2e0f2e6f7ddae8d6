// Blobs that lie in S3, pulled through the server and by redirects to the bucket: what each way costs, and whom.
import { signIn } from '../e2e/operator.ts'
import { runCommand } from '../support/command.ts'
import { startKagami } from '../support/kagami.ts'
import { freshContent, ociRequests } from '../support/oci-requests.ts'
import { postgres } from '../support/postgres.ts'
import { s3Environment, s3Server } from '../support/s3-server.ts'
import { usageOf } from './process-usage.ts'
import { median, short, table } from './ratios.ts'

export interface S3PullsOptions {
  readonly rounds: number
  readonly say: (line: string) => void
}

interface Measured {
  readonly mibPerSecond: number
  /** Of the server. */
  readonly cpuSecondsPerGib: number
}

const MIB = 1024 * 1024
const SIZES_MIB = [4, 100]
/** Of each size, each round. */
const PULLED_MIB = 800
const AT_ONCE = 4
const WAYS = [
  { name: 'through the server', env: {} },
  { name: 'by redirects', env: { KAGAMI_BLOB_REDIRECT: 'on' } },
] as const

/** Both ways in turn, with the same bucket and database. */
export async function measureS3Pulls({ rounds, say }: S3PullsOptions): Promise<string> {
  const shared = {
    ...s3Environment((await s3Server()).freshLocation()),
    KAGAMI_DATABASE: await (await postgres()).freshDatabase(),
    KAGAMI_WORKERS: '1',
    KAGAMI_LOG: 'error',
  }
  const measured = new Map<string, Measured[]>()
  const digests = new Map<number, string>()
  let dataDirectory: string | undefined
  for (let round = 0; round < rounds; round++) {
    for (const { name, env } of WAYS) {
      const kagami = await startKagami({
        env: { ...shared, ...env },
        ...(dataDirectory === undefined ? {} : { dataDirectory }),
      })
      dataDirectory = kagami.dataDirectory
      try {
        const login = await (await signIn(kagami)).createToken('admin')
        const client = ociRequests(kagami.url, 'acme/large', login)
        for (const mib of SIZES_MIB) {
          say(`${mib} MiB ${name}`)
          const digest = digests.get(mib) ?? (await client.pushBlob(freshContent(mib * MIB))).digest
          digests.set(mib, digest)
          const before = usageOf(kagami.pid).cpuSeconds
          const begun = performance.now()
          await pull(`${kagami.url}/v2/acme/large/blobs/${digest}`, `${login.username}:${login.password}`, mib)
          const seconds = (performance.now() - begun) / 1000
          const cpuSecondsPerGib = ((usageOf(kagami.pid).cpuSeconds - before) * 1024) / PULLED_MIB
          const key = `${mib} MiB ${name}`
          measured.set(key, [...(measured.get(key) ?? []), { mibPerSecond: PULLED_MIB / seconds, cpuSecondsPerGib }])
        }
      } finally {
        await kagami.stop()
      }
    }
  }
  const rows = [...measured].map(([name, all]) => [
    name,
    Math.round(median(all.map(({ mibPerSecond }) => mibPerSecond))).toLocaleString('en'),
    short(median(all.map(({ cpuSecondsPerGib }) => cpuSecondsPerGib))),
  ])
  return table(['Blobs', 'MiB/s', 'CPU seconds a GiB, of the server'], rows)
}

/** By curl, which gives a login to nobody else when it follows a redirect. */
async function pull(url: string, login: string, mib: number): Promise<void> {
  const times = PULLED_MIB / mib
  const config = Array.from({ length: times }, () => `url = "${url}"\noutput = "/dev/null"`).join('\n')
  const flags = ['--silent', '--show-error', '--fail', '--location', '--parallel', '--parallel-max', `${AT_ONCE}`]
  const { exitCode, stderr } = await runCommand(['curl', ...flags, '--user', login, '--config', '-'], {
    input: config,
    timeoutMs: 300_000,
  })
  if (exitCode !== 0) throw new Error(`curl ended with ${exitCode}: ${stderr}`)
}
