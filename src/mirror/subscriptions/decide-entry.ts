/** What is done for one entry of a catalog, from what is here. Pure. */
import type { MirrorRecord } from '../../db/mirrors/mirrors.ts'
import type { RepositoryRow } from '../../db/schema.ts'

export interface EntrySituation {
  readonly subscriptionId: string
  readonly upstreamId: string
  readonly source: string
  readonly destination: string
  /** It has had its mirror before: people may have taken it away. */
  readonly wasMade: boolean
  readonly adopt: boolean
  readonly repository: Pick<RepositoryRow, 'visibility' | 'archived_at'> | undefined
  readonly mirror:
    | Pick<MirrorRecord, 'upstream_id' | 'source_repository' | 'state' | 'subscription' | 'upstream'>
    | undefined
}

/**
 * `make`: repository and mirror are made; `take`: an unmirrored repository or a stopped mirror is put to work; `join`: its mirror is
 * there, as people left it; `leave`: people have removed its mirror; `fail`: the name is something else's.
 */
export type EntryDecision =
  | { readonly action: 'make' | 'take' | 'join' | 'leave' }
  | { readonly action: 'fail'; readonly reason: string }

export function decideEntry(o: EntrySituation): EntryDecision {
  const { repository, mirror, destination } = o
  const mayTake = o.adopt && !o.wasMade
  if (mirror !== undefined) {
    const isSame = mirror.upstream_id === o.upstreamId && mirror.source_repository === o.source
    const isOthers = mirror.subscription !== null && mirror.subscription !== o.subscriptionId
    if (isSame && isOthers) return fail(`${destination} is kept by the subscription ${mirror.subscription}`)
    if (mirror.state === 'stopped' && mayTake) return takeOf(destination, repository)
    if (isSame) return { action: 'join' }
    const was = mirror.state === 'stopped' ? 'was a mirror' : 'is a mirror'
    return fail(`${destination} ${was} of ${mirror.upstream}/${mirror.source_repository}`)
  }
  if (o.wasMade) return { action: 'leave' }
  if (repository === undefined) return { action: 'make' }
  if (mayTake) return takeOf(destination, repository)
  return fail(
    `${destination} exists already and is no mirror: rename or delete it, or let the subscription take it (--adopt)`,
  )
}

function takeOf(destination: string, repository: EntrySituation['repository']): EntryDecision {
  if (repository?.visibility === 'public') {
    return fail(`${destination} is public: a mirror updates private repositories only`)
  }
  if (repository !== undefined && repository.archived_at !== null) {
    return fail(`${destination} is archived: take it out of the archive first`)
  }
  return { action: 'take' }
}

function fail(reason: string): EntryDecision {
  return { action: 'fail', reason }
}
