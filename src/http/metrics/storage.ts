/** What is stored and damaged, in the text format of Prometheus. */
import { Gauge, Registry } from 'prom-client'
import type { countDamaged } from '../../db/content/damage.ts'

const KINDS = ['blob', 'manifest', 'reference'] as const

export async function renderStorageMetrics(counts: Awaited<ReturnType<typeof countDamaged>>): Promise<string> {
  const registers = [new Registry()]
  const help = 'Content that is missing or corrupt, by kind, as it was last found.'
  const damaged = new Gauge({ name: 'kagami_damaged_content', help, labelNames: ['kind'], registers })
  for (const kind of KINDS) damaged.set({ kind }, 0)
  for (const { kind, count } of counts) damaged.inc({ kind }, count)
  return `\n${await registers[0]?.metrics()}`
}
