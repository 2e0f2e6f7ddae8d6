import { useInfiniteQuery } from '@tanstack/react-query'
import type { AuditEntry } from '../../api/audit.ts'
import { organizationPath } from './paths.ts'
import { pathWith, request } from './request.ts'

export interface AuditFilter {
  readonly actor?: string | undefined
  readonly action?: string | undefined
  readonly object?: string | undefined
  readonly outcome?: 'done' | 'refused' | undefined
  readonly since?: string | undefined
  readonly until?: string | undefined
}

/** @param organization null: the log of the instance itself */
function auditPath(organization: string | null): string {
  return organization === null ? '/audit' : organizationPath(organization, '/audit')
}

const PAGE = 100

/** Page by page, as far as somebody reads. */
export function useAudit(organization: string | null, filter: AuditFilter) {
  return useInfiniteQuery({
    queryKey: ['audit', organization, filter],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      request<{ entries: readonly AuditEntry[]; next: string | null }>('GET', auditPath(organization), {
        query: { ...filter, limit: PAGE, after: pageParam },
        signal,
      }),
    getNextPageParam: ({ next }) => next ?? undefined,
  })
}

/** Where all of it comes as a file, in the session of the browser. */
export function auditExport(organization: string | null, filter: AuditFilter): string {
  return pathWith(`${auditPath(organization)}/export`, { ...filter })
}
