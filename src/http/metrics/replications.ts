/** Replications in the text format of Prometheus. */
import { Counter, Gauge, Registry } from 'prom-client'
import type { ReplicationMeasure, ReplicationMeasures } from '../../db/replication/measures.ts'
import { shownState } from '../../mirror/life/state.ts'

/** The label of all beyond those that have labels of their own; no repository is named so. */
const OTHERS = '_others'
const STATES = ['initial', 'active', 'syncing', 'degraded', 'paused', 'stopped'] as const
const LABELS = ['repository', 'target'] as const
type Labels = Readonly<Record<(typeof LABELS)[number], string>>

export async function renderReplicationMetrics(measures: ReplicationMeasures, now: Date): Promise<string> {
  const registers = [new Registry()]
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
    new Gauge({ name, help, labelNames, registers })
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
    new Counter({ name, help, labelNames, registers })

  const all = gauge('kagami_replications', 'Replications by state.', ['state'])
  for (const state of STATES) all.set({ state }, 0)
  for (const { replications, ...one } of measures.standing) all.inc({ state: stateOf(one) }, replications)
  const paused = gauge('kagami_replications_paused', 'Replications by cause of their pause.', ['cause'])
  for (const { cause, replications } of measures.paused) paused.set({ cause }, replications)

  const state = gauge('kagami_replication_state', '1 for the state that the replication is in.', [...LABELS, 'state'])
  const behind = gauge(
    'kagami_replication_behind_seconds',
    'Age of the oldest change here that is not known to be at the target.',
    LABELS,
  )
  const drifted = gauge('kagami_replication_drifted_tags', 'Tags at the target that others have changed.', LABELS)
  const success = gauge(
    'kagami_replication_last_success_timestamp_seconds',
    'When a pass last left nothing failing.',
    LABELS,
  )
  const labels = new Map<string, Labels>()
  for (const one of measures.replications) {
    const label: Labels = { repository: one.repository, target: one.target }
    labels.set(one.id, label)
    state.set({ ...label, state: stateOf(one) }, 1)
    if (one.succeeded_at !== null) success.set(label, Date.parse(one.succeeded_at) / 1000)
    if (one.state === 'stopped') continue
    const since = one.changed_since === null ? now.getTime() : Date.parse(one.changed_since)
    behind.set(label, Math.max(0, (now.getTime() - since) / 1000))
    drifted.set(label, one.drifted)
  }

  const runs = counter('kagami_replication_runs_total', 'Runs that have ended, by outcome.', [...LABELS, 'outcome'])
  const failures = counter('kagami_replication_failures_total', 'Failures of tags and of whole runs, by code.', [
    ...LABELS,
    'code',
  ])
  const plain = {
    bytes: counter('kagami_replication_sent_bytes_total', 'Bytes sent to the target.', LABELS),
    requests: counter('kagami_replication_requests_total', 'Requests sent to the target.', LABELS),
    tags: counter('kagami_replication_tags_moved_total', 'Tags that runs have moved.', LABELS),
    mounts: counter('kagami_replication_mounts_total', 'Blobs that were mounted at the target.', LABELS),
  }
  const running = counter('kagami_replication_run_seconds_total', 'Time that runs have worked.', LABELS)
  for (const { replicationId, counter: kind, label: what, total } of measures.counters) {
    const label = labels.get(replicationId ?? '') ?? { repository: OTHERS, target: OTHERS }
    if (kind === 'runs') runs.inc({ ...label, outcome: what }, total)
    else if (kind === 'failures') failures.inc({ ...label, code: what }, total)
    else if (kind !== 'milliseconds') plain[kind].inc(label, total)
    else if (what !== 'waiting') running.inc(label, total / 1000)
  }
  return `\n${await registers[0]?.metrics()}`
}

function stateOf(one: Pick<ReplicationMeasure, 'state' | 'isPaused' | 'isRunning'>) {
  return shownState(one.state, one.isPaused ? ['hand'] : [], one.isRunning)
}
