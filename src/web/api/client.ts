/** How the page asks: what is kept, what is asked again, and what a change makes old. */
import { QueryClient, useMutation, useQueryClient } from '@tanstack/react-query'
import { ApiError } from './request.ts'

/** Again only for what may be better the next time. */
const isWorthAnother = (count: number, error: unknown) =>
  count < 2 && !(error instanceof ApiError && error.status >= 400 && error.status < 500)

export function createQueryClient(): QueryClient {
  return new QueryClient({ defaultOptions: { queries: { retry: isWorthAnother, staleTime: 10_000 } } })
}

/** What a change may well end: it is not asked for again because of one. */
const ASKED_ONCE: ReadonlySet<unknown> = new Set(['plan', 'invitation', 'effects', 'enter', 'losses'])

/**
 * A change; what the page shows of anything is read anew after it.
 * @param then also when what began the change is gone from the page by its end
 */
export function useChange<Input, Output>(change: (input: Input) => Promise<Output>, then?: (output: Output) => void) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: change,
    ...(then === undefined ? {} : { onSuccess: then }),
    // Nobody waits for what is read anew: the change is made.
    onSettled: () => {
      void client.invalidateQueries({ predicate: ({ queryKey }) => !ASKED_ONCE.has(queryKey[0]) })
    },
  })
}
