/** The webhooks of a repository: all of them, or the one that the address names. */
import { useRepositorySearch } from '../repositories/use-repository-search.ts'
import { Webhooks } from './webhooks.tsx'

export function WebhooksTab({ name }: { readonly name: string }) {
  const [{ webhook, delivery }, change] = useRepositorySearch()
  return <Webhooks place={name} open={{ webhook, delivery }} onOpen={change} />
}
