// Attaches a small artifact to a subject, as a client would.
import type { CompareTarget } from '../support/compare.ts'
import { digestOf } from '../support/fixtures.ts'
import { expectStatus, registryClient } from '../support/registry-client.ts'

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'

/** @returns its digest */
export async function putReferrer(target: CompareTarget, subject: string, text: string): Promise<string> {
  const client = registryClient(target.url, target.repository, target)
  const config = new TextEncoder().encode('{}')
  const layer = new TextEncoder().encode(text)
  for (const blob of [config, layer]) await client.pushBlob(digestOf(blob), blob)
  const found = await client.getManifest(subject)
  const bytes = new TextEncoder().encode(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST,
      artifactType: 'application/vnd.example.note',
      config: { mediaType: 'application/vnd.oci.empty.v1+json', digest: digestOf(config), size: config.length },
      layers: [{ mediaType: 'text/plain', digest: digestOf(layer), size: layer.length }],
      subject: {
        mediaType: found.headers.get('content-type'),
        digest: subject,
        size: Number(found.headers.get('content-length')),
      },
    }),
  )
  const digest = digestOf(bytes)
  expectStatus(await client.putManifest(digest, bytes, MANIFEST), `PUT ${digest}`, 201)
  return digest
}
