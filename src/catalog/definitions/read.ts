/** One definition, and the `info.yaml` beside it, as what a catalog shows of them. */
import { YAML } from 'bun'
import { messageOf } from '../../errors.ts'
import { findRepositoryName, type RepositoryName } from '../../oci/reference.ts'
import { joinCompliance } from '../compliance.ts'
import type { Detail, Variant } from '../summary.ts'
import { complianceOf, dayOf, lineOf, linesOf, webAddressOf } from '../text.ts'

const TAGS = 60
const PACKAGES = 5000
const COMPLIANCE_LABEL = 'com.docker.dhi.compliance'

type Fields = Readonly<Record<string, unknown>>

/** The top of a YAML document. @throws Error when it is none: too many aliases and too deep nesting among it */
export function parseYaml(bytes: Uint8Array): Fields {
  let value: unknown
  try {
    value = YAML.parse(new TextDecoder().decode(bytes))
  } catch (error) {
    throw new Error(messageOf(error).split('\n')[0]?.slice(0, 200))
  }
  if (!isFields(value)) throw new Error('it is no mapping of names to values')
  return value
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function fieldsOf(value: unknown): Fields {
  return isFields(value) ? value : {}
}

export interface Definition {
  /** As its registry calls it, without the registry: `python` of `dhi.io/python`. */
  readonly repository: RepositoryName
  readonly variant: Variant
}

/** @param path where it is: `image/python/debian-13/3.13.yaml` @returns undefined: it defines no image */
export function readDefinition(path: string, bytes: Uint8Array): Definition | undefined {
  const fields = parseYaml(bytes)
  const image = lineOf(fields.image, 512)
  const repository = image === null ? undefined : repositoryOf(image)
  if (repository === undefined) return undefined
  const [kind, , folder = ''] = path.split('/')
  const dates = fieldsOf(fields.dates)
  const contents = fieldsOf(fields.contents)
  const flavor = lineOf(fields.flavor, 64)
  const definition = path.replace(/\.yaml$/, '')
  return {
    repository,
    variant: {
      name: lineOf(fields.name, 128) ?? definition,
      definition,
      variant: lineOf(fields.variant, 32) ?? (kind === 'chart' ? 'helm' : 'runtime'),
      flavor,
      distribution: kind === 'chart' ? null : lineOf(folder, 64),
      tags: linesOf(fields.tags, { max: TAGS, length: 128 }),
      platforms: linesOf(fields.platforms, { max: 20, length: 64 }),
      compliance: complianceOfDefinition(fields, flavor),
      ...(kind === 'chart' ? { packageManager: null, shell: null } : programsOf(contents.packages)),
      user: kind === 'chart' ? null : userOf(fieldsOf(fields.accounts)),
      released: dayOf(dates.release),
      endOfSupport: dayOf(dates['end-of-support']),
      endOfLife: dayOf(dates['end-of-life']),
      entitlement: lineOf(fields.entitlement, 32),
    },
  }
}

/** `dhi.io/python` and `dhi/python` are `python`; what is deeper keeps its folders. */
function repositoryOf(image: string): RepositoryName | undefined {
  const slash = image.indexOf('/')
  return findRepositoryName(slash < 0 ? image : image.slice(slash + 1))
}

function complianceOfDefinition(fields: Fields, flavor: string | null) {
  const said = [fieldsOf(fields.labels)[COMPLIANCE_LABEL], fieldsOf(fields.annotations)[COMPLIANCE_LABEL]]
  return joinCompliance(
    ...said.map(complianceOf),
    fields['fips-compliant'] === true || flavor?.includes('fips') ? ['fips'] : [],
    fields['stig-certified'] === true ? ['stig'] : [],
  )
}

/** By the packages that are named; versions follow `=`, and `!` keeps one out. */
function programsOf(packages: unknown): Pick<Variant, 'packageManager' | 'shell'> {
  if (!Array.isArray(packages)) return { packageManager: null, shell: null }
  const names = new Set(packages.slice(0, PACKAGES).map((one) => String(one).split(/[=<>~]/)[0]))
  const first = (all: Readonly<Record<string, string>>) =>
    Object.entries(all).find(([name]) => names.has(name))?.[1] ?? 'none'
  return {
    packageManager: first({ apt: 'apt', 'apk-tools': 'apk', dnf: 'dnf', microdnf: 'microdnf' }),
    shell: first({ bash: 'bash', dash: 'sh', busybox: 'sh', zsh: 'zsh' }),
  }
}

function userOf(accounts: Fields): string | null {
  const name = lineOf(accounts['run-as'], 64)
  if (name === null) return null
  const users = Array.isArray(accounts.users) ? accounts.users.slice(0, 100) : []
  const uid = users.map(fieldsOf).find((user) => user.name === accounts['run-as'])?.uid
  const id = name === 'root' ? 0 : uid
  return typeof id === 'number' ? `${name} (${id})` : name
}

export type Info = Pick<Detail, 'homeUrl' | 'tools' | 'alternatives'> & {
  readonly title: string | null
  readonly description: string | null
  readonly categories: readonly string[]
  readonly compliance: ReturnType<typeof complianceOf>
}

/** Each name once. */
function toolsOf(tools: readonly unknown[]): Info['tools'] {
  const found = new Map<string, { name: string; description: string }>()
  for (const tool of tools.map(fieldsOf)) {
    const name = lineOf(tool.name, 80)
    if (name !== null && !found.has(name)) found.set(name, { name, description: lineOf(tool.description, 300) ?? '' })
  }
  return [...found.values()]
}

/** @param bytes undefined: there is no `info.yaml` */
export function readInfo(bytes: Uint8Array | undefined): Info {
  const metadata = bytes === undefined ? {} : fieldsOf(parseYaml(bytes).metadata)
  const tools = Array.isArray(metadata['included-tools']) ? metadata['included-tools'].slice(0, 100) : []
  return {
    title: lineOf(metadata['display-name'], 80),
    description: lineOf(metadata['short-description'], 1000),
    categories: linesOf(metadata.categories, { max: 6, length: 40 }),
    homeUrl: webAddressOf(metadata['home-url']),
    tools: toolsOf(tools),
    alternatives: linesOf(metadata.alternatives, { max: 30, length: 128 }),
    compliance: joinCompliance(
      metadata['fips-compliant'] === true ? ['fips'] : [],
      metadata['stig-certified'] === true ? ['stig'] : [],
    ),
  }
}
