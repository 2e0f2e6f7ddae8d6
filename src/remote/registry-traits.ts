/**
 * What registries take, as data: how they want blobs, from where they mount, what has to be there first. docs/reference/targets.md is printed
 * from it. What is not certain of a registry is not here: it is found out by what it answers.
 */
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
  /** What a repository is that a push makes where nobody without a login may look: `unknown` where an account's settings say so. */
  readonly madeAs: 'private' | 'unknown'
}

const MIB = 1024 * 1024

/** As OCI Distribution 1.1 has it, and as most registries do: POST, then one PUT with its length (regclient, blob.go: the most widely accepted). */
const USUAL: RegistryTraits = {
  upload: 'put',
  chunkBytes: 16 * MIB,
  isResumable: true,
  mounts: 'any',
  repositories: 'by-push',
  madeAs: 'private',
}

const TRAITS: Readonly<Record<RegistryKind, Partial<RegistryTraits>>> = {
  // https://docs.docker.com/docker-hub/settings/: the default privacy of what a push makes is a setting of the account, and public at first. So
  // a repository is made, private, before the first push.
  'docker-hub': { repositories: 'by-people', madeAs: 'unknown' },
  ecr: {
    // A PATCH is answered by 201 with a Range that stays at its first chunk: aws/containers-roadmap#2831.
    isResumable: false,
    // Where the account has BLOB_MOUNTING on, and a committed manifest names the blob; else 202: aws/containers-roadmap#2860.
    mounts: 'committed',
    // https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-create.html; create-on-push templates are an option of an account.
    repositories: 'by-api',
  },
  'ecr-public': {
    isResumable: false,
    // They fail: aws/containers-roadmap#1459.
    mounts: 'none',
    repositories: 'by-api',
  },
  google: {
    // Artifact Registry takes one PUT and no chunks, and was never seen to mount: clowdhaus/ocync, docs "GAR".
    isResumable: false,
    mounts: 'none',
    // https://cloud.google.com/artifact-registry/docs/docker/pushing-and-pulling: the repository is created before the first push.
    repositories: 'by-people',
  },
  azure: {
    // One body of more than 20 MB ends in a reset connection or a 413, chunks do not: clowdhaus/ocync, docs "ACR".
    largestBodyBytes: 20_000_000,
  },
  ghcr: {
    // Chunks above 4 MiB with Content-Range are refused by 416 (wasmCloud/wash-archive#268), and the last of several PATCHes replaces those before it
    // (clowdhaus/ocync, docs "GHCR"): one PUT, from its beginning.
    isResumable: false,
  },
  // A mount needs `from`, which we always give (go-containerregistry, write.go); what a push makes is private unless an operator has
  // CREATE_PRIVATE_REPO_ON_PUSH off (https://docs.projectquay.io/config_quay.html).
  quay: {},
  harbor: {
    // https://goharbor.io/docs/latest/working-with-projects/create-projects/: what is public or private is the project, which people make.
    repositories: 'by-people',
  },
  gitlab: {
    // https://docs.gitlab.com/user/packages/container_registry/: an image's path lies under a project, whose visibility it has.
    repositories: 'by-people',
  },
  artifactory: {
    // As docker does it: PATCH, then an empty PUT; a PUT alone was once not taken (containerd/containerd#3533).
    upload: 'patch',
    // https://jfrog.com/help/r/jfrog-artifactory-documentation/docker-registry: the first part of the path (or the host) is a repository key.
    repositories: 'by-people',
  },
  // docs/pushing.md: a push makes a repository, private, in an organization that is there.
  kagami: {},
  other: {},
}

/** By host name; self-hosted ones are told by `registry-kind.ts`. */
export const HOSTS: readonly { readonly kind: RegistryKind; readonly host: RegExp; readonly forPeople: string }[] = [
  {
    kind: 'ecr',
    host: /\.dkr\.ecr(-fips)?\.[a-z0-9-]+\.amazonaws\.com(\.cn)?$/,
    forPeople: 'ACCOUNT.dkr.ecr.REGION.amazonaws.com',
  },
  { kind: 'ecr-public', host: /^public\.ecr\.aws$/, forPeople: 'public.ecr.aws' },
  { kind: 'google', host: /(-docker\.pkg\.dev|^gcr\.io|\.gcr\.io)$/, forPeople: 'LOCATION-docker.pkg.dev, gcr.io' },
  { kind: 'azure', host: /\.azurecr\.(io|us|cn)$/, forPeople: 'NAME.azurecr.io' },
  { kind: 'ghcr', host: /^ghcr\.io$/, forPeople: 'ghcr.io' },
  { kind: 'quay', host: /^quay\.io$/, forPeople: 'quay.io' },
  { kind: 'gitlab', host: /^registry\.gitlab\.com$/, forPeople: 'registry.gitlab.com' },
  { kind: 'artifactory', host: /\.jfrog\.io$/, forPeople: 'NAME.jfrog.io' },
]

/** What the address of a registry says; `other` where it says nothing. */
export function kindOfAddress(address: UpstreamAddress): RegistryKind {
  if (address.isDockerHub) return 'docker-hub'
  return HOSTS.find(({ host }) => host.test(address.base.hostname))?.kind ?? 'other'
}

export function traitsOf(kind: RegistryKind): RegistryTraits {
  return { ...USUAL, ...TRAITS[kind] }
}
