/** What is in images, as lines. */
import type { AttachedFacts, AttachedList } from '../api/image-attestations.ts'
import type { ImageComparison } from '../api/image-compare.ts'
import type { Image, ImagePackage, ImageVulnerability } from '../api/images.ts'
import { shortDigest, size } from './format.ts'
import { blocks, lines, table } from './table.ts'

export function packageTable(packages: readonly ImagePackage[], empty: string): string {
  return table(
    ['package', 'version', 'type', 'license', 'source'],
    packages.map((one) => [one.name, one.version, one.type, one.licence ?? '-', one.source ?? '-']),
    empty,
  )
}

export function vulnerabilityTable(found: readonly ImageVulnerability[], empty: string): string {
  return table(
    ['id', 'severity', 'score', 'package', 'version', 'fixed in', 'vex', 'why'],
    found.map((one) => [
      one.id,
      one.severity,
      one.score === null ? '-' : one.score.toFixed(1),
      one.package || '-',
      one.version ?? '-',
      one.fixedIn ?? '-',
      wordOf(one.status),
      one.vex?.justification?.replaceAll('_', ' ') ?? '-',
    ]),
    empty,
  )
}

export function wordOf(status: ImageVulnerability['status']): string {
  return status.replaceAll('_', ' ')
}

/** The image, its platforms, and what hangs on each, a step further in for each level. */
export function attestationTree(image: Image, list: AttachedList): string {
  const children = Map.groupBy(list.attached, ({ parent }) => parent)
  const branch = (parent: string, step: number): string[] =>
    (children.get(parent) ?? []).flatMap((one) => [
      `${'  '.repeat(step)}${nameOf(one)}  ${one.digest}  ${size(one.sizeBytes)}${one.isSigned ? '  signed' : ''}`,
      ...branch(one.digest, step + 1),
    ])
  const platforms = image.platforms.filter((one) => one.available && one.digest !== image.digest)
  return lines([
    `${image.repository}@${image.digest}`,
    ...branch(image.digest, 1),
    ...platforms.flatMap((one) => [`  ${one.platform}  ${one.digest}`, ...branch(one.digest, 2)]),
    ...(list.isPartial ? ['There is more than is shown.'] : []),
    ...(list.attached.length === 0 ? ['Nothing is attached.'] : []),
  ])
}

function nameOf({ kind, documents, artifactType }: AttachedFacts): string {
  const types = [...new Set(documents.flatMap(({ predicateType }) => predicateType ?? []))]
  const type = kind === 'signature' ? '' : types.join(', ') || (artifactType ?? '')
  return type === '' ? kind : `${kind} ${type}`
}

export function comparisonText({ from, to, ...found }: ImageComparison): string {
  if (found.isSame) return lines(['Both are the same image.'])
  const { packages, vulnerabilities } = found
  const changed = [...packages.changed, ...packages.added, ...packages.removed]
  const values = [...found.config, ...found.env, ...found.labels]
  const findings = (word: string, items: typeof vulnerabilities.fixed) =>
    items.map((one) => [word, one.id, one.severity, one.package])
  return blocks([
    lines([
      `from ${from.reference}  ${shortDigest(from.platformDigest)}  ${size(from.sizeBytes)}`,
      `to   ${to.reference}  ${shortDigest(to.platformDigest)}  ${size(to.sizeBytes)}`,
      ...(packages.isKnown ? [] : ['Packages cannot be compared: one of them has no SBOM.']),
      ...(vulnerabilities.isKnown ? [] : ['Vulnerabilities cannot be compared: one of them has no report.']),
      '',
    ]),
    table(
      ['vulnerability', 'id', 'severity', 'package'],
      [
        ...findings('new', vulnerabilities.new),
        ...findings('fixed', vulnerabilities.fixed),
        ...findings('ruled out', vulnerabilities.suppressed),
      ],
      'No vulnerability changed.',
    ),
    lines(['']),
    table(
      ['package', 'from', 'to'],
      changed.map((one) => [one.name, one.from ?? '-', one.to ?? '-']),
      'No package changed.',
    ),
    lines(['']),
    table(
      ['setting', 'from', 'to'],
      values.map((one) => [one.name, one.from ?? '-', one.to ?? '-']),
      'No setting changed.',
    ),
  ])
}
