/** What is there, as far as files of `kagami apply` speak of it; only asks. */
import { mirrorSchema } from '../../api/mirrors.ts'
import { subscriptionSchema } from '../../api/subscriptions.ts'
import { type TargetField, targetChangeAnswerSchema, targetSchema } from '../../api/targets.ts'
import { type UpstreamField, upstreamChangeAnswerSchema, upstreamSchema } from '../../api/upstreams.ts'
import { isAppError } from '../../errors.ts'
import { type ApiClient, segment } from '../client.ts'
import type { WantedState } from './files.ts'
import { keyOf, type PresentState, upstreamBody } from './plan.ts'
import type { FileProblem, Place } from './problems.ts'
import { isLive } from './subscriptions.ts'
import { targetBody, targetKey } from './targets.ts'

/** @returns also what the server would refuse of the upstreams and targets that are there */
export async function readPresent(
  client: ApiClient,
  wanted: WantedState,
): Promise<PresentState & { readonly problems: readonly FileProblem[] }> {
  const upstreams = []
  const targets = []
  const mirrors = []
  const subscriptions = []
  /** What each organization can read from, by name. */
  const names = new Map<string | null, Set<string>>()
  const note = (organization: string | null, seen: readonly { readonly name: string }[]) =>
    names.set(organization, new Set(seen.map(({ name }) => name)))
  for (const organization of wanted.organizations) {
    const seen = await client.listAll('/upstreams', 'upstreams', upstreamSchema, { organization })
    note(organization, seen)
    upstreams.push(...seen.filter((one) => one.organization === organization))
    targets.push(...(await targetsOf(client, organization)))
    mirrors.push(...(await client.listAll('/mirrors', 'mirrors', mirrorSchema, { organization })))
    const found = await client.listAll('/subscriptions', 'subscriptions', subscriptionSchema, { organization })
    subscriptions.push(...found.filter(isLive))
  }
  if (wanted.upstreams.some(({ organization }) => organization === null)) {
    const seen = await client.listAll('/upstreams', 'upstreams', upstreamSchema)
    const shared = seen.filter((one) => one.organization === null)
    note(null, shared)
    upstreams.push(...shared)
  }
  if (wanted.targets.some(({ organization }) => organization === null)) targets.push(...(await targetsOf(client, null)))
  const there = new Set(upstreams.map((one) => keyOf('upstream', one)))
  const changes = new Map<string, readonly UpstreamField[]>()
  const targetChanges = new Map<string, readonly TargetField[]>()
  const problems: FileProblem[] = []
  for (const { organization, name } of wanted.upstreams) {
    for (const [reader, known] of names) if (organization === null || organization === reader) known.add(name)
  }
  const refuseAbsent = (one: { organization: string | null; place: Place }, path: string, upstream: string) => {
    if (names.get(one.organization)?.has(upstream) === true) return
    const message = `there is no upstream ${upstream}, neither on ${client.server} nor in the files`
    problems.push({ ...one.place, path, message })
  }
  for (const one of wanted.mirrors) {
    refuseAbsent(one, `mirrors.${one.name}.from`, one.config.from.slice(0, one.config.from.indexOf('/')))
  }
  for (const one of wanted.subscriptions) refuseAbsent(one, 'subscriptions', one.name)
  for (const one of wanted.upstreams) {
    const { referrersFrom } = one.config
    if (referrersFrom !== undefined) refuseAbsent(one, `upstreams.${one.name}.referrersFrom`, referrersFrom)
  }
  if (problems.length > 0) return { upstreams, targets, mirrors, subscriptions, changes, targetChanges, problems }
  for (const one of wanted.upstreams) {
    const key = keyOf('upstream', one)
    if (!there.has(key)) continue
    const { referrersFrom, ...rest } = upstreamBody(one.config)
    // A source that is made by the same files is not there to be compared with.
    const isMade = wanted.upstreams.some(
      (other) => other.name === referrersFrom && !there.has(keyOf('upstream', other)),
    )
    const body = { ...rest, ...(isMade ? {} : { referrersFrom }), dryRun: true }
    try {
      const query = { organization: one.organization ?? undefined }
      const path = `/upstreams/${segment(one.name)}`
      const answer = await client.call('PATCH', path, upstreamChangeAnswerSchema, { body, query })
      changes.set(key, isMade ? [...answer.changes, 'referrersFrom'] : answer.changes)
    } catch (error) {
      if (!isAppError(error, 'INVALID_REQUEST') && !isAppError(error, 'NOT_FOUND')) throw error
      problems.push({ ...one.place, path: `upstreams.${one.name}`, message: error.message })
    }
  }
  for (const one of wanted.targets) {
    const key = targetKey(one)
    if (!targets.some((target) => targetKey(target) === key)) continue
    try {
      const query = { organization: one.organization ?? undefined }
      const body = { ...targetBody(one.config), dryRun: true }
      const path = `/targets/${segment(one.name)}`
      targetChanges.set(key, (await client.call('PATCH', path, targetChangeAnswerSchema, { body, query })).changes)
    } catch (error) {
      if (!isAppError(error, 'INVALID_REQUEST') && !isAppError(error, 'NOT_FOUND')) throw error
      problems.push({ ...one.place, path: `targets.${one.name}`, message: error.message })
    }
  }
  return { upstreams, targets, mirrors, subscriptions, changes, targetChanges, problems }
}

/** Its own; null: the shared ones. */
async function targetsOf(client: ApiClient, organization: string | null) {
  const seen = await client.listAll('/targets', 'targets', targetSchema, organization === null ? {} : { organization })
  return seen.filter((one) => one.organization === organization)
}
