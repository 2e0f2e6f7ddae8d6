/** From what files want and what is there to what is to be done: pure, each step with the calls that do it. */
import type { ConfiguredMirror } from '../../api/configuration.ts'
import type { MirrorSettings } from '../../api/mirror-settings.ts'
import type { Mirror } from '../../api/mirrors.ts'
import type { Subscription } from '../../api/subscriptions.ts'
import type { Target, TargetField } from '../../api/targets.ts'
import type { Upstream, UpstreamField } from '../../api/upstreams.ts'
import { defaultNamePrefix } from '../../catalog/name-prefix.ts'
import { repositoryPath, segment } from '../client.ts'
import type { Wanted, WantedState, WantedUpstream } from './files.ts'
import { settingChanges } from './settings.ts'
import { pathOf, planSubscriptions } from './subscriptions.ts'
import { planTarget, unmanagedTargets } from './targets.ts'

export interface Call {
  readonly method: 'POST' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly query?: { readonly organization: string | undefined }
  /** May hold secrets: never shown. */
  readonly body?: unknown
}

export interface Step {
  readonly kind: 'upstream' | 'target' | 'subscription' | 'mirror'
  readonly action: 'create' | 'change' | 'restart' | 'unchanged' | 'remove'
  /** Null: shared. */
  readonly organization: string | null
  readonly name: string
  readonly reason: string
  /** `acme.yaml:12`; null for what no file has. */
  readonly where: string | null
  readonly key: string
  /** Keys of steps that have to be done for this one to make sense. */
  readonly needs: readonly string[]
  readonly calls: readonly Call[]
}

export interface PresentState {
  readonly upstreams: readonly Upstream[]
  readonly targets: readonly Target[]
  readonly mirrors: readonly Mirror[]
  readonly subscriptions: readonly Subscription[]
  /** By `keyOf`: what the server finds another than wanted, of upstreams that are there. */
  readonly changes: ReadonlyMap<string, readonly UpstreamField[]>
  /** The same of targets. */
  readonly targetChanges: ReadonlyMap<string, readonly TargetField[]>
}

type Named = { readonly organization: string | null; readonly name: string }

export function keyOf(kind: Step['kind'], { organization, name }: Named): string {
  return `${kind} ${organization ?? ''}/${name}`
}

/** All of an upstream but its name, as the API takes a change: what the file leaves out has its default. */
export function upstreamBody(config: WantedUpstream) {
  const { url, username, password, ca, plainHttp, referrersFrom, prefix, maxRate } = config
  return {
    url,
    username,
    password: password ?? null,
    ca: ca ?? null,
    plainHttp: plainHttp ?? false,
    referrersFrom: referrersFrom ?? null,
    prefix: prefix ?? defaultNamePrefix(url),
    maxRate: maxRate ?? null,
  }
}

export interface PlanOptions {
  /** Remove (stop) what the organizations of the files have and the files do not. */
  readonly isPruned: boolean
  /** Let the server look at registries that are added or changed. */
  readonly check: boolean
}

/** Upstreams before the mirrors that read from them; what goes, in the other order, at the end. */
export function planConfiguration(wanted: WantedState, present: PresentState, o: PlanOptions): Step[] {
  const upstreams = inOrder(wanted.upstreams).map((one) => planUpstream(one, present, o))
  const keys = new Set(upstreams.map(({ key }) => key))
  const settle = (step: Step): Step => ({ ...step, needs: step.needs.filter((key) => keys.has(key)).slice(0, 1) })
  // Mirrors of a file first: what a subscription finds there it leaves alone.
  const mirrors = wanted.mirrors.map((one) => planMirror(one, present))
  const subscriptions = planSubscriptions(wanted.subscriptions, present.subscriptions).steps.map((step) => {
    return { ...step, needs: upstreamKeys(step.organization, step.name) }
  })
  const targets = wanted.targets.map((one) => planTarget(one, present.targets, present.targetChanges, o))
  const removed = o.isPruned ? unmanaged(wanted, present) : []
  return [...upstreams.map(settle), ...targets, ...mirrors.map(settle), ...subscriptions.map(settle), ...removed]
}

