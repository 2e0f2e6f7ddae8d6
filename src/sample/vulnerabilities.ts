import { type Flaw, knownFlaws } from './flaws.ts'
import { levelOf, type Package, sourcePurl, unpatchedVersion, versionAt } from './packages.ts'
import { type ReleaseNumber, releaseTime } from './releases.ts'

/** The four statuses of OpenVEX. */
export type VexStatus = 'affected' | 'fixed' | 'not_affected' | 'under_investigation'

/** A known flaw in a package that an image has. */
export interface Finding {
  readonly flaw: Flaw
  readonly status: VexStatus
  /** Of the source package, as the image has it. */
  readonly purl: string
  readonly version: string
  /** The version that fixes it; undefined when none is to come. */
  readonly fixedVersion: string | undefined
}

/**
 * What is known about an image's packages when `release` is published. A flaw that an earlier patch of the same source
 * has fixed is history and not listed.
 */
export function findingsOf(packages: readonly Package[], release: ReleaseNumber): Finding[] {
  return knownFlaws(release).flatMap((flaw) => {
    const found = packages.find((item) => item.source === flaw.source)
    if (found === undefined) return []
    const level = levelOf(found.version)
    if (flaw.fixedAtLevel !== undefined && level > flaw.fixedAtLevel) return []
    return [
      {
        flaw,
        status: flaw.fixedAtLevel === level ? 'fixed' : flaw.assessment,
        purl: sourcePurl(found.source, found.version),
        version: found.version,
        fixedVersion:
          flaw.fixedAtLevel === undefined ? undefined : versionAt(unpatchedVersion(found.version), flaw.fixedAtLevel),
      },
    ]
  })
}

/**
 * OpenVEX v0.2.0.
 * @param version 1 for the first document about an image, higher for one that replaces it
 */
export function openVex(id: string, findings: readonly Finding[], release: ReleaseNumber, version: number): object {
  const timestamp = releaseTime(release, 2)
  return {
    '@context': 'https://openvex.dev/ns/v0.2.0',
    '@id': `https://sample.example.invalid/vex/${id}`,
    author: 'Kagami sample <sample@example.invalid>',
    role: 'Document Creator',
    timestamp,
    version,
    tooling: 'kagami-sample',
    statements: findings.map((finding) => ({
      vulnerability: { name: finding.flaw.cve, description: finding.flaw.summary },
      timestamp,
      products: [{ '@id': finding.purl }],
      ...explanation(finding),
    })),
  }
}

function explanation({ status, flaw, fixedVersion }: Finding): object {
  switch (status) {
    case 'affected':
      return { status, action_statement: `Update ${flaw.source} to ${fixedVersion} or later.` }
    case 'not_affected':
      return {
        status,
        justification: 'vulnerable_code_cannot_be_controlled_by_adversary',
        impact_statement: 'Nothing in the image takes a pattern from outside.',
      }
    default:
      return { status }
  }
}

/** What a scanner reports: everything that is not fixed. VEX, not the scanner, says what does not matter. */
const reported = (findings: readonly Finding[]) => findings.filter(({ status }) => status !== 'fixed')

/** Predicate https://in-toto.io/attestation/vulns/v0.2 */
export function vulnerabilityReport(findings: readonly Finding[], release: ReleaseNumber): object {
  return {
    scanner: {
      uri: 'pkg:generic/kagami-sample-scanner@1',
      version: '1',
      db: {
        uri: 'https://sample.example.invalid/vulnerabilities',
        version: String(release),
        lastUpdate: releaseTime(release),
      },
      result: reported(findings).map(({ flaw, purl, fixedVersion }) => ({
        id: flaw.cve,
        severity: [
          { method: 'nvd', score: flaw.severity.toUpperCase() },
          { method: 'cvss_score', score: flaw.score.toFixed(1) },
        ],
        annotations: [{ package: purl, fixedIn: fixedVersion ?? '' }],
      })),
    },
    metadata: { scanStartedOn: releaseTime(release, 3), scanFinishedOn: releaseTime(release, 4) },
  }
}

/** Predicate https://scout.docker.com/vulnerabilities/v0.1: a list by package, without statuses. */
export function scoutVulnerabilities(findings: readonly Finding[]): object[] {
  const byPackage = Map.groupBy(reported(findings), ({ purl }) => purl)
  return [...byPackage].map(([purl, items]) => ({
    purl,
    vulnerabilities: items.map(({ flaw, version, fixedVersion }) => ({
      source: 'sample',
      source_id: flaw.cve,
      aliases: [],
      description: flaw.summary,
      published_at: releaseTime(flaw.publishedIn),
      vulnerable_range: fixedVersion === undefined ? `<=${version}` : `<${fixedVersion}`,
      cvss: { score: flaw.score, severity: flaw.severity.toUpperCase(), version: '3.1' },
      url: `https://sample.example.invalid/vulnerabilities/${flaw.cve}`,
      ...(fixedVersion === undefined ? {} : { fixed_by: fixedVersion }),
    })),
  }))
}
