import { type Digest, encodedOf } from '../oci/digest.ts'

/** How a thing was made, as the SLSA predicates tell it. */
export interface Build {
  /** Path of the definition that was built, without extension. */
  readonly definitionPath: string
  readonly definitionDigest: Digest
  /** `linux/amd64`; absent for what has no platform. */
  readonly platform?: string
  readonly id: string
  readonly startedAt: string
  readonly finishedAt: string
  readonly materials: readonly { readonly uri: string; readonly digest: Digest }[]
}

const BUILDER_ID = 'https://sample.example.invalid/builder'
const DEFINITIONS = 'https://sample.example.invalid/definitions'

const digestSet = (digest: Digest) => ({ sha256: encodedOf(digest) })

function materialsOf(build: Build): object[] {
  return [
    { uri: `${DEFINITIONS}/${build.definitionPath}.yaml`, digest: digestSet(build.definitionDigest) },
    ...build.materials.map(({ uri, digest }) => ({ uri, digest: digestSet(digest) })),
  ]
}

/** Predicate https://slsa.dev/provenance/v0.2 */
export function slsaProvenance02(build: Build): object {
  return {
    builder: { id: BUILDER_ID },
    buildType: `${BUILDER_ID}/sample@v1`,
    invocation: {
      configSource: {
        uri: `${DEFINITIONS}/${build.definitionPath}.yaml`,
        digest: digestSet(build.definitionDigest),
        entryPoint: build.definitionPath,
      },
      parameters: { compression: 'gzip' },
      environment: build.platform === undefined ? {} : { platform: build.platform },
    },
    metadata: {
      buildInvocationID: build.id,
      buildStartedOn: build.startedAt,
      buildFinishedOn: build.finishedAt,
      completeness: { parameters: true, environment: true, materials: true },
      reproducible: true,
    },
    materials: materialsOf(build),
  }
}

/** Predicate https://slsa.dev/provenance/v1 */
export function slsaProvenance1(build: Build): object {
  return {
    buildDefinition: {
      buildType: `${BUILDER_ID}/sample@v1`,
      externalParameters: {
        definition: `${build.definitionPath}.yaml`,
        ...(build.platform === undefined ? {} : { platform: build.platform }),
      },
      internalParameters: { compression: 'gzip' },
      resolvedDependencies: materialsOf(build),
    },
    runDetails: {
      builder: { id: BUILDER_ID },
      metadata: { invocationId: build.id, startedOn: build.startedAt, finishedOn: build.finishedAt },
    },
  }
}

/**
 * Predicate https://slsa.dev/verification_summary/v1
 * @param provenance digest of the provenance statement that was looked at
 */
export function verificationSummary(
  resourceUri: string,
  verifiedAt: string,
  policy: Digest,
  provenance: Digest,
): object {
  return {
    verifier: { id: 'https://sample.example.invalid/verifier' },
    timeVerified: verifiedAt,
    resourceUri,
    policy: { uri: 'https://sample.example.invalid/policy/slsa', digest: digestSet(policy) },
    inputAttestations: [{ uri: 'https://slsa.dev/provenance/v0.2', digest: digestSet(provenance) }],
    verificationResult: 'PASSED',
    verifiedLevels: ['SLSA_BUILD_LEVEL_1'],
    slsaVersion: '1.0',
  }
}
