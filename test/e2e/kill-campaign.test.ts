// kill -9 at random moments of everything at once: pushes of every kind, deletes, mirrors, replications, and collection. After each start what was
// acknowledged is there byte by byte; in the end nothing is missing, corrupt or left over.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { basename } from 'node:path'
import { createLedger, type Ledger } from '../support/acknowledged/ledger.ts'
import { lookAtAll } from '../support/acknowledged/look.ts'
import { createPusher, UnexpectedAnswer } from '../support/acknowledged/pusher.ts'
import { type Kagami, startKagami } from '../support/kagami.ts'
import { ociRequests } from '../support/oci-requests.ts'
import { havePostgres, postgres } from '../support/postgres.ts'
import { haveS3, s3Environment, s3Server } from '../support/s3-server.ts'
import { checkStorage, type StorageReport, type Stored } from '../support/storage-check.ts'
import { toldTime } from '../support/told-time.ts'
import { collect, haveCollection, haveVerify, verify } from '../support/upkeep.ts'
import { randomNumbers } from './random-numbers.ts'
import { type Replicating, replicating } from './replicating.ts'

/** Of each combination; the long campaign is run by KAGAMI_TEST_KILLS=500. */
const KILLS = Number(process.env.KAGAMI_TEST_KILLS ?? 1)
const PUSHERS = 3
/** A kill falls so long after the start at most. */
const MOST_MS = 700
setDefaultTimeout(120_000 + KILLS * 20_000)

let vendor: Kagami
beforeAll(async () => {
  vendor = await startKagami({ env: { KAGAMI_ORG: 'vendor' } })
})
afterAll(() => vendor?.stop())

const COMBINATIONS: readonly { name: string; isHere: boolean; isOnPostgres: boolean; isOnS3: boolean }[] = [
  { name: 'SQLite and files', isHere: true, isOnPostgres: false, isOnS3: false },
  { name: 'PostgreSQL and files', isHere: havePostgres, isOnPostgres: true, isOnS3: false },
  { name: 'PostgreSQL and S3', isHere: havePostgres && haveS3, isOnPostgres: true, isOnS3: true },
]

for (const { name, isHere, isOnPostgres, isOnS3 } of COMBINATIONS) {
  if (!isHere) console.warn(`\n*** SKIPPED, NOT AT HAND: kills over ${name}\n`)
  describe.skipIf(!isHere)(name, () => {
    test(`${KILLS} kills lose nothing and leave nothing`, async () => {
      const seed = Number(process.env.KAGAMI_TEST_SEED ?? Date.now() % 1_000_000)
      console.info(`kill campaign over ${name}: KAGAMI_TEST_SEED=${seed}`)
      const random = randomNumbers(seed)
      const database = isOnPostgres ? await (await postgres()).freshDatabase() : undefined
      const s3 = isOnS3 ? (await s3Server()).freshLocation() : undefined
      const stored = { database, s3 }
      const env: Record<string, string> = {
        ...(database === undefined ? {} : { KAGAMI_DATABASE: database, KAGAMI_TAKEOVER: '2s' }),
        ...(s3 === undefined ? {} : s3Environment(s3)),
      }
      const campaign = await begin(env)
      for (let kill = 0; kill < KILLS; kill++) {
        await killAmidst(campaign, random(MOST_MS))
        const faults = await lookAtAll(campaign.client(), campaign.ledger)
        const { missing, corrupt } = await checkStorage(campaign.kagami.dataDirectory, stored)
        expect([seed, kill, faults, missing, corrupt]).toEqual([seed, kill, [], [], []])
        if (KILLS > 10 && kill % 10 === 9) console.info(`${name}: ${kill + 1} kills, ${campaign.told()}`)
      }
      await converge(campaign)
      const left = await letTimePass(campaign, stored)
      console.info(
        `${name}: ${KILLS} kills, ${campaign.told()}; left over: ${left.stages.length} downloads, ${left.orphans.length} objects`,
      )
      if (haveVerify) expect(await verify(campaign.kagami)).toMatchObject({ missing: [], corrupt: [] })
      await campaign.kagami.stop()
    })
  })
}

interface Campaign {
  kagami: Kagami
  readonly ledger: Ledger
  readonly owner: Replicating
  readonly env: Record<string, string>
  readonly replication: string
  readonly target: string
  client(): ReturnType<typeof ociRequests>
  told(): string
  round: number
}

let campaigns = 0

