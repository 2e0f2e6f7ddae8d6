/**
 * What registries count together, as data: what one window has spent says nothing of the others. Docker Hub counts GETs of manifests as
 * pulls, and no HEADs; Amazon's registries count each action of their API apart, Azure's reads and writes; the others (GHCR 2,000
 * requests a minute of a login, Google those of a project, Quay, Harbor, GitLab …) all requests of a login. docs/reference/targets.md shows it.
 */
export type RequestKind =
  | 'manifest-get'
  | 'manifest-head'
  | 'manifest-put'
  | 'blob'
  | 'blob-head'
  /** POST that begins an upload, or mounts. */
  | 'upload-begin'
  /** PATCH. */
  | 'upload-part'
  /** PUT that ends an upload, with bytes or without. */
  | 'upload-end'
  | 'tags'
  | 'referrers'
  | 'token'
  | 'other'

export const WRITES = ['manifest-put', 'upload-begin', 'upload-part', 'upload-end'] as const satisfies RequestKind[]
export const READS = [
  'manifest-get',
  'manifest-head',
  'blob',
  'blob-head',
  'tags',
  'referrers',
] as const satisfies RequestKind[]

/** Everything at once; also what a 503 speaks for. */
export const ALL = 'requests'

interface Windows {
  /** As people know it. */
  readonly registry: string
  readonly hosts: RegExp
  /** What is counted apart; other kinds are counted together, and a refusal of them is one of everything. */
  readonly apart: Readonly<Partial<Record<RequestKind, string>>>
}

const ECR: Windows['apart'] = {
  'manifest-get': 'BatchGetImage',
  'manifest-head': 'BatchGetImage',
  'manifest-put': 'PutImage',
  blob: 'GetDownloadUrlForLayer',
  'blob-head': 'BatchCheckLayerAvailability',
  'upload-begin': 'InitiateLayerUpload',
  'upload-part': 'UploadLayerPart',
  'upload-end': 'CompleteLayerUpload',
  tags: 'ListImages',
  token: 'GetAuthorizationToken',
}

export function isWrite(kind: RequestKind): boolean {
  return (WRITES as readonly RequestKind[]).includes(kind)
}

const every = (kinds: readonly RequestKind[], window: string) => Object.fromEntries(kinds.map((kind) => [kind, window]))

export const WINDOWS: readonly Windows[] = [
  // https://docs.docker.com/docker-hub/usage/: GETs of manifests count as pulls, HEADs do not.
  { registry: 'Docker Hub', hosts: /(^|\.)docker\.io$/, apart: { 'manifest-get': 'pulls' } },
  // https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html, and the same of ECR Public
  {
    registry: 'Amazon ECR, ECR Public',
    hosts: /(\.dkr\.ecr(-fips)?\.[a-z0-9-]+\.amazonaws\.com(\.cn)?|^public\.ecr\.aws)$/,
    apart: ECR,
  },
  // https://learn.microsoft.com/azure/container-registry/container-registry-skus
  {
    registry: 'Azure (ACR)',
    hosts: /\.azurecr\.(io|us|cn)$/,
    apart: { ...every(READS, 'ReadOps'), ...every(WRITES, 'WriteOps') },
  },
]

/** @param host of the registry, without its port */
export function windowOf(host: string, kind: RequestKind): string {
  return WINDOWS.find(({ hosts }) => hosts.test(host))?.apart[kind] ?? ALL
}
