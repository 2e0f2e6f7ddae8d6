// Compares Kagami with other programs, in one run on one machine. Prints Markdown; progress goes to standard error.
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { runCommand } from '../support/command.ts'
import { loader } from './load.ts'
import { measureMirroring } from './mirroring.ts'
import { measureServing } from './serving.ts'
import { SMALL } from './workload.ts'

const USAGE = `npm run bench -- [options]
  --only serving|mirroring   one half
  --rounds N                 alternating rounds (3)
  --seconds N                of load on each route, each round (1)
  --push-mib N               size of the large push (1024)
  --small-blobs N            number of small pushes (200)
  --repositories N --images N --aliases N --attestations N --layer-kib N
                             what is mirrored (4, 3, 7, 4, 2560)
  --delay-ms N               added to each request to upstream (0)
  --write FILE               put the tables below the line <!-- last run --> of FILE`

function parse() {
  const number = (value: number) => ({ type: 'string', default: String(value) }) as const
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean', default: false },
      only: { type: 'string' },
      rounds: number(3),
      seconds: number(1),
      'push-mib': number(1024),
      'small-blobs': number(200),
      repositories: number(SMALL.repositories),
      images: number(SMALL.images),
      aliases: number(SMALL.aliases),
      attestations: number(SMALL.attestations),
      'layer-kib': number(SMALL.layerBytes / 1024),
      'delay-ms': number(0),
      write: { type: 'string' },
    },
  })
  const count = (name: keyof typeof values) => {
    const value = Number(values[name])
    if (!(Number.isInteger(value) && value >= 0)) throw new Error(`--${name}: want a whole number, got ${values[name]}`)
    return value
  }
  return { values, count }
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

const { values, count } = parse()
if (values.help) {
  console.log(USAGE)
  process.exit(0)
}
if (Bun.which('docker-registry') === null)
  throw new Error('want docker-registry on PATH: scripts/install-test-packages')
const say = (line: string) => console.error(line)
const rounds = count('rounds')
const parts = [await machine()]
if (values.only !== 'mirroring') {
  const sizes = { pushMiB: count('push-mib'), smallBlobs: count('small-blobs'), pushRounds: Math.min(rounds, 2) }
  parts.push('### Serving', await measureServing({ rounds, seconds: count('seconds'), ...sizes, say }))
}
if (values.only !== 'serving') {
  const workload = {
    repositories: count('repositories'),
    images: count('images'),
    aliases: count('aliases'),
    attestations: count('attestations'),
    layerBytes: count('layer-kib') * 1024,
  }
  const mirroring = { workload, rounds: Math.min(rounds, 2), delayMs: count('delay-ms'), say }
  parts.push('### Mirroring', await measureMirroring(mirroring))
}
const report = `${parts.join('\n\n')}\n`
console.log(report)
if (values.write !== undefined) {
  const mark = '<!-- last run -->\n'
  const page = readFileSync(values.write, 'utf8')
  const at = page.indexOf(mark)
  if (at === -1) throw new Error(`${values.write} has no line ${mark}`)
  writeFileSync(values.write, `${page.slice(0, at)}${mark}\n${report}`)
}
process.exit(0)
