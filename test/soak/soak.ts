// Everything at once for as long as is wanted: pushers, pullers, deleters, a mirror of what changes, a replication, and collection.
// Any answer that a client does not expect is an error, and none is allowed.

import { type Replicating, replicating } from '../e2e/replicating.ts'
import { createLedger } from '../support/acknowledged/ledger.ts'
import { createPusher } from '../support/acknowledged/pusher.ts'
import { type Kagami, startKagami } from '../support/kagami.ts'
import { contentOf, type OciRequests, ociRequests, pushImage } from '../support/oci-requests.ts'
import { checkStorage } from '../support/storage-check.ts'
import { collect, haveCollection } from '../support/upkeep.ts'
import { judge, type Sample, takeSample, type Verdict } from './samples.ts'

const PUSHERS = 3
const PULLERS = 3
/** Images of each pusher that stay. */
const KEPT = 5
/** Tags of the upstream, of which one moves after the other. */
const UPSTREAM_TAGS = 10

export interface SoakOptions {
  readonly minutes: number
  readonly tell?: (line: string) => void
}

export interface SoakReport {
  readonly samples: readonly Sample[]
  readonly verdicts: readonly Verdict[]
  /** How often each kind of work was done. */
  readonly done: Readonly<Record<string, number>>
  readonly errors: readonly string[]
  /** What is missing or corrupt in the end. */
  readonly faults: readonly string[]
}

export async function soak({ minutes, tell = () => {} }: SoakOptions): Promise<SoakReport> {
  const env: Record<string, string> = haveCollection ? { KAGAMI_GC_GRACE: '1m' } : {}
  const [kagami, vendor] = await Promise.all([startKagami({ env }), startKagami({ env: { KAGAMI_ORG: 'vendor' } })])
  const errors: string[] = []
  const done: Record<string, number> = {}
  let endsAt = Number.POSITIVE_INFINITY
  const isOver = () => performance.now() >= endsAt
  const loop = async (what: string, work: (round: number) => Promise<void>) => {
    const isNeverDone = () => done[what] === undefined && errors.length === 0
    for (let round = 0; !isOver() || isNeverDone(); round++) {
      try {
        await work(round)
        done[what] = (done[what] ?? 0) + 1
      } catch (error) {
        errors.push(`${what}: ${error instanceof Error ? error.message : error}`)
        // One that fails at once shall not fill the report.
        await Bun.sleep(100)
      }
    }
  }
  try {
    const owner = replicating(() => kagami)
    const upstream = ociRequests(vendor.url, 'vendor/app', vendor.owner)
    const pulled = await prepare(kagami, vendor, owner)
    const begunAt = performance.now()
    endsAt = begunAt + minutes * 60_000
    const samples: Sample[] = []
    const total = () => Object.values(done).reduce((sum, one) => sum + one, 0)
    const everyMs = Math.min(10_000, (minutes * 60_000) / 24)
    const sampling = (async () => {
      while (!isOver()) {
        await Bun.sleep(everyMs)
        const sample = takeSample(kagami, begunAt, total())
        samples.push(sample)
        tell(lineOf(sample, errors.length))
      }
    })()
    await Promise.all([
      sampling,
      ...Array.from({ length: PUSHERS }, (_, worker) => {
        const pusher = pushAndDelete(ociRequests(kagami.url, `acme/pushed-${worker}`, kagami.owner), worker)
        return loop('pushed and deleted', pusher)
      }),
      ...Array.from({ length: PULLERS }, () => loop('pulled', () => pull(kagami, pulled))),
      loop('mirrored', async (round) => {
        await pushImage(upstream, { tag: `v${round % UPSTREAM_TAGS}`, layers: 2 })
        await runToEnd(owner, '/mirrors/acme/mirrored')
      }),
      loop('replicated', () => runToEnd(owner, `/replications/acme/${pulled.replication}`)),
      ...(haveCollection ? [loop('collected', () => collectAgain(kagami, isOver))] : []),
    ])
    const { missing, corrupt } = await checkStorage(kagami.dataDirectory)
    return { samples, verdicts: judge(samples, haveCollection), done, errors, faults: [...missing, ...corrupt] }
  } finally {
    await Promise.all([kagami.stop(), vendor.stop()])
  }
}

interface Prepared {
  readonly stable: readonly string[]
  readonly replication: string
}

