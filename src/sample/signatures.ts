import type { Descriptor } from '../oci/descriptor.ts'
import { digestOf } from '../oci/digest.ts'
import { MediaType } from '../oci/media-types.ts'
import { type Content, jsonBytes } from './content.ts'
import type { SampleKey } from './keys.ts'

/** artifactType and config type of a cosign signature that is an OCI 1.1 referrer. */
const COSIGN_SIGNATURE = 'application/vnd.dev.cosign.artifact.sig.v1+json'
const SIMPLE_SIGNING = 'application/vnd.dev.cosign.simplesigning.v1+json'

/**
 * Adds a cosign signature of `subject` as its referrer, in the shape of `cosign sign --registry-referrers-mode=oci-1-1`.
 * @param subject bare descriptor of the manifest that is signed
 * @param repository what the payload calls the repository; verifiers compare the digest only
 */
export function addSignature(subject: Descriptor, repository: string, key: SampleKey, content: Content): Descriptor {
  const payload = jsonBytes({
    critical: {
      identity: { 'docker-reference': `sample.example.invalid/${repository}` },
      image: { 'docker-manifest-digest': subject.digest },
      type: 'cosign container image signature',
    },
    optional: null,
  })
  return content.addManifest({
    schemaVersion: 2,
    mediaType: MediaType.ociManifest,
    config: content.addBlob(
      {
        architecture: '',
        created: '0001-01-01T00:00:00Z',
        history: [{ created: '0001-01-01T00:00:00Z' }],
        os: '',
        rootfs: { type: 'layers', diff_ids: [digestOf(payload)] },
        config: {},
      },
      COSIGN_SIGNATURE,
    ),
    layers: [
      {
        ...content.addBlob(payload, SIMPLE_SIGNING),
        annotations: { 'dev.cosignproject.cosign/signature': Buffer.from(key.sign(payload)).toString('base64') },
      },
    ],
    subject,
    artifactType: COSIGN_SIGNATURE,
  })
}
