// Compares Kagami with other programs, in one run on one machine. Prints Markdown; progress goes to standard error.
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { runCommand } from '../support/command.ts'
import { measureAll } from './all.ts'
import { type CatalogOptions, measureCatalog } from './catalog.ts'
import { CATALOG, LAYERED, scaled } from './catalog-content.ts'
import { presentCopiers } from './copiers.ts'
import { loader } from './load.ts'
import { measurePage } from './page.ts'
import { measureReleases } from './releases.ts'
import { measureS3Pulls } from './s3-pulls.ts'
import { measureServers } from './servers.ts'
import { measureWebhooks } from './webhooks.ts'
import { SMALL } from './workload.ts'

const USAGE = `npm run bench -- [mirror|webhooks|releases|page|servers|s3] [options]
  --only PART,…              of pulls, slow, together, pushes, mirroring, copy and replication; serving: the first four
  --rounds N                 alternating rounds (3)
  --seconds N                of load on each route, each round (1)
  --push-mib N               size of the large push (1024)
  --small-blobs N            number of small pushes (200)
  --small-images N           number of small images that are pushed, in one round (1000)
  --repositories N --images N --aliases N --attestations N --layer-kib N
                             what is mirrored (4, 3, 7, 4, 2560)
  --delay-ms N               added to each request to upstream, and to targets (0)
  --write FILE               put the tables below the line <!-- last run --> of FILE

npm run bench -- mirror: Kagami alone, on a generated catalog of hardened images
  --scale N                  part of the catalog of 554 repositories (0.05)
  --catalog                  all of it: --scale 1
  --shape catalog|layered|both
                             the catalog, 420 tags with 2.5 GiB of layers, or one after the other (catalog)
  --delay-ms N               added to each request to upstream (0); --delay-ms 0,20 for both
  --sample N                 repositories that are compared digest by digest (6)
  --minutes N                the most that one pass may take (15)
  --program FILE             Kagami: a built executable, or a script that profiles it (bin/kagami)

npm run bench -- webhooks: tag moves to a healthy, a dead and a slow receiver
  --moves N                  at once (10000)
  --rate N                   moves a second after that (200)
  --steady N                 for so many seconds (30)
  --slow-ms N                that the slow receiver takes (2000)
  --database URL             a PostgreSQL database instead of SQLite

npm run bench -- releases: from a release to the tag here and to our webhook, by a schedule of 1m and with a push hint
  --repositories N           which release once without a hint (4)
  --releases N               with one (100)

npm run bench -- page: the web page in Chromium, with its processor slowed down
  --mirrors N                that there are (1000)
  --tags N                   of one repository (10000)
  --slow-down N              times (4)
  --rounds N                 of each page (3)

npm run bench -- servers: the same pulls from 1, 2 and 3 servers on one PostgreSQL
  --servers N                at most (3)
  --rounds N --seconds N     of each (3, 1)

npm run bench -- s3: blobs that lie in S3, through the server and by redirects
  --rounds N                 of each (3)`

function parse() {
  const number = (value: number) => ({ type: 'string', default: String(value) }) as const
  const { values, positionals } = parseArgs({
    options: {
      help: { type: 'boolean', default: false },
      only: { type: 'string' },
      rounds: number(3),
      seconds: number(1),
      'push-mib': number(1024),
      'small-blobs': number(200),
      'small-images': number(1000),
      repositories: number(SMALL.repositories),
      images: number(SMALL.images),
      aliases: number(SMALL.aliases),
      attestations: number(SMALL.attestations),
      'layer-kib': number(SMALL.layerBytes / 1024),
      'delay-ms': number(0),
      write: { type: 'string' },
      scale: number(0.05),
      catalog: { type: 'boolean', default: false },
      shape: { type: 'string', default: 'catalog' },
      sample: number(6),
      minutes: number(15),
      program: { type: 'string' },
      moves: number(10_000),
      rate: number(200),
      steady: number(30),
      'slow-ms': number(2000),
      database: { type: 'string' },
      releases: number(100),
      mirrors: number(1000),
      tags: number(10_000),
      'slow-down': number(4),
      servers: number(3),
    },
    allowPositionals: true,
  })
  const count = (name: keyof typeof values) => {
    const value = Number(values[name])
    if (!(Number.isInteger(value) && value >= 0)) throw new Error(`--${name}: want a whole number, got ${values[name]}`)
    return value
  }
  return { values, positionals, count }
}

async function versionOf(command: string, ...args: string[]): Promise<string | undefined> {
  if (Bun.which(command) === null) return undefined
  const { stdout, stderr } = await runCommand([command, ...args])
  return `${command} ${/\d+\.\d+[\w.+~-]*/.exec(stdout + stderr)?.[0] ?? ''}`.trim()
}

