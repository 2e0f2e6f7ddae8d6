// The power goes (invariant 3): what was acknowledged is there, by what the real process had made durable when the answer left, and not by luck.
import { Database as Sqlite } from 'bun:sqlite'
import { expect, setDefaultTimeout, test } from 'bun:test'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  allowedValues,
  createLedger,
  isAllowed,
  type Ledger,
  type Register,
  type Value,
} from '../support/acknowledged/ledger.ts'
import { lookAtAll } from '../support/acknowledged/look.ts'
import { createPusher } from '../support/acknowledged/pusher.ts'
import { startKagami } from '../support/kagami.ts'
import { contentOf, ociRequests } from '../support/oci-requests.ts'
import type { DiskImage, TracedDisk } from '../support/power-cut/disk.ts'
import { haveStrace } from '../support/power-cut/trace.ts'
import { startTracedKagami, type TracedKagami } from '../support/power-cut/traced-kagami.ts'
import { temporaryDirectory } from '../support/process.ts'
import { checkStorage } from '../support/storage-check.ts'
import { randomNumbers } from './random-numbers.ts'
import { replicating } from './replicating.ts'

/** Servers that are started on what a cut has left; a long campaign is run by KAGAMI_TEST_POWER_CUTS=100. */
const CUTS = Number(process.env.KAGAMI_TEST_POWER_CUTS ?? 1)
const WORKERS = 2
const ROUNDS = 2
setDefaultTimeout(120_000 + CUTS * 20_000)

if (!haveStrace) console.warn('\n*** SKIPPED, NO STRACE: power cuts (run scripts/install-test-packages as root)\n')

test.skipIf(!haveStrace)(
  'what was acknowledged is durable when the answer leaves, and a server starts on whatever a cut leaves',
  async () => {
    const seed = Number(process.env.KAGAMI_TEST_SEED ?? Date.now() % 1_000_000)
    console.info(`power cuts: KAGAMI_TEST_SEED=${seed}`)
    const ledger = createLedger()
    const vendor = await startKagami({ env: { KAGAMI_ORG: 'vendor' } })
    const kagami = await startTracedKagami()
    const client = ociRequests(kagami.url, 'acme/app', kagami.owner)
    const ran = Array.from({ length: WORKERS }, async (_, worker) => {
      const pusher = createPusher(client, { ledger, worker })
      for (let round = 0; round < ROUNDS; round++) await pusher.round()
    })
    await Promise.all([...ran, ...Array.from({ length: 3 }, (_, i) => createToken(kagami, ledger, `token ${i}`))])
    await mirrorOne(kagami, vendor.url, vendor.owner, ledger)
    await vendor.stop()
    const disk = await kagami.disk()

    const acknowledged = acknowledgements(disk, ledger)
    expect(acknowledged.size).toBeGreaterThan(WORKERS * ROUNDS * 8)
    // With nothing but what is sure, at the moment when each answer left.
    const faults: string[] = []
    for (const [requestId, line] of acknowledged) {
      const isKnown = (id: string) => (acknowledged.get(id) ?? Number.POSITIVE_INFINITY) <= line
      const found = lookAtImage(disk.at(line), ledger, isKnown)
      faults.push(...found.map((fault) => `line ${line}, when ${requestId} left: ${fault}`))
    }
    expect([seed, faults.slice(0, 10)]).toEqual([seed, []])

    // With some of what is not sure, at any moment, by a server that starts on it.
    const random = randomNumbers(seed)
    const [firstAck = 0] = acknowledged.values()
    for (let cut = 0; cut < CUTS; cut++) {
      const moments = disk.changed.filter((at) => at > firstAck)
      const line = 1 + (moments[random(moments.length) - 1] ?? disk.lines)
      const share = random(100)
      const directory = temporaryDirectory('after-cut')
      disk.at(line, () => random(100) <= share).writeTo(directory.path)
      const isKnown = (id: string) => (acknowledged.get(id) ?? Number.POSITIVE_INFINITY) < line
      expect([
        seed,
        cut,
        line,
        await startAndLook(directory.path, structuredClone(ledger.registers()), ledger, isKnown),
      ]).toEqual([seed, cut, line, []])
      directory.remove()
      if (CUTS > 10) console.info(`${cut + 1} power cuts`)
    }
  },
)

async function startAndLook(
  root: string,
  registers: readonly Register[],
  { contents }: Ledger,
  isKnown: (requestId: string) => boolean,
): Promise<string[]> {
  const dataDirectory = join(root, 'data')
  const kagami = await startKagami({ dataDirectory })
  const client = ociRequests(kagami.url, 'acme/app', kagami.owner)
  const tokens = registers.filter(({ kind }) => kind === 'token')
  const others: Ledger = {
    ...createLedger(),
    contents,
    registers: () => registers.filter(({ kind }) => kind !== 'token'),
    settle: () => {},
  }
  const faults = await lookAtAll(client, others, isKnown)
  for (const token of tokens) {
    if (allowedValues(token, isKnown).includes(undefined)) continue
    const password = token.name.split(' ')[1] ?? ''
    const { status } = await ociRequests(kagami.url, '', { ...kagami.owner, password }).send('GET', '/v2/')
    if (status !== 200) faults.push(`a token that was handed out is answered ${status}`)
  }
  const { missing, corrupt } = await checkStorage(dataDirectory)
  // Everything goes on: a new push is taken.
  await createPusher(client, { ledger: createLedger(), worker: 99 }).round()
  await kagami.stop()
  return [...faults, ...missing, ...corrupt]
}

