import { describe, expect, test } from 'bun:test'
import { verify } from 'node:crypto'
import type { SampleRepository } from '../../src/sample/repositories.ts'
import { sampleRepositories } from '../../src/sample/repositories.ts'
import { blobOf, newSampleKey, type ReadManifest, readManifests, referrersOf } from './reading.ts'

const key = newSampleKey()
const SIGNATURE = 'application/vnd.dev.cosign.artifact.sig.v1+json'

/** Steps 2 to 4 of verifying a simple signing signature with a public key. */
function isSigned(repository: SampleRepository, signature: ReadManifest, publicKeyPem: string): boolean {
  const [layer] = signature.body.layers ?? []
  const payload = blobOf(repository, layer?.digest)
  const bytes = Buffer.from(layer?.annotations?.['dev.cosignproject.cosign/signature'] ?? '', 'base64')
  const { critical } = JSON.parse(new TextDecoder().decode(payload))
  return (
    layer?.mediaType === 'application/vnd.dev.cosign.simplesigning.v1+json' &&
    verify('sha256', payload, publicKeyPem, bytes) &&
    critical.type === 'cosign container image signature' &&
    critical.image['docker-manifest-digest'] === signature.body.subject?.digest
  )
}

describe('the signatures of the sample', () => {
  test('are on every attestation, every index and every chart, one each, as OCI 1.1 referrers', () => {
    for (const repository of sampleRepositories(2, key)) {
      const tagged = new Set<string>(repository.tags.values())
      const wanted = readManifests(repository).filter(
        ({ digest, body }) => tagged.has(digest) || body.artifactType === 'application/vnd.in-toto+json',
      )
      expect(wanted.length).toBeGreaterThan(3)
      for (const { digest } of wanted) {
        const signatures = referrersOf(repository, digest).filter(({ body }) => body.artifactType === SIGNATURE)
        expect(signatures).toHaveLength(1)
      }
      const all = readManifests(repository).filter(({ body }) => body.artifactType === SIGNATURE)
      expect(all).toHaveLength(wanted.length)
    }
  })

  test('verify with the public key over their payload, which names their subject, and with no other key', () => {
    const other = newSampleKey()
    for (const repository of sampleRepositories(1, key)) {
      for (const signature of readManifests(repository).filter(({ body }) => body.artifactType === SIGNATURE)) {
        expect(isSigned(repository, signature, key.publicKeyPem)).toBe(true)
        expect(isSigned(repository, signature, other.publicKeyPem)).toBe(false)
      }
    }
  })
})
