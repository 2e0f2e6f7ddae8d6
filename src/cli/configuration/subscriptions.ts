/** Subscriptions of files against those that are there. An upstream may have several: those that are the same belong together first. */
import type { ConfiguredSubscription } from '../../api/configuration.ts'
import type { MirrorSettings } from '../../api/mirror-settings.ts'
import type { Subscription } from '../../api/subscriptions.ts'
import { segment } from '../client.ts'
import type { Wanted } from './files.ts'
import type { Call, Step } from './plan.ts'
import { settingChanges } from './settings.ts'

export interface SubscriptionPlan {
  /** `needs` are the keys that the caller finds for the upstream. */
  readonly steps: readonly Omit<Step, 'needs'>[]
  /** Those that are there and in no file. */
  readonly unmanaged: readonly Subscription[]
}

export function isLive({ state }: Subscription): boolean {
  return state !== 'stopped'
}

export function settingsIn(config: ConfiguredSubscription): MirrorSettings {
  const { upstream: _u, match: _m, except: _e, repositories: _r, adopt: _a, ...settings } = config
  return settings
}

export function planSubscriptions(
  wanted: readonly Wanted<ConfiguredSubscription>[],
  present: readonly Subscription[],
): SubscriptionPlan {
  const free = new Set(present.filter(isLive))
  const partners = new Map<Wanted<ConfiguredSubscription>, Subscription>()
  for (const fits of [
    (one: ConfiguredSubscription, there: Subscription) => isSameChoice(one, there) && bodyOf(one, there) === undefined,
    isSameChoice,
    () => true,
  ]) {
    for (const one of wanted) {
      if (partners.has(one)) continue
      const found = [...free].find(
        (there) => there.organization === one.organization && there.upstream === one.name && fits(one.config, there),
      )
      if (found === undefined) continue
      partners.set(one, found)
      free.delete(found)
    }
  }
  return { steps: wanted.map((one, i) => stepOf(one, i, partners.get(one))), unmanaged: [...free] }
}

function stepOf(
  { organization, name, place, config }: Wanted<ConfiguredSubscription>,
  index: number,
  there: Subscription | undefined,
): Omit<Step, 'needs'> {
  const base = {
    kind: 'subscription' as const,
    organization,
    name,
    where: `${place.file}:${place.line}`,
    key: `subscription ${index} ${organization}/${name}`,
  }
  if (there === undefined) {
    const { match = [], except = [], repositories, adopt = false } = config
    const body = { organization, upstream: name, match, except, repositories, adopt, settings: settingsIn(config) }
    return {
      ...base,
      action: 'create',
      reason: choiceText(config),
      calls: [{ method: 'POST', path: '/subscriptions', body }],
    }
  }
  const body = bodyOf(config, there)
  if (body === undefined) return { ...base, action: 'unchanged', reason: 'is as the file says', calls: [] }
  const names = Object.entries(body).flatMap(([key, value]) => (key === 'settings' ? Object.keys(value ?? {}) : [key]))
  const call: Call = { method: 'PATCH', path: pathOf(there), body }
  return { ...base, action: 'change', reason: `other ${names.join(', ')}`, calls: [call] }
}

export function pathOf({ organization, id }: Subscription): string {
  return `/subscriptions/${segment(organization)}/${segment(id)}`
}

function choiceText({ match = [], except = [], repositories }: ConfiguredSubscription): string {
  const what =
    repositories === undefined
      ? match.length === 0
        ? 'every repository'
        : match.join(' ')
      : `${repositories.length} repositories`
  return `mirrors ${what}${except.length === 0 ? '' : ` without ${except.join(' ')}`}`
}

function isSameChoice(config: ConfiguredSubscription, there: Subscription): boolean {
  return (
    isSame(config.match, there.match) &&
    isSame(config.except, there.except) &&
    isSame(config.repositories, there.repositories)
  )
}

/** As sets: their order says nothing. */
function isSame(a: readonly string[] | undefined, b: readonly string[] | null): boolean {
  return JSON.stringify([...new Set(a ?? [])].sort()) === JSON.stringify([...new Set(b ?? [])].sort())
}

/** What is to be another; undefined: nothing. */
function bodyOf(config: ConfiguredSubscription, there: Subscription): Record<string, unknown> | undefined {
  const { match, except, repositories, adopt = false } = config
  const settings = settingChanges(settingsIn(config), there.settings)
  const body = {
    ...(isSame(match, there.match) ? {} : { match: match ?? [] }),
    ...(isSame(except, there.except) ? {} : { except: except ?? [] }),
    ...(isSame(repositories, there.repositories) ? {} : { repositories: repositories ?? null }),
    ...(adopt === there.adopt ? {} : { adopt }),
    ...(Object.keys(settings).length === 0 ? {} : { settings }),
  }
  return Object.keys(body).length === 0 ? undefined : body
}