async function machine(): Promise<string> {
  const versions = await Promise.all([
    versionOf('docker-registry', '--version'),
    versionOf('skopeo', '--version'),
    versionOf('nginx', '-v'),
    versionOf('zot', '--version'),
    versionOf('crane', 'version'),
    versionOf('regctl', 'version'),
  ])
  const present = [`Bun ${Bun.version}`, ...versions.flatMap((version) => version ?? [])]
  const [cpu] = cpus()
  const day = new Date().toISOString().slice(0, 10)
  return `${day}, ${cpus().length} × ${cpu?.model.trim() ?? 'unknown'}, ${process.platform}; ${present.join(', ')}; load by ${loader}.`
}

/** Each shape at each delay. */
async function measureShapes(): Promise<string> {
  const scale = values.catalog ? 1 : Number(values.scale)
  if (!(scale > 0 && scale <= 1)) throw new Error(`--scale: want more than 0 and at most 1, got ${values.scale}`)
  const shapes = new Map<string, Pick<CatalogOptions, 'title' | 'shape' | 'scale'>>([
    [
      'catalog',
      { title: scale === 1 ? 'The whole catalog' : `${scale} of the catalog`, shape: scaled(CATALOG, scale), scale },
    ],
    ['layered', { title: '420 tags with large layers', shape: LAYERED, scale: undefined }],
  ])
  const chosen = values.shape === 'both' ? [...shapes.values()] : [shapes.get(values.shape)]
  const delays = String(values['delay-ms']).split(',').map(Number)
  const reports: string[] = []
  for (const one of chosen) {
    if (one === undefined) throw new Error(`--shape: want catalog, layered or both, got ${values.shape}`)
    for (const delayMs of delays) {
      const limits = { sample: count('sample'), withinMs: count('minutes') * 60_000, program: values.program }
      // It reads 2.5 GiB as Kagami does.
      const other = one.scale === undefined ? presentCopiers().find(({ name }) => name.startsWith('skopeo')) : undefined
      reports.push(await measureCatalog({ ...one, other, delayMs, ...limits, say }))
    }
  }
  return reports.join('\n\n')
}

const { values, positionals, count } = parse()
if (values.help) {
  console.log(USAGE)
  process.exit(0)
}
const say = (line: string) => console.error(line)
if (positionals.join(' ') === 'webhooks') {
  const load = {
    moves: count('moves'),
    ratePerSecond: count('rate'),
    seconds: count('steady'),
    slowMs: count('slow-ms'),
  }
  console.log(`${await machine()}\n\n${await measureWebhooks({ ...load, database: values.database, say })}`)
  process.exit(0)
}
if (positionals.join(' ') === 'releases') {
  const releases = { repositories: count('repositories'), releases: count('releases'), say }
  console.log(`${await machine()}\n\n${await measureReleases(releases)}`)
  process.exit(0)
}
if (positionals.join(' ') === 'page') {
  const page = { mirrors: count('mirrors'), tags: count('tags'), slowDown: count('slow-down'), rounds: count('rounds') }
  console.log(`${await machine()}\n\n${await measurePage({ ...page, say })}`)
  process.exit(0)
}
if (positionals.join(' ') === 'servers') {
  const servers = { servers: count('servers'), rounds: count('rounds'), seconds: count('seconds'), say }
  console.log(`${await machine()}\n\n${await measureServers(servers)}`)
  process.exit(0)
}
if (positionals.join(' ') === 's3') {
  console.log(`${await machine()}\n\n${await measureS3Pulls({ rounds: count('rounds'), say })}`)
  process.exit(0)
}
if (positionals.length > 0) {
  if (positionals.join(' ') !== 'mirror')
    throw new Error(
      `${positionals.join(' ')}: got no such bench, want mirror, webhooks, releases, page, servers, s3 or nothing`,
    )
  console.log(`${await machine()}\n\n${await measureShapes()}`)
  process.exit(0)
}
if (Bun.which('docker-registry') === null)
  throw new Error('want docker-registry on PATH: scripts/install-test-packages')
const report = `${await machine()}\n\n${await measureAll({
  only: values.only?.split(','),
  rounds: count('rounds'),
  seconds: count('seconds'),
  pushMiB: count('push-mib'),
  smallBlobs: count('small-blobs'),
  smallImages: count('small-images'),
  delayMs: count('delay-ms'),
  workload: {
    repositories: count('repositories'),
    images: count('images'),
    aliases: count('aliases'),
    attestations: count('attestations'),
    layerBytes: count('layer-kib') * 1024,
  },
  say,
})}\n`
console.log(report)
if (values.write !== undefined) {
  const mark = '<!-- last run -->\n'
  const page = readFileSync(values.write, 'utf8')
  const at = page.indexOf(mark)
  if (at === -1) throw new Error(`${values.write} has no line ${mark}`)
  writeFileSync(values.write, `${page.slice(0, at)}${mark}\n${report}`)
}
process.exit(0)