async function prepare(kagami: Kagami, vendor: Kagami, owner: Replicating): Promise<Prepared> {
  const upstream = ociRequests(vendor.url, 'vendor/app', vendor.owner)
  const stable = ociRequests(kagami.url, 'acme/stable', kagami.owner)
  const tags = Array.from({ length: 5 }, (_, i) => `s${i}`)
  for (const tag of tags) await pushImage(stable, { tag, layers: 3 })
  for (let i = 0; i < UPSTREAM_TAGS; i++) await pushImage(upstream, { tag: `v${i}`, layers: 2 })
  const login = { organization: 'acme', name: 'vendor', url: `${vendor.url}/vendor`, plainHttp: true, ...vendor.owner }
  await owner.call('POST', '/upstreams', login)
  await owner.call('POST', '/targets', login)
  const mirror = { organization: 'acme', upstream: 'vendor', repository: 'app', as: 'mirrored' }
  const { run } = await owner.call<{ run: { id: string } }>('POST', '/mirrors', mirror)
  await ended(owner, `/mirrors/acme/mirrored/runs/${run.id}`)
  const { id } = await owner.start('acme/mirrored', 'vendor/copied')
  await owner.settled(id)
  return { stable: tags, replication: id }
}

/** Pushes an image in every way, and takes away what is older than the last few: manifests with their tags, then their blobs. */
function pushAndDelete(client: OciRequests, worker: number): (round: number) => Promise<void> {
  const kept: { readonly manifest: string; readonly blobs: readonly (readonly [string, string])[] }[] = []
  return async (round) => {
    const ledger = createLedger()
    await createPusher(client, { ledger, worker: 1000 * (round + 1) + worker }).round()
    const registers = ledger.registers()
    const of = (kind: string) => registers.filter((one) => one.kind === kind)
    const blobs = of('blob').map(({ repository, name }) => [repository, name] as const)
    kept.push({ manifest: of('manifest')[0]?.name ?? '', blobs })
    const old = kept.length > KEPT ? kept.shift() : undefined
    if (old === undefined) return
    await expectStatus(202, client, 'DELETE', `manifests/${old.manifest}`)
    for (const [repository, digest] of old.blobs) {
      await expectStatus(202, client.in(repository), 'DELETE', `blobs/${digest}`)
    }
  }
}

async function pull(kagami: Kagami, { stable }: Prepared): Promise<void> {
  const any = <T>(list: readonly T[]) => list[Math.floor(Math.random() * list.length)] as T
  const [repository, tag] = any([
    ['acme/stable', any(stable)],
    ['acme/mirrored', `v${Math.floor(Math.random() * UPSTREAM_TAGS)}`],
  ] as const)
  const client = ociRequests(kagami.url, repository, kagami.owner)
  const { text } = await expectStatus(200, client, 'GET', `manifests/${tag}`)
  const { config, layers } = JSON.parse(text) as { config: { digest: string }; layers: { digest: string }[] }
  for (const { digest } of [config, ...layers]) {
    const { bytes } = await expectStatus(200, client, 'GET', `blobs/${digest}`)
    if (contentOf(new Uint8Array(bytes)).digest !== digest) throw new Error(`${digest} has other bytes`)
  }
}

async function expectStatus(status: number, client: OciRequests, method: string, path: string) {
  const answer = await client.send(method, path)
  if (answer.status === status) return answer
  throw new Error(`${method} ${path} in ${client.repository}: want ${status}, got ${answer.status} ${answer.text}`)
}

async function runToEnd(owner: Replicating, of: string): Promise<void> {
  const { run } = await owner.call<{ run: { id: string } }>('POST', `${of}/sync`, {})
  await ended(owner, `${of}/runs/${run.id}`)
}

/** A pass that ends otherwise than done is an error. */
async function ended(owner: Replicating, path: string): Promise<void> {
  for (;;) {
    const { run } = await owner.call<{ run: { outcome: string; failures: unknown[] } }>('GET', path)
    if (run.outcome === 'done') return
    if (run.outcome !== 'running') throw new Error(`${path} ended ${run.outcome}: ${JSON.stringify(run.failures)}`)
    await Bun.sleep(50)
  }
}

const COLLECT_EVERY_MS = 5000

async function collectAgain(kagami: Kagami, isOver: () => boolean): Promise<void> {
  await collect(kagami)
  const until = performance.now() + COLLECT_EVERY_MS
  while (!isOver() && performance.now() < until) await Bun.sleep(100)
}

function lineOf(sample: Sample, errors: number): string {
  const { seconds, memoryMiB, descriptors, databaseMiB, storeMiB, done } = sample
  const [memory, database, store] = [memoryMiB, databaseMiB, storeMiB].map((mib) => mib.toFixed(1))
  return `| ${seconds} | ${memory} | ${descriptors} | ${database} | ${store} | ${done} | ${errors} |`
}

export const TABLE_HEAD = `| s | memory MiB | descriptors | database MiB | store MiB | done | errors |
| ---: | ---: | ---: | ---: | ---: | ---: | ---: |`
