import type { Share } from './slots.ts'

/** On whose account a request is made: nobody holds all requests of the process. */
export interface Payer {
  /** Id of the organization that works, whoever owns the upstream. */
  readonly organization: string
  /** Origin of the registry, wherever its redirects and token services are. */
  readonly registry: string
}

/** Parts of all requests: of one organization, of one organization at one registry, of one registry. */
const ORGANIZATION = 1 / 4
/** Only a registry that answers many as fast as few gets there (`request-window.ts`); a slow one holds what windows begin with. */
const ORGANIZATION_AT_REGISTRY = 1 / 5
const REGISTRY = 1 / 2

/** The first share is the organization's: free places go round between organizations. */
export function sharesOf(payer: Payer | undefined, total: number): readonly Share[] {
  if (payer === undefined) return []
  const most = (part: number) => Math.max(1, Math.floor(total * part))
  const { organization, registry } = payer
  return [
    { key: JSON.stringify([organization]), most: most(ORGANIZATION) },
    { key: JSON.stringify([organization, registry]), most: most(ORGANIZATION_AT_REGISTRY) },
    { key: JSON.stringify([null, registry]), most: most(REGISTRY) },
  ]
}