/** Those that others take their referrers from first; a circle stays as it is written. */
function inOrder(all: readonly Wanted<WantedUpstream>[]): Wanted<WantedUpstream>[] {
  const ordered = new Set<Wanted<WantedUpstream>>()
  const visit = (one: Wanted<WantedUpstream>, above: readonly Wanted<WantedUpstream>[]): void => {
    if (ordered.has(one) || above.includes(one)) return
    const { referrersFrom } = one.config
    const named = all.filter(({ name }) => name === referrersFrom)
    const source = named.find(({ organization }) => organization === one.organization) ?? named.find(isShared)
    if (source !== undefined) visit(source, [...above, one])
    ordered.add(one)
  }
  // An organization's upstream may take its referrers from a shared one, never the other way round.
  for (const one of [...all.filter(isShared), ...all.filter((each) => !isShared(each))]) visit(one, [])
  return [...ordered]
}

const isShared = ({ organization }: { readonly organization: string | null }) => organization === null

/** What a name means in an organization: its own upstream first, then the shared one. */
function upstreamKeys(organization: string | null, name: string): string[] {
  return [keyOf('upstream', { organization, name }), keyOf('upstream', { organization: null, name })]
}

function planUpstream(one: Wanted<WantedUpstream>, present: PresentState, { check }: PlanOptions): Step {
  const { organization, name, config, place } = one
  const key = keyOf('upstream', one)
  const base = {
    kind: 'upstream' as const,
    organization,
    name,
    key,
    where: `${place.file}:${place.line}`,
    needs: config.referrersFrom === undefined ? [] : upstreamKeys(organization, config.referrersFrom),
  }
  const body = upstreamBody(config)
  if (!present.upstreams.some((there) => keyOf('upstream', there) === key)) {
    const { password, ca, referrersFrom, ...rest } = body
    const optional = { password: password ?? undefined, ca: ca ?? undefined, referrersFrom: referrersFrom ?? undefined }
    const call: Call = { method: 'POST', path: '/upstreams', body: { ...rest, ...optional, name, organization, check } }
    return { ...base, action: 'create', reason: `reads ${config.url}`, calls: [call] }
  }
  const changes = present.changes.get(key) ?? []
  if (changes.length === 0) return { ...base, action: 'unchanged', reason: 'is as the file says', calls: [] }
  const call: Call = {
    method: 'PATCH',
    path: `/upstreams/${segment(name)}`,
    query: { organization: organization ?? undefined },
    body: { ...body, check },
  }
  return { ...base, action: 'change', reason: `other ${changes.join(', ')}`, calls: [call] }
}

/** What people set for it, apart from where it comes from. */
function settingsOf({ from: _from, adopt: _adopt, ...settings }: ConfiguredMirror): MirrorSettings {
  return settings
}

function planMirror(one: Wanted<ConfiguredMirror>, present: PresentState): Step {
  const { organization, name, config, place } = one
  const repositoryName = `${organization}/${name}`
  const slash = config.from.indexOf('/')
  const source = { upstream: config.from.slice(0, slash), repository: config.from.slice(slash + 1) }
  const base = {
    kind: 'mirror' as const,
    organization,
    name,
    key: keyOf('mirror', one),
    where: `${place.file}:${place.line}`,
    needs: upstreamKeys(organization, source.upstream),
  }
  const there = present.mirrors.find(({ repository }) => repository === repositoryName)
  const changes = settingChanges(settingsOf(config), there?.settings ?? {})
  if (there === undefined || there.state === 'stopped') {
    const adopt = there !== undefined || config.adopt === true
    const call: Call = {
      method: 'POST',
      path: '/mirrors',
      body: { organization, ...source, as: name, adopt, settings: changes },
    }
    return there === undefined
      ? { ...base, action: 'create', reason: `mirrors ${config.from}`, calls: [call] }
      : { ...base, action: 'restart', reason: `was stopped, mirrors ${config.from}`, calls: [call] }
  }
  const path = `/mirrors/${repositoryPath(repositoryName)}`
  const before = `${there.source.upstream}/${there.source.repository}`
  const isMoved = before !== config.from
  const names = Object.keys(changes)
  const reasons = [
    ...(isMoved ? [`from ${config.from} instead of ${before}`] : []),
    ...(names.length > 0 ? [`other ${names.join(', ')}`] : []),
  ]
  const calls: Call[] = [
    ...(isMoved ? [{ method: 'POST' as const, path: `${path}/restart`, body: source }] : []),
    ...(names.length > 0 ? [{ method: 'PATCH' as const, path, body: changes }] : []),
  ]
  if (calls.length === 0) return { ...base, action: 'unchanged', reason: 'is as the file says', calls: [] }
  return { ...base, action: 'change', reason: reasons.join('; '), calls }
}