/** A server with a mirror of what the vendor changes, and a replication back to the vendor. */
async function begin(env: Record<string, string>): Promise<Campaign> {
  const kagami = await startKagami({ env })
  const source = `app-${campaigns++}`
  const target = `vendor/${source}-copied`
  await createPusher(ociRequests(vendor.url, `vendor/${source}`, vendor.owner), {
    ledger: createLedger(),
    worker: 70,
  }).round()
  const campaign: Campaign = {
    kagami,
    ledger: createLedger(),
    owner: replicating(() => campaign.kagami),
    env,
    replication: '',
    target,
    client: () => ociRequests(campaign.kagami.url, 'acme/app', campaign.kagami.owner),
    told: () => {
      const writes = campaign.ledger.registers()
      return `${writes.length} things told, ${writes.filter(({ writes }) => writes.at(-1)?.value === undefined).length} of them gone`
    },
    round: 0,
  }
  const { call, start } = campaign.owner
  const login = { organization: 'acme', url: `${vendor.url}/vendor`, plainHttp: true, ...vendor.owner }
  await call('POST', '/upstreams', { name: 'vendor', ...login })
  await call('POST', '/targets', { name: 'vendor', ...login })
  await call('POST', '/mirrors', { organization: 'acme', upstream: 'vendor', repository: source, as: 'mirrored' })
  await createPusher(campaign.client(), { ledger: campaign.ledger, worker: 69 }).round()
  const { id } = await start('acme/app', `vendor/${source}-copied`)
  return Object.assign(campaign, { replication: id })
}

/** Works until the server is killed, and starts it again. */
async function killAmidst(campaign: Campaign, afterMs: number): Promise<void> {
  const { kagami, ledger, owner } = campaign
  const round = campaign.round++
  const upstream = ociRequests(vendor.url, campaign.target.replace('-copied', ''), vendor.owner)
  const pushing = Array.from({ length: PUSHERS }, async (_, worker) => {
    const pusher = createPusher(campaign.client(), { ledger, worker: worker + 10 * round })
    for (;;) await pusher.round()
  })
  const others = [
    async () => {
      await createPusher(upstream, { ledger: createLedger(), worker: 71 + round }).round()
      await owner.call('POST', '/mirrors/acme/mirrored/sync', {})
    },
    async () => void (await owner.call('POST', `/replications/acme/${campaign.replication}/sync`, {})),
    async () => {
      for (; haveCollection; ) await collect(kagami)
    },
  ].map((work) => work())
  const ended = Promise.allSettled([...pushing, ...others])
  await Bun.sleep(afterMs)
  await kagami.kill()
  for (const result of await ended) {
    // A connection that breaks is what a kill looks like; an answer that nobody expects is not.
    if (result.status === 'rejected' && result.reason instanceof UnexpectedAnswer) throw result.reason
  }
  campaign.kagami = await startKagami({ dataDirectory: kagami.dataDirectory, port: kagami.port, env: campaign.env })
}

/** One more pass of each brings what was cut off. */
async function converge(campaign: Campaign): Promise<void> {
  const { owner, replication, target } = campaign
  await owner.settled(replication)
  const run = await owner.sync(replication)
  expect([run.outcome, run.failures]).toEqual(['done', []])
  const tagsAt = async (client: ReturnType<typeof ociRequests>) =>
    (JSON.parse((await client.send('GET', 'tags/list')).text) as { tags: string[] }).tags
  const mirrored = async () => {
    const { run } = await owner.call<{ run: { id: string } }>('POST', '/mirrors/acme/mirrored/sync', {})
    for (;;) {
      const shown = await owner.call<{ run: { outcome: string } }>('GET', `/mirrors/acme/mirrored/runs/${run.id}`)
      if (shown.run.outcome !== 'running') return shown.run.outcome
      await Bun.sleep(20)
    }
  }
  expect(await mirrored()).toBe('done')
  const there = (repository: string) => ociRequests(vendor.url, repository, vendor.owner)
  expect(await tagsAt(there(target))).toEqual(await tagsAt(campaign.client()))
  expect(await tagsAt(campaign.client().in('acme/mirrored'))).toEqual(
    await tagsAt(there(target.replace('-copied', ''))),
  )
}

const TWO_DAYS_MS = 2 * 24 * 60 * 60 * 1000

/** What nobody comes back to is gone then. @returns what is stored */
async function letTimePass(campaign: Campaign, stored: Stored): Promise<StorageReport> {
  const { dataDirectory, port } = campaign.kagami
  await campaign.kagami.stop()
  // S3 takes nothing from whoever has another time: what goes after a day is not seen to go there.
  const time = stored.s3 === undefined ? toldTime() : undefined
  time?.setClock(TWO_DAYS_MS)
  campaign.kagami = await startKagami({ dataDirectory, port, env: { ...campaign.env, ...time?.env } })
  if (haveCollection) await collect(campaign.kagami, { isNow: true })
  for (;;) {
    const report = await checkStorage(dataDirectory, stored)
    expect([report.missing, report.corrupt]).toEqual([[], []])
    if (time === undefined) return report
    const uploads = report.stages.filter((path) => basename(path).startsWith('upload-'))
    if (uploads.length === 0 && (report.orphans.length === 0 || !haveCollection)) {
      time.remove()
      return report
    }
    await Bun.sleep(50)
  }
}
