/** What registries take, as data: how they want blobs, from where they mount, what has to be there first (docs/reference/targets.md). */
import type { RegistryKind } from '../api/targets.ts'
import type { UpstreamAddress } from './upstream.ts'

export interface RegistryTraits {
  /**
   * How a blob is sent: `put`: one PUT with its length; `patch`: one PATCH of all of it, then an empty PUT; `chunks`: PATCHes with
   * Content-Range, then an empty PUT.
   */
  readonly upload: 'put' | 'patch' | 'chunks'
  /** Blobs above this size are sent in chunks all the same, in bytes: one body of that length is refused. */
  readonly largestBodyBytes?: number
  /** Of each chunk but the last, in bytes. */
  readonly chunkBytes: number
  /** An upload that broke can be gone on with: the registry tells how much it has. */
  readonly isResumable: boolean
  /** From which repositories it mounts a blob: of any; only where a manifest that is there names the blob; of none. */
  readonly mounts: 'any' | 'committed' | 'none'
  /** Who makes a repository that is not there: the first push; we, by the registry's API; people, who make a project. */
  readonly repositories: 'by-push' | 'by-api' | 'by-people'
}

const USUAL: RegistryTraits = {
  upload: 'put',
  chunkBytes: 16 * 1024 * 1024,
  isResumable: true,
  mounts: 'any',
  repositories: 'by-push',
}

const TRAITS: Readonly<Partial<Record<RegistryKind, Partial<RegistryTraits>>>> = {
  ecr: { isResumable: false, mounts: 'committed', repositories: 'by-api' },
  'ecr-public': { isResumable: false, mounts: 'none', repositories: 'by-api' },
}

const HOSTS: readonly (readonly [RegExp, RegistryKind])[] = [
  [/\.dkr\.ecr(-fips)?\.[a-z0-9-]+\.amazonaws\.com(\.cn)?$/, 'ecr'],
  [/^public\.ecr\.aws$/, 'ecr-public'],
]

/** What the address of a registry says; `other` where it says nothing. */
export function kindOfAddress(address: UpstreamAddress): RegistryKind {
  if (address.isDockerHub) return 'docker-hub'
  return HOSTS.find(([host]) => host.test(address.base.hostname))?.[1] ?? 'other'
}

export function traitsOf(kind: RegistryKind): RegistryTraits {
  return { ...USUAL, ...TRAITS[kind] }
}
