/** One entry of an SBOM, a report or a VEX document, in all the forms in which tools write them. Pure; what is of no use gives nothing. */
import { PackageURL } from 'packageurl-js'
import { clipped } from '../lib/quoted.ts'
import type { DocumentKind } from './documents.ts'
import type { Finding, Package, VexStatement } from './image-contents.ts'

/** Of a name, a version, a package URL. */
const MAX_TEXT = 300
const MAX_WORDS = 2000
/** Components in components, and products of one statement. */
const MAX_NESTED = 1000

type Json = Readonly<Record<string, unknown>>

/** @param value a component of CycloneDX, or a package of SPDX */
export function packagesOf(kind: DocumentKind, value: unknown): Package[] {
  if (!isObject(value)) return []
  return kind === 'spdx' ? spdxPackage(value) : cycloneDxPackages(value, 0)
}

function cycloneDxPackages(value: Json, depth: number): Package[] {
  const nested = depth < 8 ? objects(value.components).flatMap((one) => cycloneDxPackages(one, depth + 1)) : []
  const type = text(value.type)
  // What is not installed by a package manager has no version that anybody updates.
  if (type === 'file' || type === 'operating-system') return nested
  const source = objects(value.properties).find((one) => text(one.name).endsWith('source-package'))
  return [
    ...packageFrom({
      purl: text(value.purl),
      name: text(value.name),
      version: text(value.version),
      source: text(source?.value),
      licence: cycloneDxLicence(value.licenses),
    }),
    ...nested,
  ]
}

/** An expression, or several ids and names: all of them hold. */
function cycloneDxLicence(value: unknown): string {
  const all = objects(value).map((one) => {
    const license = object(one.license)
    return text(one.expression) || text(license.id) || text(license.name)
  })
  return clipped([...new Set(all.filter((one) => one !== ''))].join(' AND '), MAX_TEXT)
}

function spdxPackage(value: Json): Package[] {
  const purl = objects(value.externalRefs).find((one) => one.referenceType === 'purl')
  const [, source = ''] = /^built package from: (\S+)/.exec(text(value.sourceInfo)) ?? []
  const purpose = text(value.primaryPackagePurpose)
  if (purpose === 'CONTAINER' || purpose === 'OPERATING-SYSTEM' || purpose === 'FILE') return []
  return packageFrom({
    purl: text(purl?.referenceLocator),
    name: text(value.name),
    version: text(value.versionInfo),
    source,
    licence: spdxLicence(value.licenseConcluded) || spdxLicence(value.licenseDeclared),
  })
}

function spdxLicence(value: unknown): string {
  const licence = text(value)
  return licence === 'NOASSERTION' || licence === 'NONE' ? '' : licence
}

interface Named {
  readonly purl: string
  readonly name: string
  readonly version: string
  readonly source: string
  readonly licence: string
}

function packageFrom(o: Named): Package[] {
  const purl = parsePurl(o.purl)
  // The image itself, which every SBOM of it describes.
  if (purl?.type === 'oci' || purl?.type === 'docker') return []
  const version = o.version !== '' && o.version !== 'NOASSERTION' ? o.version : (purl?.version ?? '')
  const name = purl === undefined ? o.name : nameOf(purl)
  if (name === '' || version === '') return []
  const licence = o.licence === '' ? {} : { licence: o.licence }
  if (purl === undefined) return [{ name, type: 'generic', version, isUnnamed: true, ...licence }]
  const source = o.source !== '' ? o.source : (purl.qualifiers?.upstream?.split('@')[0] ?? '')
  const built = source === '' || source === name ? {} : { source }
  return [{ name, type: purl.type ?? 'generic', version, purl: o.purl, ...built, ...licence }]
}

/** A namespace belongs to the name where it tells packages apart (`@scope/name`, `org.group/name`); distributions are namespaces too. */
export function nameOf({ type, namespace, name }: PackageURL): string {
  const isDistribution = ['deb', 'rpm', 'apk', 'alpm'].includes(type ?? '')
  return isDistribution || !namespace ? (name ?? '') : `${namespace}/${name}`
}

/** One entry of a report. */
export function findingsOf(kind: DocumentKind, value: unknown): Finding[] {
  if (!isObject(value)) return []
  switch (kind) {
    case 'scout':
      return objects(value.vulnerabilities).flatMap((one) =>
        finding(text(one.source_id), object(one.cvss).severity, text(value.purl), text(one.fixed_by), {
          score: object(one.cvss).score,
        }),
      )
    case 'cyclonedx':
      return cycloneDxFindings(value)
    case 'sarif':
      return sarifFinding(value)
    default:
      if ('VulnerabilityID' in value) return trivyFinding(value)
      return 'artifact' in value ? grypeFinding(value) : inTotoFindings(value)
  }
}

/** in-toto attestation predicates vulns v0.1 and v0.2. */
function inTotoFindings(value: Json): Finding[] {
  const words = objects(value.severity)
    .map(({ score }) => text(score))
    .filter((score) => /^[a-z]+$/i.test(score))
  const numbers = objects(value.severity).map(({ score }) => score)
  const more = { score: numbers.find((score) => scoreOf(score) !== undefined) }
  const severity = words[0] ?? text(value.severity)
  const notes = objects(Array.isArray(value.annotations) ? value.annotations : [value.annotations])
  const named = notes.filter((note) => text(note.package) !== '')
  if (named.length === 0) return finding(text(value.id), severity, '', '', more)
  return named.flatMap((note) => finding(text(value.id), severity, text(note.package), text(note.fixedIn), more))
}

