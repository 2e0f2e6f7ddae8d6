// How the Go libraries push, request by request, for the programs that are not at hand: oras-go (oras, helm, notation) and
// go-containerregistry (crane, cosign). Every answer must be what their code goes on from (checklist sections 1 and 3).
import { expect } from 'bun:test'
import { streamOf } from '../support/blob-checks.ts'
import type { Layout, LayoutManifest } from '../support/fixtures.ts'
import { type Answer, locationOf, type OciRequests, ociRequests, type SendOptions } from '../support/oci-requests.ts'
import { parseChallenge } from '../support/registry-session.ts'

export const OCTETS = { 'content-type': 'application/octet-stream' } as const

/** Follows the challenge of `/v2/` with a password: a bearer client that may do what the scopes say. */
export async function logIn(
  url: string,
  repository: string,
  who: { readonly username: string; readonly password: string },
  scopes: readonly string[],
): Promise<OciRequests> {
  const ping = await ociRequests(url, repository, null).send('GET', '/v2/')
  expect(ping.status).toBe(401)
  const { scheme, parameters } = parseChallenge(ping.headers.get('www-authenticate') ?? '')
  expect(scheme).toBe('bearer')
  const realm = new URL(parameters.get('realm') ?? '')
  realm.searchParams.set('service', parameters.get('service') ?? '')
  for (const scope of scopes) realm.searchParams.append('scope', scope)
  const answer = await ociRequests(url, repository, who).send('GET', `${realm.pathname}${realm.search}`)
  expect(answer.status).toBe(200)
  return ociRequests(url, repository, { bearer: (JSON.parse(answer.text) as { access_token: string }).access_token })
}

/** The answer, which must have the status. */
export async function must(client: OciRequests, status: number, method: string, path: string, o?: SendOptions) {
  const answer = await client.send(method, path, o)
  if (answer.status === status) return answer
  throw new Error(`${method} ${client.repository} ${path}: want ${status}, got ${answer.status} ${answer.text}`)
}

const escaped = (digest: string) => encodeURIComponent(digest)
const bytesOf = (bytes: Uint8Array) => new Uint8Array(bytes)

function blobOf(layout: Layout, digest: string): Uint8Array<ArrayBuffer> {
  const bytes = layout.blobs.get(digest)
  if (bytes === undefined) throw new Error(`layout ${layout.name} has no blob ${digest}`)
  return bytesOf(bytes)
}

export function manifestOf(layout: Layout, digest: string): LayoutManifest {
  const manifest = layout.manifests.get(digest)
  if (manifest === undefined) throw new Error(`layout ${layout.name} has no manifest ${digest}`)
  return manifest
}

const put = (manifest: LayoutManifest) => ({
  headers: { 'content-type': manifest.mediaType },
  body: bytesOf(manifest.bytes),
})

/** The manifest and what is below it: children first. */
function below(layout: Layout, digest: string): LayoutManifest[] {
  const manifest = manifestOf(layout, digest)
  return [...manifest.children.flatMap((child) => below(layout, child)), manifest]
}

/** A referrer is answered by `OCI-Subject`, so that no client writes a fallback tag. */
function expectSubject(manifest: LayoutManifest, answer: Answer) {
  expect(answer.headers.get('oci-subject') ?? undefined).toBe(manifest.subject)
}

/** oras-go: HEAD, POST, one PUT with the body and its length; manifests by digest, the root by `reference`. */
export async function pushLikeOras(client: OciRequests, layout: Layout, digest: string, reference = digest) {
  for (const manifest of below(layout, digest)) {
    for (const blob of manifest.blobs) {
      const head = await client.send('HEAD', `blobs/${blob}`)
      if (head.status === 200) continue
      expect(head.status).toBe(404)
      const begun = await must(client, 202, 'POST', 'blobs/uploads/')
      const path = `${locationOf(begun)}?digest=${escaped(blob)}`
      const done = await must(client, 201, 'PUT', path, { headers: OCTETS, body: blobOf(layout, blob) })
      expect(done.headers.get('docker-content-digest')).toBe(blob)
    }
    const isRoot = manifest.digest === digest
    if ((await client.send('HEAD', `manifests/${manifest.digest}`)).status === 404 || isRoot) {
      const path = `manifests/${isRoot ? reference : manifest.digest}`
      const answer = await must(client, 201, 'PUT', path, put(manifest))
      // oras-go refuses an answer that names another digest.
      expect(answer.headers.get('docker-content-digest')).toBe(manifest.digest)
      expectSubject(manifest, answer)
    }
  }
}

/** go-containerregistry: HEAD, POST with mount, from and origin, PATCH in chunked encoding, PUT without a body; then manifests. */
export async function pushLikeCrane(client: OciRequests, layout: Layout, digest: string, reference = digest) {
  for (const manifest of below(layout, digest)) {
    for (const blob of manifest.blobs) {
      const head = await client.send('HEAD', `blobs/${blob}`)
      if (head.status === 200) continue
      expect(head.status).toBe(404)
      const query = `from=library%2Fdebian&mount=${escaped(blob)}&origin=index.docker.io`
      const begun = await must(client, 202, 'POST', `blobs/uploads/?${query}`, { headers: OCTETS })
      const body = streamOf(blobOf(layout, blob))
      const sent = await must(client, 202, 'PATCH', locationOf(begun), { headers: OCTETS, body })
      await must(client, 201, 'PUT', `${locationOf(sent)}?digest=${escaped(blob)}`, { headers: OCTETS })
    }
    const path = `manifests/${manifest.digest === digest ? reference : manifest.digest}`
    expectSubject(manifest, await must(client, 201, 'PUT', path, put(manifest)))
  }
}
