// The machine as a table, whole: every resting state, every event, every set of pauses, with a run under way and without.
import { describe, expect, test } from 'bun:test'
import { REST_CAUSES } from '../../../src/db/mirrors/life.ts'
import type { PauseCause } from '../../../src/db/schema.ts'
import {
  isAtRest,
  MIRROR_EVENTS,
  nextState,
  PAUSE_CAUSES,
  PAUSES,
  RESTING_STATES,
  shownState,
} from '../../../src/mirror/life/state.ts'

const TABLE = {
  initial: ['active', 'degraded', 'degraded', 'degraded', 'stopped', 'initial'],
  active: ['active', 'degraded', 'degraded', 'degraded', 'stopped', 'active'],
  degraded: ['active', 'degraded', 'degraded', 'degraded', 'stopped', 'degraded'],
  stopped: ['stopped', 'stopped', 'stopped', 'stopped', 'stopped', 'initial'],
} as const

describe('state × event', () => {
  test('events stand in this order', () => {
    expect(MIRROR_EVENTS).toEqual(['run done', 'run partial', 'run failed', 'run interrupted', 'stop', 'restart'])
  })
  for (const state of RESTING_STATES) {
    test(`${state} → ${TABLE[state].join(', ')}`, () => {
      expect(MIRROR_EVENTS.map((event) => nextState(state, event))).toEqual([...TABLE[state]])
    })
  }
})

/** All sets of causes. */
const SETS: PauseCause[][] = [[]]
for (const cause of PAUSE_CAUSES) SETS.push(...SETS.map((one) => [...one, cause]))

describe('what people see', () => {
  test('stopped whatever else; paused while any cause holds; syncing during a later run; else where it rests', () => {
    expect(SETS.length).toBe(2 ** PAUSE_CAUSES.length)
    for (const state of RESTING_STATES) {
      for (const causes of SETS) {
        for (const isRunning of [false, true]) {
          const want =
            state === 'stopped'
              ? 'stopped'
              : causes.length > 0
                ? 'paused'
                : isRunning && state !== 'initial'
                  ? 'syncing'
                  : state
          expect([state, causes, isRunning, shownState(state, causes, isRunning)]).toEqual([
            state,
            causes,
            isRunning,
            want,
          ])
        }
      }
    }
  })

  test('no run begins while the mirror is stopped, or paused by people or by a rule', () => {
    for (const state of RESTING_STATES) {
      for (const causes of SETS) {
        const rests = state === 'stopped' || causes.some((cause) => REST_CAUSES.some((one) => one === cause))
        expect([state, causes, isAtRest(state, causes)]).toEqual([state, causes, rests])
      }
    }
  })

  test('each pause says why, when it ends, and the line that ends it', () => {
    for (const { reason, endsWhen, remedy } of Object.values(PAUSES)) {
      expect([reason, endsWhen].every((text) => text.length > 10)).toBe(true)
      expect(remedy).toMatch(/MIRROR|UPSTREAM|ORG/)
    }
  })
})
