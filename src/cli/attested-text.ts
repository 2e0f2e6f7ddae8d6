import type { Attested } from '../oci/attested.ts'

const SHORT: Readonly<Record<Attested, string>> = {
  signature: 'sig',
  sbom: 'sbom',
  provenance: 'prov',
  vex: 'vex',
  scan: 'scan',
  other: 'other',
}

/** As `sig sbom prov vex`; `-` for nothing. */
export function attestedText(kinds: readonly Attested[]): string {
  return kinds.map((kind) => SHORT[kind]).join(' ') || '-'
}
