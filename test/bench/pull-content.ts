// What is pulled, and by which paths: an index of two platforms with referrers, and blobs of three sizes as its layers.
import { artifact, type Made, newShelf, noise, OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST } from './workload.ts'

export const MIB = 1024 * 1024
const REFERRERS = 16

export interface Route {
  readonly title: string
  /** Below `/v2/<repository>/`; `undefined`: this program has no such thing. */
  path(peer: string): string | undefined
  readonly connections: number
  /** Large answers need longer to be counted. */
  readonly longer?: number
}

export function makeContent() {
  const shelf = newShelf()
  const blobs = [10 * 1024, MIB, 100 * MIB].map((size) => shelf.blob(OCI_LAYER, noise(`serving ${size}`, size)))
  const manifests = ['amd64', 'arm64'].map((architecture) => {
    const config = shelf.blob(OCI_CONFIG, new TextEncoder().encode(JSON.stringify({ architecture, os: 'linux' })))
    return { ...shelf.manifest(OCI_MANIFEST, { config, layers: blobs }), platform: { architecture, os: 'linux' } }
  })
  const index = shelf.manifest(OCI_INDEX, { manifests })
  for (let n = 0; n < REFERRERS; n++) artifact(shelf, 'application/vnd.in-toto+json', `referrer ${n}`, index)
  shelf.tag('1.0', index)
  return { layout: shelf.layout('serving'), index, blobs }
}

/** Titles that goals name. */
export const BY_TAG = 'index by tag, c=16'
export const SMALL_BLOB = 'blob of 10 KiB, c=16'
export const MIDDLE_BLOB = 'blob of 1 MiB, c=16'
export const LARGE_BLOB = 'blob of 100 MiB, c=4'

export function makeRoutes(index: Made, [small, middle, large]: readonly Made[]): Route[] {
  const isFiles = (peer: string) => peer === 'nginx'
  const manifest = (reference: string) => (peer: string) => (isFiles(peer) ? undefined : `manifests/${reference}`)
  const blob = (of: Made | undefined) => () => `blobs/${of?.digest}`
  return [
    { title: BY_TAG, path: manifest('1.0'), connections: 16 },
    { title: 'index by digest, c=16', path: manifest(index.digest), connections: 16 },
    {
      title: `${REFERRERS} referrers, c=16`,
      // docker-registry has no referrers API: clients read the list from the fallback tag.
      path: (peer) =>
        isFiles(peer) || peer.startsWith('bare')
          ? undefined
          : peer === 'docker-registry'
            ? `manifests/${index.digest.replace(':', '-')}`
            : `referrers/${index.digest}`,
      connections: 16,
    },
    { title: SMALL_BLOB, path: blob(small), connections: 16 },
    { title: MIDDLE_BLOB, path: blob(middle), connections: 16 },
    { title: LARGE_BLOB, path: blob(large), connections: 4, longer: 2 },
  ]
}
