// From a release at the vendor to the moved tag here, and on to a receiver of our webhook: by the schedule alone, and with a push hint, which
// is the vendor's own webhook. Two real servers and a receiver.
import { addUpstream } from '../e2e/fixture-upstreams.ts'
import { type Operator, operatorOf, signIn } from '../e2e/operator.ts'
import { type Kagami, startKagami } from '../support/kagami.ts'
import { ociRequests, pushImage } from '../support/oci-requests.ts'
import { type Receiver, startReceiver } from '../support/webhook-receiver.ts'

export interface ReleaseBenchOptions {
  readonly repositories: number
  /** With a hint, one after another. */
  readonly releases: number
  readonly say: (line: string) => void
}

/** The shortest that there is. */
const EVERY = { text: '1m', ms: 60_000 }
const LOOK_MS = 10

interface Delays {
  /** Milliseconds from the vendor's answer to the push, of each release. */
  readonly visible: number[]
  readonly received: number[]
}

export async function measureReleases(o: ReleaseBenchOptions): Promise<string> {
  const local = { KAGAMI_ALLOW_NETWORKS: '127.0.0.0/8', KAGAMI_LOG: 'error' }
  const vendor = await startKagami({ env: { ...local, KAGAMI_ORG: 'vendor' } })
  const kagami = await startKagami({ env: local })
  const receiver = await startReceiver()
  try {
    const [there, here] = [await admin(vendor), await admin(kagami)]
    const names = Array.from({ length: o.repositories }, (_, i) => `app${i}`)
    const release = async (name: string) => {
      const image = await pushImage(ociRequests(vendor.url, `vendor/${name}`, vendor.owner), { tag: 'latest' })
      return { digest: image.manifest.digest, at: Date.now() }
    }
    for (const name of names) await release(name)
    await addUpstream(here, 'vendor', `${vendor.url}/vendor`, await there.createToken())
    for (const name of names)
      await here.wait(['mirror', 'start', `vendor/${name}`, '--as', name, '--every', EVERY.text])
    await here.run(['webhook', 'create', 'acme', receiver.url, '--name', 'bench', '--plain-http'])

    const follow = async (name: string, delays: Delays) => {
      const { digest, at } = await release(name)
      const pulled = ociRequests(kagami.url, `acme/${name}`, kagami.owner)
      const isHere = async () =>
        (await pulled.send('HEAD', 'manifests/latest')).headers.get('docker-content-digest') === digest
      while (!(await isHere())) await Bun.sleep(LOOK_MS)
      delays.visible.push(Date.now() - at)
      delays.received.push((await receivedOf(receiver, digest)) - at)
    }
    o.say(`${o.repositories} releases within ${EVERY.text}, seen by a schedule of ${EVERY.text}`)
    const scheduled: Delays = { visible: [], received: [] }
    await Promise.all(
      names.map(async (name, i) => {
        await Bun.sleep((i * EVERY.ms) / names.length)
        await follow(name, scheduled)
      }),
    )
    o.say(`${o.releases} releases, one after another, with a push hint`)
    const { url } = await here.json<{ url: string }>(['upstream', 'hook', 'vendor'])
    await there.run(['webhook', 'create', 'vendor', url, '--name', 'hints', '--plain-http'])
    const hinted: Delays = { visible: [], received: [] }
    for (let i = 0; i < o.releases; i++) await follow(names[i % names.length] ?? '', hinted)
    return [
      '### From a release to the webhook',
      '',
      "| from the vendor's answer to the push | tag here, p50 / p99 | webhook received, p50 / p99 |",
      '|---|---|---|',
      `| by a schedule of ${EVERY.text} (${scheduled.visible.length} releases) | ${shown(scheduled.visible)} | ${shown(scheduled.received)} |`,
      `| with a push hint (${hinted.visible.length} releases) | ${shown(hinted.visible)} | ${shown(hinted.received)} |`,
    ].join('\n')
  } finally {
    await kagami.stop()
    await vendor.stop()
    receiver.stop()
  }
}

async function admin(kagami: Kagami): Promise<Operator> {
  return operatorOf(kagami, (await (await signIn(kagami)).createToken('admin')).password)
}

async function receivedOf(receiver: Receiver, digest: string): Promise<number> {
  const found = () => receiver.received.find(({ json }) => json.kagami.digest === digest)
  await receiver.until(() => found() !== undefined)
  return found()?.at ?? 0
}

function shown(delays: readonly number[]): string {
  const sorted = delays.toSorted((a, b) => a - b)
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0
  return [0.5, 0.99].map((part) => `${(at(part) / 1000).toFixed(2)} s`).join(' / ')
}
