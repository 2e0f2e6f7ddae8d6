/**
 * What registries count together, as data: what one window has spent says nothing of the others. Docker Hub counts GETs of manifests as
 * pulls, and no HEADs; Amazon's registries count each action of their API apart; the others all requests of a login.
 */
export type RequestKind = 'manifest-get' | 'manifest-head' | 'blob' | 'tags' | 'referrers' | 'token' | 'other'

/** Everything at once; also what a 503 speaks for. */
export const ALL = 'requests'

interface Windows {
  readonly hosts: RegExp
  /** What is counted apart; other kinds are counted together, and a refusal of them is one of everything. */
  readonly apart: Readonly<Partial<Record<RequestKind, string>>>
}

const ECR: Windows['apart'] = {
  'manifest-get': 'BatchGetImage',
  'manifest-head': 'BatchGetImage',
  blob: 'GetDownloadUrlForLayer',
  tags: 'ListImages',
  token: 'GetAuthorizationToken',
}

const TABLE: readonly Windows[] = [
  { hosts: /(^|\.)docker\.io$/, apart: { 'manifest-get': 'pulls' } },
  { hosts: /(\.dkr\.ecr(-fips)?\.[a-z0-9-]+\.amazonaws\.com(\.cn)?|^public\.ecr\.aws)$/, apart: ECR },
]

/** @param host of the registry, without its port */
export function windowOf(host: string, kind: RequestKind): string {
  return TABLE.find(({ hosts }) => hosts.test(host))?.apart[kind] ?? ALL
}
