/** The numbers of an instance in the text format of Prometheus. */
import { Counter, Gauge, Registry } from 'prom-client'
import type { Budget } from '../../api/rates.ts'
import type { Measures, MirrorMeasure } from '../../db/mirrors/measures.ts'
import { freshnessOf } from '../../mirror/life/freshness.ts'
import { PAUSE_CAUSES, shownState } from '../../mirror/life/state.ts'

/** Mirrors, and upstreams, with labels of their own; a series each would otherwise be without end. */
export const MAX_LABELLED = 1000
/** The label of all mirrors beyond those; no repository is named so. */
const OTHERS = '_others'

const STATES = ['initial', 'active', 'syncing', 'degraded', 'paused', 'stopped'] as const

export interface ProcessMeasures {
  readonly version: string
  readonly startedAt: Date
  readonly residentBytes: number
  readonly heapBytes: number
  /** Since the process began. */
  readonly cpuSeconds: number
}

export interface UpstreamMeasure {
  /** With its organization before it unless it is shared. */
  readonly name: string
  readonly budget: Budget
}

export const METRICS_TYPE: string = new Registry().contentType

export function renderMetrics(
  measures: Measures,
  upstreams: readonly UpstreamMeasure[],
  process: ProcessMeasures,
  now: Date,
): Promise<string> {
  const registry = new Registry()
  const gauge = <L extends string>(name: string, help: string, labelNames: L[] = []) =>
    new Gauge({ name, help, labelNames, registers: [registry] })
  const counter = <L extends string>(name: string, help: string, labelNames: L[] = []) =>
    new Counter({ name, help, labelNames, registers: [registry] })

  describeInstance()
  describeMirrors()
  describeCounters()
  describeUpstreams()
  describeProcess()
  return registry.metrics()

  function describeInstance(): void {
    const mirrors = gauge('kagami_mirrors', 'Mirrors by state.', ['state'])
    for (const state of STATES) mirrors.set({ state }, 0)
    for (const { mirrors: number, ...one } of measures.standing) mirrors.inc({ state: stateOf(one) }, number)
    const paused = gauge('kagami_mirrors_paused', 'Mirrors by cause of their pause; one may have several.', ['cause'])
    for (const cause of PAUSE_CAUSES) paused.set({ cause }, 0)
    for (const { cause, mirrors: number } of measures.paused) paused.set({ cause }, number)
    const runs = gauge('kagami_runs', 'Runs under way (running), and those that wait for their turn (waiting).', [
      'state',
    ])
    runs.set({ state: 'running' }, measures.runs.running)
    runs.set({ state: 'waiting' }, measures.runs.waiting)
  }

  function describeMirrors(): void {
    const state = gauge('kagami_mirror_state', '1 for the state that the mirror is in.', ['mirror', 'state'])
    const behind = gauge(
      'kagami_mirror_behind_seconds',
      'Age of the oldest change of upstream that is not visible here.',
      ['mirror'],
    )
    const objective = gauge('kagami_mirror_objective_seconds', 'The objective of its freshness.', ['mirror'])
    const missed = gauge('kagami_mirror_objective_missed', '1 while the objective is missed.', ['mirror'])
    const looked = gauge('kagami_mirror_last_look_timestamp_seconds', 'When a pass last looked at all of upstream.', [
      'mirror',
    ])
    const success = gauge('kagami_mirror_last_success_timestamp_seconds', 'When a pass last left nothing failing.', [
      'mirror',
    ])
    for (const mirror of measures.mirrors) {
      const label = { mirror: mirror.repository }
      state.set({ ...label, state: stateOf(mirror) }, 1)
      if (mirror.looked_at !== null) looked.set(label, seconds(mirror.looked_at))
      if (mirror.succeeded_at !== null) success.set(label, seconds(mirror.succeeded_at))
      if (mirror.state === 'stopped') continue
      const freshness = freshnessOf(mirror, mirror.behindSince ?? undefined, now)
      behind.set(label, freshness.behindSeconds)
      if (freshness.objectiveSeconds === null) continue
      objective.set(label, freshness.objectiveSeconds)
      missed.set(label, freshness.missedSince === null ? 0 : 1)
    }
    const { others } = measures
    if (others.mirrors === 0) return
    const age = others.behindSince === null ? 0 : (now.getTime() - Date.parse(others.behindSince)) / 1000
    behind.set({ mirror: OTHERS }, Math.max(0, Math.floor(age)))
  }

  function describeCounters(): void {
    const runs = counter('kagami_mirror_runs_total', 'Runs that have ended, by outcome.', ['mirror', 'outcome'])
    const failures = counter('kagami_mirror_failures_total', 'Failures of tags and of whole runs, by code.', [
      'mirror',
      'code',
    ])
    const bytes = counter('kagami_mirror_read_bytes_total', 'Bytes read from upstream.', ['mirror'])
    const requests = counter('kagami_mirror_requests_total', 'Requests sent to upstream.', ['mirror'])
    const tags = counter('kagami_mirror_tags_moved_total', 'Tags that runs have moved.', ['mirror'])
    const running = counter('kagami_mirror_run_seconds_total', 'Time that runs have worked, without their wait.', [
      'mirror',
    ])
    const waiting = counter('kagami_mirror_run_waiting_seconds_total', 'Time that runs have waited for a place.', [
      'mirror',
    ])
    const names = new Map(measures.mirrors.map(({ id, repository }) => [id, repository]))
    for (const { mirrorId, counter: kind, label, total } of measures.counters) {
      const mirror = mirrorId === null ? OTHERS : (names.get(mirrorId) ?? OTHERS)
      if (kind === 'runs') runs.inc({ mirror, outcome: label }, total)
      else if (kind === 'failures') failures.inc({ mirror, code: label }, total)
      else if (kind === 'bytes') bytes.inc({ mirror }, total)
      else if (kind === 'requests') requests.inc({ mirror }, total)
      else if (kind === 'milliseconds') (label === 'waiting' ? waiting : running).inc({ mirror }, total / 1000)
      else tags.inc({ mirror }, total)
    }
  }

  function describeUpstreams(): void {
    const left = gauge('kagami_upstream_requests_left', 'What the registry says is left of its allowance.', [
      'upstream',
      'kind',
    ])
    const limit = gauge('kagami_upstream_requests_limit', 'The allowance that the registry tells.', [
      'upstream',
      'kind',
    ])
    const pause = gauge('kagami_upstream_paused_until_timestamp_seconds', 'Until when it has asked to be left alone.', [
      'upstream',
      'kind',
    ])
    const flight = gauge('kagami_upstream_requests_in_flight', 'Requests under way to its registry and login.', [
      'upstream',
    ])
    const waiting = gauge('kagami_upstream_requests_waiting', 'Requests that wait for their turn.', ['upstream'])
    for (const { name: upstream, budget } of upstreams) {
      for (const { kind, remaining, limit: most } of budget.allowances) {
        left.set({ upstream, kind }, remaining)
        if (most !== null) limit.set({ upstream, kind }, most)
      }
      for (const { kind, until } of budget.pauses) pause.set({ upstream, kind }, seconds(until))
      flight.set({ upstream }, budget.inFlight)
      waiting.set(
        { upstream },
        budget.waiting.reduce((sum, { requests }) => sum + requests, 0),
      )
    }
  }

  function describeProcess(): void {
    gauge('kagami_build_info', 'The version of the server.', ['version']).set({ version: process.version }, 1)
    gauge('process_start_time_seconds', 'When the process began.').set(process.startedAt.getTime() / 1000)
    gauge('process_resident_memory_bytes', 'Memory of the process.').set(process.residentBytes)
    gauge('process_heap_bytes', 'Of that, the heap of JavaScript in use.').set(process.heapBytes)
    counter('process_cpu_seconds_total', 'Processor time of the process.').inc(process.cpuSeconds)
  }
}

function stateOf(one: Pick<MirrorMeasure, 'state' | 'isPaused' | 'isRunning'>) {
  // Which cause it is changes nothing about what is shown.
  return shownState(one.state, one.isPaused ? ['hand'] : [], one.isRunning)
}

function seconds(time: string): number {
  return Date.parse(time) / 1000
}
