/** How a mirror stands, for who looks at many of them. */
import { AlertIcon, type Icon } from '@primer/octicons-react'
import type { MirrorGlance } from '../../api/glance.ts'
import { MIRROR_STATES, type Tone } from '../shell/status.tsx'
import type { Text } from '../text/en/index.ts'

export type Group = 'inStep' | 'working' | 'wrong' | 'resting'

/** One that misses its objective wants a look whatever it does. */
export function groupOf({ state, missedSince }: Pick<MirrorGlance, 'state' | 'missedSince'>): Group {
  if (state === 'stopped' || state === 'paused') return 'resting'
  if (state === 'degraded' || missedSince !== null) return 'wrong'
  return state === 'active' ? 'inStep' : 'working'
}

export function signOf(one: Pick<MirrorGlance, 'state' | 'missedSince'>): readonly [tone: Tone, icon: Icon] {
  return groupOf(one) === 'wrong' ? ['held', AlertIcon] : MIRROR_STATES[one.state]
}

export function wordOf(one: Pick<MirrorGlance, 'state' | 'missedSince'>, text: Text): string {
  return groupOf(one) === 'wrong' && one.state !== 'degraded' ? text.home.late : text.states[one.state]
}

const ORDER: Readonly<Record<Group, number>> = { wrong: 0, resting: 1, working: 2, inStep: 3 }

/** What wants a look first, then by name. */
export function byUrgency(a: MirrorGlance, b: MirrorGlance): number {
  return ORDER[groupOf(a)] - ORDER[groupOf(b)] || (a.repository < b.repository ? -1 : 1)
}

/** Mirrors that want a look for the same reason, as when their upstream is away. */
export interface MirrorTrouble {
  readonly mirrors: readonly [MirrorGlance, ...MirrorGlance[]]
}

/** The largest first. */
export function troublesOf(mirrors: readonly MirrorGlance[]): MirrorTrouble[] {
  const wrong = mirrors.filter((one) => groupOf(one) === 'wrong' || one.state === 'paused')
  const together = Map.groupBy(wrong, ({ upstream, state, reason }) => `${upstream} ${state} ${reason}`)
  return [...together.values()]
    .map((some) => ({ mirrors: some as [MirrorGlance, ...MirrorGlance[]] }))
    .toSorted((a, b) => b.mirrors.length - a.mirrors.length || byUrgency(a.mirrors[0], b.mirrors[0]))
}
