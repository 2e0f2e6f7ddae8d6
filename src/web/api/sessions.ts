/** Where somebody is signed in. */
import { useQuery } from '@tanstack/react-query'
import type { Session } from '../../api/sessions.ts'
import { requestAll } from './request.ts'

/** The present one first, then by when they were last seen. */
export function useSessions() {
  return useQuery({
    queryKey: ['sessions'],
    queryFn: async ({ signal }) => {
      const { items } = await requestAll<Session>('/user/sessions', 'sessions', { signal })
      const seen = ({ lastSeenAt, createdAt }: Session) => lastSeenAt ?? createdAt
      return items.toSorted((a, b) => Number(b.current) - Number(a.current) || seen(b).localeCompare(seen(a)))
    },
  })
}