/** Subscriptions, mirrors, upstreams and targets of the files' organizations that the files do not have: mirrors stop, and no repository goes. */
export function unmanaged(wanted: WantedState, present: PresentState): Step[] {
  const isManaged = (organization: string | null): organization is string =>
    organization !== null && wanted.organizations.includes(organization)
  const keys = new Set([
    ...wanted.upstreams.map((one) => keyOf('upstream', one)),
    ...wanted.mirrors.map((one) => keyOf('mirror', one)),
    // What the files name they mean to keep.
    ...wanted.mirrors.map(({ organization, config }) =>
      keyOf('upstream', { organization, name: config.from.slice(0, config.from.indexOf('/')) }),
    ),
    ...wanted.subscriptions.map((one) => keyOf('upstream', one)),
    ...wanted.upstreams.flatMap(({ organization, config: { referrersFrom: name } }) =>
      name === undefined ? [] : [keyOf('upstream', { organization, name })],
    ),
  ])
  const ended = planSubscriptions(wanted.subscriptions, present.subscriptions).unmanaged.filter(({ organization }) =>
    isManaged(organization),
  )
  const endedIds = new Set(ended.map(({ id }) => id))
  const subscriptions = ended.map((one): Step => {
    const calls = [{ method: 'POST' as const, path: `${pathOf(one)}/stop`, body: {} }]
    const key = `subscription ${one.id}`
    const { organization, upstream: name } = one
    const reason = 'ends, in no file'
    return { kind: 'subscription', action: 'remove', organization, name, reason, where: null, key, needs: [], calls }
  })
  const mirrors = present.mirrors.flatMap((mirror): Step[] => {
    const { organization, repository, source } = mirror
    const name = repository.slice(organization.length + 1)
    const key = keyOf('mirror', { organization, name })
    if (!isManaged(organization) || mirror.state === 'stopped' || keys.has(key)) return []
    // What a subscription of the files keeps is in the files.
    if (mirror.subscription !== null && !endedIds.has(mirror.subscription)) return []
    const path = `/mirrors/${repositoryPath(repository)}/stop`
    const reason = `stops, in no file; the repository stays (was ${source.upstream}/${source.repository})`
    const calls = [{ method: 'POST' as const, path, body: {} }]
    const needs = mirror.subscription === null ? [] : [`subscription ${mirror.subscription}`]
    return [{ kind: 'mirror', action: 'remove', organization, name, reason, where: null, key, needs, calls }]
  })
  const gone = present.upstreams.filter((one) => isManaged(one.organization) && !keys.has(keyOf('upstream', one)))
  const upstreams = [...gone].sort(byReferrers).map((upstream): Step => {
    const { organization, name } = upstream
    const readers = present.mirrors.filter((one) => one.organization === organization && one.source.upstream === name)
    const path = `/upstreams/${segment(name)}`
    return {
      kind: 'upstream',
      action: 'remove',
      organization,
      name,
      reason: 'in no file',
      where: null,
      key: keyOf('upstream', upstream),
      needs: [
        ...mirrors.filter((step) =>
          readers.some(({ repository }) => repository === `${step.organization}/${step.name}`),
        ),
        ...subscriptions.filter((step) => step.organization === organization && step.name === name),
      ].map(({ key: needed }) => needed),
      calls: [{ method: 'DELETE', path, query: { organization: organization ?? undefined } }],
    }
  })
  return [...subscriptions, ...mirrors, ...upstreams, ...unmanagedTargets(wanted, present.targets)]
}

/** An upstream goes after those that take their referrers from it. */
function byReferrers(a: Upstream, b: Upstream): number {
  if (a.organization !== b.organization) return 0
  return a.referrersFrom === b.name ? -1 : b.referrersFrom === a.name ? 1 : 0
}
