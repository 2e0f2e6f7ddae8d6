/**
 * The life of a mirror as data. A mirror *rests* in a state, may be *paused* for several causes at once, and a run may be under way; what
 * people see follows from these three (`shownState`). `db/mirrors/life.ts` writes what this table says, in the transaction of whatever
 * happened; docs/reference/mirror-states.md prints it.
 */
import type { MirrorState } from '../../api/mirrors.ts'
import type { PauseCause, RestingState } from '../../db/schema.ts'

export const RESTING_STATES = ['initial', 'active', 'degraded', 'stopped'] as const satisfies readonly RestingState[]

export const MIRROR_EVENTS = ['run done', 'run partial', 'run failed', 'run interrupted', 'stop', 'restart'] as const
export type MirrorEvent = (typeof MIRROR_EVENTS)[number]

/** state × event → state; what is absent changes nothing. Pausing and its end change no resting state. */
export const TRANSITIONS: Readonly<Record<RestingState, Partial<Readonly<Record<MirrorEvent, RestingState>>>>> = {
  initial: {
    'run done': 'active',
    'run partial': 'degraded',
    'run failed': 'degraded',
    'run interrupted': 'degraded',
    stop: 'stopped',
  },
  active: { 'run partial': 'degraded', 'run failed': 'degraded', 'run interrupted': 'degraded', stop: 'stopped' },
  degraded: { 'run done': 'active', stop: 'stopped' },
  stopped: { restart: 'initial' },
}

export function nextState(state: RestingState, event: MirrorEvent): RestingState {
  return TRANSITIONS[state][event] ?? state
}

/** Why a mirror is paused, and how that ends. */
export interface Pause {
  readonly reason: string
  /** What ends it, for people. */
  readonly endsWhen: string
  /** The line that ends it; `MIRROR`, `UPSTREAM` and `ORG` stand for the names. */
  readonly remedy: string
  /** Runs go on, ever more seldom, and the first good one ends the pause. Otherwise nothing runs before it has ended. */
  readonly isProbed: boolean
}

/** In the order in which they are shown when there are several. */
export const PAUSES: Readonly<Record<PauseCause, Pause>> = {
  public: {
    reason: 'the repository is public, and a mirror updates private repositories only',
    endsWhen: 'the repository is private again',
    remedy: 'repository change MIRROR --visibility private',
    isProbed: false,
  },
  archived: {
    reason: 'the repository is archived',
    endsWhen: 'the repository is taken out of the archive',
    remedy: 'repository unarchive MIRROR',
    isProbed: false,
  },
  hand: {
    reason: 'paused by hand',
    endsWhen: 'it is resumed by hand',
    remedy: 'mirror resume MIRROR',
    isProbed: false,
  },
  quota: {
    reason: 'the organization is over its storage quota',
    endsWhen: 'the quota is raised, or there is room for what upstream has',
    remedy: 'organization change ORG --quota-bytes BYTES',
    isProbed: true,
  },
  credentials: {
    reason: 'upstream refuses the credentials',
    endsWhen: 'upstream accepts them, or is given others',
    remedy: 'upstream change UPSTREAM --org ORG --username USER --password-stdin',
    isProbed: true,
  },
  gone: {
    reason: 'upstream does not have the repository any more',
    endsWhen: 'upstream has it again, or the mirror is restarted from another source',
    remedy: 'mirror restart MIRROR --from UPSTREAM/REPOSITORY',
    isProbed: true,
  },
}

export const PAUSE_CAUSES = Object.keys(PAUSES) as PauseCause[]

/** True when no run may begin, whoever asks. */
export function isAtRest(state: RestingState, causes: readonly PauseCause[]): boolean {
  return state === 'stopped' || causes.some((cause) => !PAUSES[cause].isProbed)
}

/** What people see. The first run is part of `initial`; every later one under way is `syncing`, unless the mirror is paused. */
export function shownState(state: RestingState, causes: readonly PauseCause[], isRunning: boolean): MirrorState {
  if (state === 'stopped') return 'stopped'
  if (causes.length > 0) return 'paused'
  return isRunning && state !== 'initial' ? 'syncing' : state
}
