/** The present state in the form of `kagami apply`; secrets are placeholders for variables of the environment. */
import { isDeepStrictEqual } from 'node:util'
import type {
  Configuration,
  ConfiguredMirror,
  ConfiguredSubscription,
  ConfiguredTarget,
  ConfiguredUpstream,
} from '../../api/configuration.ts'
import type { Mirror } from '../../api/mirrors.ts'
import type { Subscription } from '../../api/subscriptions.ts'
import type { Target } from '../../api/targets.ts'
import type { Upstream } from '../../api/upstreams.ts'
import { defaultNamePrefix } from '../../catalog/name-prefix.ts'
import { kindOfAddress } from '../../remote/registry-traits.ts'
import { parseUpstreamUrl } from '../../remote/upstream.ts'
import { isLive } from './subscriptions.ts'

export interface ExportedState {
  readonly document: Configuration
  /** Names of the variables that its passwords come from. */
  readonly variables: readonly string[]
}

/** @param organization null: what is shared */
export function exportedState(
  organization: string | null,
  upstreams: readonly Upstream[],
  mirrors: readonly Mirror[],
  subscriptions: readonly Subscription[] = [],
  targets: readonly Target[] = [],
): ExportedState {
  const variables = variablesOf([...upstreams, ...targets])
  const named = upstreams.map((one) => [one.name, upstreamIn(one, variables)] as const)
  const sent = targets.map((one) => [one.name, targetIn(one, variables)] as const)
  const live = subscriptions.filter(isLive)
  const own = mirrors.filter((one) => !isStopped(one) && !isKept(one, live))
  const document = {
    ...(organization === null ? { shared: true as const } : { organization }),
    ...(named.length === 0 ? {} : { upstreams: Object.fromEntries(named) }),
    ...(sent.length === 0 ? {} : { targets: Object.fromEntries(sent) }),
    ...(own.length === 0 ? {} : { mirrors: mirrorsIn(own) }),
    ...(live.length === 0 ? {} : { subscriptions: live.map(subscriptionIn) }),
  }
  return { document, variables: [...variables.values()] }
}

export const isStopped = ({ state }: Mirror) => state === 'stopped'

/** As its subscription made it: the subscription says all of it. */
function isKept({ subscription, settings }: Mirror, live: readonly Subscription[]): boolean {
  const by = live.find(({ id }) => id === subscription)
  return by !== undefined && isDeepStrictEqual(settings, by.settings)
}

function subscriptionIn(subscription: Subscription): ConfiguredSubscription {
  const { upstream, match, except, repositories, adopt, settings } = subscription
  return {
    upstream,
    ...(match.length === 0 ? {} : { match }),
    ...(except.length === 0 ? {} : { except }),
    ...(repositories === null ? {} : { repositories }),
    ...(adopt ? { adopt } : {}),
    ...settings,
  }
}

function mirrorsIn(mirrors: readonly Mirror[]): Record<string, ConfiguredMirror> {
  return Object.fromEntries(
    mirrors.map(({ organization, repository, source, settings }) => [
      repository.slice(organization.length + 1),
      { from: `${source.upstream}/${source.repository}`, ...settings },
    ]),
  )
}

function upstreamIn(upstream: Upstream, variables: Variables): ConfiguredUpstream {
  const { url, username, ca, plainHttp, referrersFrom, prefix, maxRate, isMaxRateSet } = upstream
  return {
    url,
    ...(username === null ? {} : { username, password: `env:${variables.get(upstream)}` }),
    ...(ca === null ? {} : { ca }),
    ...(plainHttp ? { plainHttp } : {}),
    ...(referrersFrom === null ? {} : { referrersFrom }),
    ...(prefix === defaultNamePrefix(url) ? {} : { prefix }),
    ...(isMaxRateSet ? { maxRate } : {}),
  }
}

function targetIn(target: Target, variables: Variables): ConfiguredTarget {
  const { url, kind, signIn, username, ca, plainHttp, maxRate } = target
  return {
    url,
    ...(kind === kindOfAddress(parseUpstreamUrl(url)) ? {} : { kind }),
    ...(signIn.by === 'password' ? {} : { signIn }),
    ...(username === null ? {} : { username, password: `env:${variables.get(target)}` }),
    ...(ca === null ? {} : { ca }),
    ...(plainHttp ? { plainHttp } : {}),
    ...(maxRate.length === 0 ? {} : { maxRate }),
  }
}

type Variables = ReadonlyMap<Upstream | Target, string>

/** `DHI_PASSWORD` for each registry with a login, each of them once. */
function variablesOf(registries: readonly (Upstream | Target)[]): Variables {
  const variables = new Map<Upstream | Target, string>()
  const taken = new Set<string>()
  for (const registry of registries.filter(({ username }) => username !== null)) {
    const name = `${registry.name
      .toUpperCase()
      .replaceAll(/[^A-Z0-9]/g, '_')
      .replace(/^(?=\d)/, '_')}_PASSWORD`
    let variable = name
    for (let n = 2; taken.has(variable); n++) variable = `${name}_${n}`
    taken.add(variable)
    variables.set(registry, variable)
  }
  return variables
}
