/**
 * What a manifest is to the image that it hangs on, by what it says itself: its artifactType, its layers' media types, and the predicate types
 * in annotations. A fact of its bytes (decision record 21), and no more than a claim: nothing is read, and no signature checked.
 */
import { formOf, predicateTypeOf } from './attestation-types.ts'
import type { ManifestReferences } from './manifest.ts'

/** In the order in which they are told. */
export const ATTESTED = ['signature', 'sbom', 'provenance', 'vex', 'scan', 'other'] as const
export type Attested = (typeof ATTESTED)[number]

/** A set of them: one bit each. 0: the manifest is nothing that hangs anywhere, as far as it says. */
export type AttestedBits = number

const SIGNATURE_TYPES = [
  'application/vnd.dev.cosign.simplesigning.v1+json',
  'application/vnd.dev.cosign.artifact.sig.v1+json',
  'application/vnd.cncf.notary.signature',
]
/** What cosign 3 says of a bundle that signs an image and tells nothing else. */
const SIGNING = 'https://sigstore.dev/cosign/sign/v1'

const PREDICATES: readonly (readonly [start: string, kind: Attested])[] = [
  [SIGNING, 'signature'],
  ['https://cyclonedx.org/bom', 'sbom'],
  ['https://spdx.dev/Document', 'sbom'],
  ['https://syft.dev/bom', 'sbom'],
  ['https://scout.docker.com/sbom', 'sbom'],
  ['https://slsa.dev/provenance', 'provenance'],
  ['https://scout.docker.com/provenance', 'provenance'],
  ['https://openvex.dev/ns', 'vex'],
  ['https://in-toto.io/attestation/vulns', 'scan'],
  ['https://cosign.sigstore.dev/attestation/vuln/', 'scan'],
  ['https://scout.docker.com/vulnerabilities', 'scan'],
]

/** Documents that hang there bare, by the word in their media type. */
const BARE: readonly (readonly [word: RegExp, kind: Attested])[] = [
  [/spdx|cyclonedx|\bsyft\b|\bsbom\b/, 'sbom'],
  [/openvex|\bvex\b/, 'vex'],
  [/sarif/, 'scan'],
]

/** Whether one of the types is of what signs and tells nothing else. */
export function isSignatureType(type: string): boolean {
  return SIGNATURE_TYPES.includes(type)
}

export function isSigningPredicate(type: string | undefined): boolean {
  return type === SIGNING
}

export function bitsOf(kinds: Iterable<Attested>): AttestedBits {
  let bits = 0
  for (const kind of kinds) bits |= 1 << ATTESTED.indexOf(kind)
  return bits
}

export function attestedOf(bits: AttestedBits): Attested[] {
  return ATTESTED.filter((_, i) => (bits & (1 << i)) !== 0)
}

/** What a manifest brings to what it hangs on, whether it does hang anywhere or not. Indexes bring nothing but themselves. */
export function attestedBy({ artifactType, annotations, layers }: ManifestReferences): AttestedBits {
  const ofManifest = predicateTypeOf(annotations)
  const found = new Set<Attested>()
  for (const { mediaType, annotations: own } of layers) found.add(kindOf(mediaType, predicateTypeOf(own) ?? ofManifest))
  const own = kindOf(artifactType ?? '', ofManifest)
  // The type of a whole may tell what those of its parts do not, and is the less sure of them: in-toto, of what its layers name.
  if (own !== 'other' && (found.size === 0 || [...found].every((kind) => kind === 'other'))) return bitsOf([own])
  if (found.size > 1) found.delete('other')
  return bitsOf(found.size === 0 ? ['other'] : found)
}

function kindOf(mediaType: string, predicateType: string | undefined): Attested {
  if (isSignatureType(mediaType)) return 'signature'
  if (predicateType !== undefined) return PREDICATES.find(([start]) => predicateType.startsWith(start))?.[1] ?? 'other'
  // A bundle of a bare signature names no predicate.
  if (mediaType.startsWith('application/vnd.dev.sigstore.bundle')) return 'signature'
  if (formOf(mediaType) !== undefined) return 'other'
  return BARE.find(([word]) => word.test(mediaType))?.[1] ?? 'other'
}
