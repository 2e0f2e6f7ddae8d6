/** An entry of a catalog gets its mirror, in the caller's transaction and without a question to upstream: the first run asks. */
import type { Queries, Transaction } from '../../db/engine/engine.ts'
import { findMirrorOfRepository, scheduleMirror } from '../../db/mirrors/mirrors.ts'
import { joinSubscription, updateEntries } from '../../db/mirrors/subscription-entries.ts'
import type { SubscriptionRecord } from '../../db/mirrors/subscriptions.ts'
import { findOrganization } from '../../db/people/organizations.ts'
import { findRepository } from '../../db/repositories/repositories.ts'
import type { OrganizationRow, UpstreamRow } from '../../db/schema.ts'
import { AppError, isAppError } from '../../errors.ts'
import type { RepositoryName } from '../../oci/reference.ts'
import { destinationOf, insertStart, type StartTarget } from '../life/start.ts'
import { decideEntry, type EntryDecision } from './decide-entry.ts'

export interface EntryQuestion {
  /** Empty for one that is only planned. */
  readonly subscriptionId: string
  readonly organization: OrganizationRow
  readonly upstream: UpstreamRow
  readonly source: RepositoryName
  readonly wasMade: boolean
  readonly adopt: boolean
}

interface Judged {
  readonly decision: EntryDecision
  readonly destination: RepositoryName | undefined
  readonly target: StartTarget | undefined
}

/** What would be done for the entry. */
export async function judgeEntry(db: Queries, o: EntryQuestion): Promise<Judged> {
  let destination: RepositoryName
  try {
    destination = destinationOf({ organization: o.organization.name, repository: o.source }, o.upstream)
  } catch (error) {
    if (!isAppError(error, 'NAME_INVALID')) throw error
    return { decision: { action: 'fail', reason: error.message }, destination: undefined, target: undefined }
  }
  const repository = await findRepository(db, destination)
  const mirror = repository === undefined ? undefined : await findMirrorOfRepository(db, destination)
  const { subscriptionId, organization, upstream, source, wasMade, adopt } = o
  const situation = { subscriptionId, upstreamId: upstream.id, source, destination, wasMade, adopt, repository, mirror }
  const target = { organization, upstream, source, destination, repository, stopped: mirror }
  return { decision: decideEntry(situation), destination, target }
}

/** @param o.due when its first run begins @returns whether a first run is to come */
export async function takeEntry(
  tx: Transaction,
  subscription: SubscriptionRecord,
  question: EntryQuestion,
  o: { readonly at: string; readonly due: string },
): Promise<boolean> {
  const { at, due } = o
  const { source } = question
  const { decision, destination, target } = await judgeEntry(tx, question)
  const settle = (entry: Partial<{ made: 1; code: string | null; reason: string | null }>) =>
    updateEntries(tx, subscription.id, [source], { due: 0, code: null, reason: null, ...entry })
  if (decision.action === 'fail') {
    await settle({ code: destination === undefined ? 'NAME_INVALID' : 'CONFLICT', reason: decision.reason })
    return false
  }
  if (decision.action === 'leave' || target === undefined || destination === undefined) {
    await settle({})
    return false
  }
  await settle({ made: 1 })
  if (decision.action === 'join') {
    const mirror = await findMirrorOfRepository(tx, destination)
    if (mirror !== undefined) await joinSubscription(tx, mirror.id, subscription.id)
    return false
  }
  const settings = JSON.parse(subscription.settings)
  const by = `subscription:${subscription.id}`
  const mirror = await insertStart(tx, target, { adopt: decision.action === 'take', by, at, settings })
  await joinSubscription(tx, mirror.id, subscription.id)
  await scheduleMirror(tx, mirror.id, due)
  return true
}

/** @throws AppError NOT_FOUND when it is gone */
export async function getOrganization(db: Queries, name: string): Promise<OrganizationRow> {
  const organization = await findOrganization(db, name)
  if (organization !== undefined) return organization
  throw new AppError('NOT_FOUND', `there is no organization ${name}`)
}