/** What trivy puts into the predicate of `cosign attest --type vuln`. */
function trivyFinding(value: Json): Finding[] {
  const scores = Object.values(object(value.CVSS)).map((one) => object(one).V3Score ?? object(one).V2Score)
  return finding(text(value.VulnerabilityID), value.Severity, text(value.PkgName), text(value.FixedVersion), {
    version: text(value.InstalledVersion),
    score: scores.find((score) => scoreOf(score) !== undefined),
  })
}

/** What grype puts there. */
function grypeFinding(value: Json): Finding[] {
  const [about, artifact] = [object(value.vulnerability), object(value.artifact)]
  const fixes = object(about.fix).versions
  const scores = objects(about.cvss).map((one) => object(one.metrics).baseScore)
  return finding(
    text(about.id),
    about.severity,
    text(artifact.purl) || text(artifact.name),
    Array.isArray(fixes) ? text(fixes[0]) : '',
    { version: text(artifact.version), score: scores.find((score) => scoreOf(score) !== undefined) },
  )
}

const SARIF_SEVERITIES: Readonly<Record<string, string>> = { error: 'high', warning: 'medium', note: 'low' }

/** A result of a scanner for vulnerabilities; other tools write SARIF too. */
function sarifFinding(value: Json): Finding[] {
  const id = text(value.ruleId)
  if (!/^(CVE|GHSA|TEMP|DSA|ALAS|RHSA)-/i.test(id)) return []
  return finding(id, SARIF_SEVERITIES[text(value.level)] ?? '', '', '')
}

function cycloneDxFindings(value: Json): Finding[] {
  const state = text(object(value.analysis).state)
  if (['not_affected', 'false_positive', 'resolved', 'resolved_with_pedigree'].includes(state)) return []
  const severity = objects(value.ratings)
    .map((one) => text(one.severity))
    .find((one) => one !== '')
  const refs = objects(value.affects).map((one) => text(one.ref))
  const score = objects(value.ratings).map((one) => one.score)
  const more = { score: score.find((one) => scoreOf(one) !== undefined) }
  return (refs.length === 0 ? [''] : refs).flatMap((ref) => finding(text(value.id), severity, ref, '', more))
}

/** @param ref the package: by its URL, or by its name */
function finding(
  id: string,
  severity: unknown,
  ref: string,
  fixedIn: string,
  more: { readonly version?: string | undefined; readonly score?: unknown } = {},
): Finding[] {
  if (id === '') return []
  const purl = parsePurl(ref)
  const version = more.version || purl?.version || ''
  const score = scoreOf(more.score)
  return [
    {
      id,
      severity: text(severity).toLowerCase(),
      package: purl === undefined ? ref : nameOf(purl),
      fixedIn,
      ...(version === '' ? {} : { version: clipped(version, MAX_TEXT) }),
      ...(purl?.type === undefined ? {} : { type: purl.type }),
      ...(score === undefined ? {} : { score }),
    },
  ]
}

/** CVSS has one digit after the point. */
function scoreOf(value: unknown): string | undefined {
  const number =
    typeof value === 'number' ? value : typeof value === 'string' && value !== '' ? Number(value) : Number.NaN
  return number >= 0 && number <= 10 ? number.toFixed(1) : undefined
}

/** OpenVEX v0.2.0 and, with texts for objects, v0.0.1. */
export function statementsOf(value: unknown): VexStatement[] {
  if (!isObject(value)) return []
  const id = text(isObject(value.vulnerability) ? value.vulnerability.name : value.vulnerability)
  if (id === '') return []
  const notes = {
    aliases: names(object(value.vulnerability).aliases),
    justification: text(value.justification),
    impact: words(value.impact_statement),
    action: words(value.action_statement),
  }
  const base = {
    id,
    status: text(value.status),
    at: text(value.last_updated) || text(value.timestamp),
    ...Object.fromEntries(Object.entries(notes).filter(([, one]) => one.length > 0)),
  }
  const products = (Array.isArray(value.products) ? value.products.slice(0, MAX_NESTED) : []).flatMap((product) => {
    const subs = objects(object(product).subcomponents)
    return subs.length > 0
      ? subs.map((one) => text(one['@id']))
      : [text(typeof product === 'string' ? product : object(product)['@id'])]
  })
  const found = products.slice(0, MAX_NESTED).map((product) => {
    const purl = parsePurl(product)
    const type = purl?.type === undefined ? {} : { type: purl.type }
    return { ...base, package: purl === undefined ? product : nameOf(purl), version: purl?.version ?? '', ...type }
  })
  // One product comes with several sets of qualifiers.
  return [...new Map(found.map((one) => [`${one.package} ${one.version} ${one.type}`, one])).values()]
}

function names(value: unknown): string[] {
  return (Array.isArray(value) ? value : []).slice(0, 20).flatMap((one) => text(one) || [])
}

/** Sentences for people. */
function words(value: unknown): string {
  return typeof value === 'string' ? clipped(value, MAX_WORDS) : ''
}

/** Undefined for what is none. */
export function parsePurl(ref: string): PackageURL | undefined {
  if (!ref.startsWith('pkg:')) return undefined
  try {
    return PackageURL.fromString(ref)
  } catch {
    return undefined
  }
}

function text(value: unknown): string {
  return typeof value === 'string' ? clipped(value, MAX_TEXT) : ''
}

function object(value: unknown): Json {
  return isObject(value) ? value : {}
}

function objects(value: unknown): Json[] {
  return Array.isArray(value) ? value.slice(0, MAX_NESTED).filter(isObject) : []
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
