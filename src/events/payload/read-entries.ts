/** One entry of an SBOM, a report or a VEX document, in all the forms in which tools write them. Pure; what is of no use gives nothing. */
import { PackageURL } from 'packageurl-js'
import { clipped } from '../../lib/quoted.ts'
import type { DocumentKind } from './documents.ts'
import type { Finding, Package, VexStatement } from './image-contents.ts'

/** Of a name, a version, a package URL. */
const MAX_TEXT = 300
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
    }),
    ...nested,
  ]
}

function spdxPackage(value: Json): Package[] {
  const purl = objects(value.externalRefs).find((one) => one.referenceType === 'purl')
  const [, source = ''] = /^built package from: (\S+)/.exec(text(value.sourceInfo)) ?? []
  return packageFrom({
    purl: text(purl?.referenceLocator),
    name: text(value.name),
    version: text(value.versionInfo),
    source,
  })
}

function packageFrom(o: { purl: string; name: string; version: string; source: string }): Package[] {
  const purl = parsePurl(o.purl)
  // The image itself, which every SBOM of it describes.
  if (purl?.type === 'oci' || purl?.type === 'docker') return []
  const version = o.version !== '' && o.version !== 'NOASSERTION' ? o.version : (purl?.version ?? '')
  const name = purl === undefined ? o.name : nameOf(purl)
  if (name === '' || version === '' || purl === undefined) return []
  const source = o.source !== '' ? o.source : (purl.qualifiers?.upstream?.split('@')[0] ?? '')
  return [{ name, type: purl.type ?? 'generic', version, ...(source === '' || source === name ? {} : { source }) }]
}

/** A namespace belongs to the name where it tells packages apart (`@scope/name`, `org.group/name`); distributions are namespaces too. */
function nameOf({ type, namespace, name }: PackageURL): string {
  const isDistribution = ['deb', 'rpm', 'apk', 'alpm'].includes(type ?? '')
  return isDistribution || !namespace ? (name ?? '') : `${namespace}/${name}`
}

/** One entry of a report. */
export function findingsOf(kind: DocumentKind, value: unknown): Finding[] {
  if (!isObject(value)) return []
  switch (kind) {
    case 'scout':
      return objects(value.vulnerabilities).flatMap((one) =>
        finding(text(one.source_id), object(one.cvss).severity, packageName(text(value.purl)), text(one.fixed_by)),
      )
    case 'cyclonedx':
      return cycloneDxFindings(value)
    default:
      return 'VulnerabilityID' in value ? trivyFinding(value) : inTotoFindings(value)
  }
}

/** in-toto attestation predicates vulns v0.1 and v0.2. */
function inTotoFindings(value: Json): Finding[] {
  const words = objects(value.severity)
    .map(({ score }) => text(score))
    .filter((score) => /^[a-z]+$/i.test(score))
  const severity = words[0] ?? text(value.severity)
  const notes = objects(Array.isArray(value.annotations) ? value.annotations : [value.annotations])
  const named = notes.filter((note) => text(note.package) !== '')
  if (named.length === 0) return finding(text(value.id), severity, '', '')
  return named.flatMap((note) => finding(text(value.id), severity, packageName(text(note.package)), text(note.fixedIn)))
}

/** What trivy puts into the predicate of `cosign attest --type vuln`. */
function trivyFinding(value: Json): Finding[] {
  return finding(text(value.VulnerabilityID), value.Severity, text(value.PkgName), text(value.FixedVersion))
}

function cycloneDxFindings(value: Json): Finding[] {
  const state = text(object(value.analysis).state)
  if (['not_affected', 'false_positive', 'resolved', 'resolved_with_pedigree'].includes(state)) return []
  const severity = objects(value.ratings)
    .map((one) => text(one.severity))
    .find((one) => one !== '')
  const refs = objects(value.affects).map((one) => packageName(text(one.ref)))
  return (refs.length === 0 ? [''] : refs).flatMap((name) => finding(text(value.id), severity, name, ''))
}

function finding(id: string, severity: unknown, name: string, fixedIn: string): Finding[] {
  return id === '' ? [] : [{ id, severity: text(severity).toLowerCase(), package: name, fixedIn }]
}

/** OpenVEX v0.2.0 and, with texts for objects, v0.0.1. */
export function statementsOf(value: unknown): VexStatement[] {
  if (!isObject(value)) return []
  const id = text(isObject(value.vulnerability) ? value.vulnerability.name : value.vulnerability)
  if (id === '') return []
  const base = { id, status: text(value.status), at: text(value.timestamp) }
  const products = (Array.isArray(value.products) ? value.products.slice(0, MAX_NESTED) : []).flatMap((product) => {
    const subs = objects(object(product).subcomponents)
    return subs.length > 0
      ? subs.map((one) => text(one['@id']))
      : [text(typeof product === 'string' ? product : object(product)['@id'])]
  })
  const found = products.map((product) => {
    const purl = parsePurl(product)
    return { ...base, package: purl === undefined ? product : nameOf(purl), version: purl?.version ?? '' }
  })
  return [...new Map(found.map((one) => [one.package, one])).values()]
}

/** The name in a package URL; what is none is a name itself. */
function packageName(ref: string): string {
  const purl = parsePurl(ref)
  return purl === undefined ? ref : nameOf(purl)
}

function parsePurl(ref: string): PackageURL | undefined {
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
