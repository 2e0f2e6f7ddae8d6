/** What registries are written to in which way, printed from the tables that decide. */
import { registryKindSchema } from '../src/api/targets.ts'
import { CEILINGS } from '../src/net/registry-ceilings.ts'
import { WINDOWS } from '../src/net/registry-windows.ts'
import { SIGNS } from '../src/remote/registry-kind.ts'
import { HOSTS, type RegistryTraits, traitsOf } from '../src/remote/registry-traits.ts'
import { cell, code, tableOf } from './reference-table.ts'

const UPLOADS: Readonly<Record<RegistryTraits['upload'], string>> = {
  put: 'POST, one PUT',
  patch: 'POST, one PATCH, an empty PUT',
  chunks: 'POST, PATCHes with Content-Range, an empty PUT',
}
const MOUNTS: Readonly<Record<RegistryTraits['mounts'], string>> = {
  any: 'yes',
  committed: 'what a manifest there names',
  none: 'no',
}
const MADE: Readonly<Record<RegistryTraits['repositories'], string>> = {
  'by-push': 'the first push',
  'by-api': 'Kagami, by its API, private',
  'by-people': 'people, before the first push',
}

export function renderTargets(): string {
  const kinds = registryKindSchema.options
  const known = kinds.map((kind) => [code(kind), hostsOf(kind), signOf(kind)])
  const taken = kinds.map((kind) => {
    const traits = traitsOf(kind)
    return [
      code(kind),
      uploadOf(traits),
      traits.isResumable ? 'yes' : 'no',
      MOUNTS[traits.mounts],
      MADE[traits.repositories],
    ]
  })
  const windows = WINDOWS.flatMap(({ registry, apart }) => {
    const names = new Map<string, string[]>()
    for (const [kind, window] of Object.entries(apart)) names.set(window, [...(names.get(window) ?? []), kind])
    return [...names].map(([window, counted]) => [registry, code(window), counted.map(code).join(', ')])
  })
  const rates = CEILINGS.map(({ registry, isAnonymous, rate, counts, source }) => [
    registry + (isAnonymous === undefined ? '' : isAnonymous ? ', without a login' : ', with a login'),
    code(rate),
    cell(counts),
    source,
  ])
  return `# Registries that are written to

What is not in these tables is found out by what a registry answers: whether it has the referrers API, how it tells where an upload goes on, how
long a chunk has to be.

## How a registry is known

By its host name, or by what it answers to \`GET /v2/\` without a login; else it is \`other\`, unless people say what it is.

${tableOf(['Kind', 'Host', 'Or by'], known)}

## What it takes

*Resumed*: an upload that broke goes on where the registry says that it is. *Mounts*: a blob that another repository of the registry has is not
sent again.

${tableOf(['Kind', 'How a blob is sent', 'Resumed', 'Mounts', 'Who makes a repository'], taken)}

## What it counts apart

A refusal (429) of one of these says nothing of the others; at all other registries it holds all requests of the login.

${tableOf(['Registry', 'Counts', 'Kinds of request'], windows)}

## What it documents

Held by default for all who share the login, until somebody sets limits of their own (\`--max-rate\`, [budgets](../budgets.md)).

${tableOf(['Registry', 'Limit', 'Of', 'As documented in'], rates)}
`
}

function hostsOf(kind: string): string {
  if (kind === 'docker-hub') return code('docker.io')
  return HOSTS.filter((one) => one.kind === kind)
    .map(({ forPeople }) => code(forPeople))
    .join(', ')
}

function signOf(kind: string): string {
  return SIGNS.filter((one) => one.kind === kind)
    .map(({ sign }) => sign)
    .join(', ')
}

function uploadOf({ upload, largestBodyBytes, chunkBytes }: RegistryTraits): string {
  if (largestBodyBytes === undefined) return UPLOADS[upload]
  return `${UPLOADS[upload]}; above ${largestBodyBytes} bytes chunks of ${chunkBytes}`
}
