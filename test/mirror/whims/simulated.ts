// A mirror of one upstream in memory, on a clock that tests set.

import type { MirrorChange } from '../../../src/api/mirror-settings.ts'
import type { Run } from '../../../src/api/runs.ts'
import { listTags } from '../../../src/db/content/tags.ts'
import type { Database } from '../../../src/db/engine/engine.ts'
import { parseTag } from '../../../src/oci/reference.ts'
import { type MemoryRepository, memoryRepository } from '../../support/memory-repository.ts'
import { type MirrorInstance, openMirrorInstance } from '../mirror-instance.ts'

export const MINUTE = 60_000
export const DAY = 24 * 60 * MINUTE

export interface Simulated {
  readonly instance: MirrorInstance
  readonly upstream: MemoryRepository
  readonly now: () => Date
  /** Lets time pass. */
  later(ms: number): void
  /** Starts the mirror of what upstream has. */
  start(settings?: MirrorChange): Promise<Run>
  sync(o?: { full?: boolean; acceptShrink?: boolean; tags?: readonly string[] }): Promise<Run>
  change(settings: MirrorChange): Promise<unknown>
  show(): ReturnType<MirrorInstance['engine']['show']>
  plan(o?: { acceptShrink?: boolean }): ReturnType<MirrorInstance['engine']['planSync']>
  /** Tags that are served, in their order. */
  served(): Promise<Record<string, string>>
  /** What the mirror has written down of a tag. */
  tag(name: string): Promise<{ state: string; reason: string | null; absent_since: string | null } | undefined>
  events(): Promise<{ kind: string; payload: Record<string, unknown>; actor: string }[]>
  close(): Promise<void>
}

export async function simulate(o: { db?: Database } = {}): Promise<Simulated> {
  let time = Date.parse('2026-01-01T00:00:00.000Z')
  const now = () => new Date(time)
  const instance = await openMirrorInstance({ clock: { now }, random: () => 0.5, ...o })
  const upstream = memoryRepository()
  instance.repositories.set('hub/app', upstream)
  let id = ''
  const { db, engine } = instance
  return {
    instance,
    upstream,
    now,
    later: (ms) => {
      time += ms
    },
    async start(settings = {}) {
      const request = { organization: 'acme', upstream: 'hub', repository: 'app', by: 'user:test', settings }
      const { mirror, run } = await engine.start(request)
      id = mirror.id
      return engine.wait(run.id)
    },
    async sync({ tags, ...more } = {}) {
      const only = tags === undefined ? undefined : new Set(tags.map(parseTag))
      const { run } = await engine.sync(id, { ...more, only })
      return engine.wait(run.id)
    },
    change: (settings) => engine.change(id, settings, 'user:test'),
    show: () => engine.show(id),
    plan: (more = {}) => engine.planSync(id, more),
    async served() {
      const rows = await listTags(db.read, await instance.repositoryId('acme/dhi-app'), { limit: 10_000 })
      return Object.fromEntries(rows.map(({ name, digest }) => [name, digest]))
    },
    tag: async (name) =>
      db.read
        .selectFrom('mirror_tags')
        .select(['state', 'reason', 'absent_since'])
        .where('tag', '=', name)
        .executeTakeFirst(),
    async events() {
      const rows = await db.read.selectFrom('events').select(['kind', 'payload', 'actor']).orderBy('seq').execute()
      return rows.map(({ payload, ...row }) => ({ ...row, payload: JSON.parse(payload) as Record<string, unknown> }))
    },
    close: () => instance.close(),
  }
}
