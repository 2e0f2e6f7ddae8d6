/** Garbage collection in the text format of Prometheus. */
import { Gauge, Registry } from 'prom-client'
import { findLastCollection, measureBuried } from '../../db/collection/collections.ts'
import type { Queries } from '../../db/engine/engine.ts'

export async function readCollectionMeasures(db: Queries) {
  const last = await findLastCollection(db, { ended: true })
  return { last, buried: await measureBuried(db) }
}

export async function renderCollectionMetrics({
  last,
  buried,
}: Awaited<ReturnType<typeof readCollectionMeasures>>): Promise<string> {
  const registry = new Registry()
  const gauge = (name: string, help: string, value: number) =>
    new Gauge({ name: `kagami_collection_${name}`, help, registers: [registry] }).set(value)
  if (last?.ended_at != null) {
    gauge(
      'last_success_timestamp_seconds',
      'When a garbage collection last came to its end.',
      Date.parse(last.ended_at) / 1000,
    )
    gauge('last_freed_bytes', 'What it freed.', Number(last.freed_bytes))
  }
  gauge(
    'waiting_bytes',
    'Bytes that nothing names any more and that are still stored: they wait, or could not be removed.',
    buried,
  )
  return `\n${await registry.metrics()}`
}
