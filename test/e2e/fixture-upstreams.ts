// The shared fixtures as upstreams: which registries hold which layouts, and how an operator adds them.
import type { Operator } from './operator.ts'

/** Every layout of the fixtures but the next release of `dhi-python`, which is published over the first. */
export const layoutNames = [
  'dhi-python/release-1',
  'cosign-tags',
  'cosign-bundle',
  'notation',
  'helm-chart',
  'oras-tree',
  'referrers-fallback-tags',
  'formats',
] as const

/** Tags of `formats` that docker-registry 2.8.2 refuses (the fixtures' README, section 2). */
export const refusedByDockerRegistry: readonly string[] = [
  'sparse-index',
  'oci-artifact-manifest',
  'sha512',
  'index-sha512-child',
  'non-distributable',
  'docker-foreign-layer',
]

/** `dhi-python/release-1` → `dhi-python-release-1`. */
export function repositoryOf(layout: string): string {
  return layout.replaceAll('/', '-')
}

export interface UpstreamOptions {
  readonly username?: string
  readonly password?: string
  readonly caFile?: string | undefined
  readonly referrersFrom?: string
}

/** `upstream add NAME URL` with what its settings need. */
export async function addUpstream(operator: Operator, name: string, url: string, o: UpstreamOptions = {}) {
  const signIn = o.username === undefined ? [] : ['--username', o.username, '--password-stdin']
  const ca = o.caFile === undefined ? [] : ['--ca-file', o.caFile]
  const referrers = o.referrersFrom === undefined ? [] : ['--referrers-from', o.referrersFrom]
  const input = o.password === undefined ? {} : { input: `${o.password}\n` }
  await operator.run(['upstream', 'add', name, url, ...signIn, ...ca, ...referrers], input)
}
