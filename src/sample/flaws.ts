import type { ReleaseNumber } from './releases.ts'

export type Severity = 'critical' | 'high' | 'medium' | 'low'

/** A made-up vulnerability of a source package. */
export interface Flaw {
  readonly cve: string
  readonly source: string
  readonly severity: Severity
  /** CVSS 3.1 base score that agrees with the severity. */
  readonly score: number
  readonly summary: string
  /** The patch level of the source that fixes it; undefined when none is to come. */
  readonly fixedAtLevel: number | undefined
  /** What is known of it in the sample's images as long as they are not patched. */
  readonly assessment: 'affected' | 'not_affected' | 'under_investigation'
  readonly publishedIn: ReleaseNumber
}

/** Sources that are patched in turn, one a release from the second on. Every image has all of them. */
const PATCHED_SOURCES: readonly string[] = ['openssl', 'glibc', 'zlib']

const SEVERITIES: readonly { severity: Severity; score: number }[] = [
  { severity: 'high', score: 7.5 },
  { severity: 'medium', score: 5.9 },
  { severity: 'low', score: 3.1 },
  { severity: 'critical', score: 9.1 },
]

/** How often `source` has been patched up to and with `release`; 0 for one that is not patched in turn. */
export function patchLevel(source: string, release: ReleaseNumber): number {
  const turn = PATCHED_SOURCES.indexOf(source)
  return turn === -1 ? 0 : Math.max(0, Math.floor((release - 2 - turn) / PATCHED_SOURCES.length) + 1)
}

/** What a patched flaw's fix is released in: the inverse of patchLevel. */
function fixedIn(turn: number, level: number): ReleaseNumber {
  return 2 + turn + (level - 1) * PATCHED_SOURCES.length
}

/** Two that no release fixes, for the statuses that have no fix. */
const STANDING_FLAWS: readonly Flaw[] = [
  {
    cve: 'CVE-2026-990001',
    source: 'glibc',
    severity: 'low',
    score: 3.7,
    summary: 'Uncontrolled recursion while a pattern is compiled',
    fixedAtLevel: undefined,
    assessment: 'not_affected',
    publishedIn: 1,
  },
  {
    cve: 'CVE-2026-990002',
    source: 'tzdata',
    severity: 'medium',
    score: 4.0,
    summary: 'A malformed zone file is read past its end',
    fixedAtLevel: undefined,
    assessment: 'under_investigation',
    publishedIn: 1,
  },
]

/**
 * All flaws known when `release` is published, oldest first. A flaw becomes known one release before its fix. The numbers
 * lie above 900000, where no real CVE of that year is.
 */
export function knownFlaws(release: ReleaseNumber): Flaw[] {
  const patched = PATCHED_SOURCES.flatMap((source, turn) =>
    Array.from({ length: patchLevel(source, release + 1) }, (_, i): Flaw => {
      const level = i + 1
      const fix = fixedIn(turn, level)
      const severity = SEVERITIES[fix % SEVERITIES.length] ?? { severity: 'low', score: 3.1 }
      return {
        cve: `CVE-2026-${900_000 + fix}`,
        source,
        ...severity,
        summary: `A crafted input makes ${source} read past a buffer`,
        fixedAtLevel: level,
        assessment: 'affected',
        publishedIn: fix - 1,
      }
    }),
  )
  return [...STANDING_FLAWS, ...patched].sort((a, b) => a.publishedIn - b.publishedIn || (a.cve < b.cve ? -1 : 1))
}
