import { useQuery } from '@tanstack/react-query'
import type { Replication } from '../../api/replications.ts'
import type { Target } from '../../api/targets.ts'
import { request, requestAll } from './request.ts'

/** `live.ts` says when to look again; this is for where nothing tells, and while a run is under way. */
const SELDOM_MS = 60_000
const RUNNING_MS = 2_000

/** Where one repository is sent on to. */
export function useReplications(repository: string) {
  return useQuery<readonly Replication[]>({
    queryKey: ['replications', repository],
    refetchInterval: ({ state }) => (state.data?.some(isRunning) ? RUNNING_MS : SELDOM_MS),
    queryFn: async ({ signal }) => {
      const query = { organization: repository.slice(0, repository.indexOf('/')), repository }
      return (await requestAll<Replication>('/replications', 'replications', { query, signal })).items
    },
  })
}

function isRunning({ state, lastRun }: Replication): boolean {
  return state === 'syncing' || lastRun?.outcome === 'running'
}

/** Registries that the organization may push on to: its own, and the shared ones. */
export function useTargets(organization: string) {
  return useQuery({
    queryKey: ['targets', organization],
    queryFn: async ({ signal }) =>
      (await requestAll<Target>('/targets', 'targets', { query: { organization }, signal })).items,
  })
}

/** @param verb `sync`, `pause`, `resume` or `stop` */
export function actOnReplication({ organization, id }: Pick<Replication, 'organization' | 'id'>, verb: string) {
  const path = `/replications/${encodeURIComponent(organization)}/${encodeURIComponent(id)}/${verb}`
  return request('POST', path, verb === 'sync' ? { body: {} } : {})
}

export function startReplication(repository: string, target: Replication['target']) {
  return request('POST', '/replications', { body: { repository, target } })
}