/** By the id of its request, the line at which each acknowledgement began to leave. */
function acknowledgements({ sent }: TracedDisk, ledger: Ledger): Map<string, number> {
  const lines = new Map<string, number>()
  const wanted = ledger.registers().flatMap(({ writes }) => writes.flatMap(({ acknowledged }) => acknowledged ?? []))
  for (const id of wanted) {
    const at = sent.find(({ text }) => text.includes(id))?.at
    if (at === undefined) throw new Error(`the trace has no answer ${id}`)
    lines.set(id, at)
  }
  return new Map([...lines].sort(([, a], [, b]) => a - b))
}

/** The same as a client would see, read from the disk without a server. */
function lookAtImage(image: DiskImage, ledger: Ledger, isKnown: (requestId: string) => boolean): string[] {
  if (!image.files.has('data/seal.key')) return ['the key of the instance is gone']
  const sqlite = openImage(image)
  if (sqlite === undefined) return ['the database is gone']
  try {
    return ledger.registers().flatMap((register) => {
      const found = find(sqlite, image, register)
      const allowed = allowedValues(register, isKnown)
      if (isAllowed(register, allowed, found)) return []
      return [`${register.kind} ${register.name}: want ${allowed.map(String).join(' or ')}, found ${found}`]
    })
  } catch (error) {
    return [`the database: ${error}`]
  } finally {
    sqlite.close()
  }
}

const scratch = temporaryDirectory('image')
let images = 0

function openImage({ files }: DiskImage): Sqlite | undefined {
  const directory = join(scratch.path, String(images++))
  mkdirSync(directory)
  for (const name of ['kagami.sqlite', 'kagami.sqlite-wal']) {
    const bytes = files.get(`data/${name}`)
    if (bytes !== undefined) writeFileSync(join(directory, name), bytes)
  }
  return files.has('data/kagami.sqlite') ? new Sqlite(join(directory, 'kagami.sqlite'), { readwrite: true }) : undefined
}

function find(sqlite: Sqlite, { files }: DiskImage, { kind, repository, name }: Register): Value {
  const one = <T>(query: string, ...values: string[]) => sqlite.query(query).get(...values) as T | null
  if (kind === 'tag') {
    const query =
      'select t.digest from tags t join repositories r on r.id = t.repository_id where r.name = ? and t.name = ?'
    return one<{ digest: string }>(query, repository, name)?.digest
  }
  if (kind === 'manifest') {
    const query = `select m.digest from repository_manifests m join repositories r on r.id = m.repository_id
      where r.name = ? and m.digest = ? and m.published_at is not null`
    return one(query, repository, name) === null ? undefined : true
  }
  if (kind === 'token') {
    const [id = ''] = name.split(' ')
    return one('select id from tokens where id = ?', id) === null ? undefined : true
  }
  if (kind === 'session') {
    const [location = ''] = name.split(' ')
    const id = location.split('/').at(-1) ?? ''
    const row = one<{ offset_bytes: number }>('select offset_bytes from upload_sessions where id = ?', id)
    const stage = files.get(`data/blobs/stages/upload-${id}`)
    return row === null ? undefined : Math.min(row.offset_bytes, stage?.byteLength ?? 0)
  }
  const query = `select b.storage_key from blobs b join repository_blobs l on l.digest = b.digest
    join repositories r on r.id = l.repository_id where r.name = ? and b.digest = ? and l.published_at is not null`
  const key = one<{ storage_key: string }>(query, repository, name)?.storage_key
  const bytes = files.get(`data/blobs/objects/${key?.split('-')[1]?.slice(0, 2)}/${key}`)
  return bytes !== undefined && contentOf(new Uint8Array(bytes)).digest === name ? true : undefined
}

async function createToken(kagami: TracedKagami, ledger: Ledger, label: string): Promise<void> {
  const response = await fetch(`${kagami.url}/api/v1/tokens`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${btoa(`${kagami.owner.username}:${kagami.owner.password}`)}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({ label, scope: 'read' }),
  })
  const { id, token } = (await response.json()) as { id: string; token: string }
  ledger.ask(
    { kind: 'token', repository: '', name: `${id} ${token}` },
    true,
  )(response.headers.get('x-request-id') ?? '')
}

/** A pass that was told to be done: what it brought is as acknowledged as a push. */
async function mirrorOne(
  kagami: TracedKagami,
  url: string,
  owner: { readonly username: string; readonly password: string },
  ledger: Ledger,
): Promise<void> {
  const made = createLedger()
  await createPusher(ociRequests(url, 'vendor/app', owner), { ledger: made, worker: 50 }).round()
  for (const [digest, content] of made.contents) ledger.contents.set(digest, content)
  const { call } = replicating(() => kagami)
  await call('POST', '/upstreams', {
    organization: 'acme',
    name: 'vendor',
    url: `${url}/vendor`,
    plainHttp: true,
    ...owner,
  })
  const started = await call<{ run: { id: string } }>('POST', '/mirrors', {
    organization: 'acme',
    upstream: 'vendor',
    repository: 'app',
    as: 'mirrored',
  })
  const { id } = started.run
  for (;;) {
    const { run } = await call<{ run: { outcome: string } }>('GET', `/mirrors/acme/mirrored/runs/${id}`)
    if (run.outcome !== 'running') break
    await Bun.sleep(10)
  }
  for (const { kind, name, writes } of made.registers()) {
    if (kind === 'tag' || kind === 'manifest') {
      ledger.ask({ kind, repository: 'acme/mirrored', name }, writes.at(-1)?.value)(`"outcome":"done"`)
    }
  }
}
