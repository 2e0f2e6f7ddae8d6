/** Predicate types by the names that people know them by; names of formats are the same in every language. */
const NAMES: readonly (readonly [start: string, name: string])[] = [
  ['https://cyclonedx.org/bom', 'CycloneDX SBOM'],
  ['https://spdx.dev/Document', 'SPDX SBOM'],
  ['https://scout.docker.com/sbom', 'Scout SBOM'],
  ['https://slsa.dev/provenance/v1', 'SLSA provenance v1'],
  ['https://slsa.dev/provenance/v0.2', 'SLSA provenance v0.2'],
  ['https://slsa.dev/provenance', 'SLSA provenance'],
  ['https://slsa.dev/verification_summary', 'SLSA verification summary'],
  ['https://scout.docker.com/provenance', 'Scout provenance'],
  ['https://openvex.dev/ns', 'OpenVEX'],
  ['https://in-toto.io/attestation/vulns', 'in-toto vulns'],
  ['https://cosign.sigstore.dev/attestation/vuln', 'cosign vuln'],
  ['https://scout.docker.com/vulnerabilities', 'Scout vulnerabilities'],
  ['https://scout.docker.com/secrets', 'Scout secrets'],
  ['https://scout.docker.com/virus', 'Scout virus'],
  ['https://scout.docker.com/tests', 'Scout tests'],
  ['https://docker.com/dhi/fips', 'FIPS'],
  ['https://docker.com/dhi/stig', 'STIG'],
  ['https://docker.com/dhi/source', 'DHI source'],
  ['https://docker.com/dhi/changelog', 'DHI changelog'],
]

export function nameOfPredicate(type: string): string {
  return NAMES.find(([start]) => type.startsWith(start))?.[1] ?? type
}
