import { createRoute } from '@hono/zod-openapi'
import type { MirrorState } from '../../api/mirrors.ts'
import {
  type InstanceHealth,
  type InstanceSetting,
  instanceHealthAnswerSchema,
  instanceSettingsAnswerSchema,
  MAX_BLOBS_COUNTED,
  MAX_UPSTREAMS_SHOWN,
} from '../../api/operator.ts'
import type { Budget } from '../../api/rates.ts'
import type { Database } from '../../db/engine/engine.ts'
import { readMeasures } from '../../db/mirrors/measures.ts'
import { listOldestUpstreams } from '../../db/mirrors/upstreams.ts'
import {
  listEventFollowers,
  listLiveServers,
  measureBlobs,
  measureDatabase,
} from '../../db/platform/instance-health.ts'
import type { UpstreamRow } from '../../db/schema.ts'
import { readWebhookMeasures } from '../../db/webhooks/measures.ts'
import { CONSUMER as LETTERS } from '../../events/letters.ts'
import { type Clock, isoTime } from '../../lib/clock.ts'
import { shownState } from '../../mirror/life/state.ts'
import type { ProcessMeasures } from '../metrics/render.ts'
import { allowOnInstance } from './decide.ts'
import { newRoutes, ok, type Routes } from './route.ts'

const tags = ['operator']

const health = createRoute({
  method: 'get',
  path: '/operator/health',
  tags,
  summary: 'How the instance is: database, storage, servers, mirrors, deliveries, upstreams (operators)',
  responses: ok('As it is now, as the server that answers sees it', instanceHealthAnswerSchema),
})

const settings = createRoute({
  method: 'get',
  path: '/operator/settings',
  tags,
  summary: 'The settings that the server goes by, each with where it comes from (operators)',
  description: 'Of a secret only that, and where from, it is set.',
  responses: ok('All of them, in the order of the documentation', instanceSettingsAnswerSchema),
})

/** What only the process that serves knows of itself. */
export interface ThisServer {
  /** As leases name it. */
  readonly holder: string
  readonly settings: readonly InstanceSetting[]
  measureProcess(): ProcessMeasures | Promise<ProcessMeasures>
  /** Of the disk that holds the blobs; null where it tells no size. */
  measureDisk(): Promise<{ readonly freeBytes: number; readonly totalBytes: number } | null>
}

interface Deps {
  readonly db: Database
  readonly clock: Clock
  readonly thisServer: ThisServer
  /** Undefined: this server sends no mail. */
  readonly mailer: object | undefined
  budgetOf(upstream: UpstreamRow, organizations: undefined): Promise<Budget>
}

export function operatorRoutes({ db, clock, thisServer, mailer, budgetOf }: Deps): Routes {
  const sendsMail = mailer !== undefined
  /** Operators who look at the same time are answered by one reading. */
  let reading: Promise<InstanceHealth> | undefined

  async function read(): Promise<InstanceHealth> {
    const at = isoTime(clock.now())
    const [measures, webhooks, blobs, disk, sizeBytes, followers, live, upstreams, ofProcess] = await Promise.all([
      readMeasures(db.read, 0),
      readWebhookMeasures(db.read),
      measureBlobs(db.read, MAX_BLOBS_COUNTED),
      thisServer.measureDisk(),
      measureDatabase(db),
      listEventFollowers(db.read),
      listLiveServers(db.read, at),
      readUpstreams(),
      thisServer.measureProcess(),
    ])
    const { version, startedAt, residentBytes } = ofProcess
    const states = new Map<MirrorState, number>()
    for (const { mirrors, ...one } of measures.standing) {
      // Which cause it is changes nothing about what is shown.
      const state = shownState(one.state, one.isPaused ? ['hand'] : [], one.isRunning)
      states.set(state, (states.get(state) ?? 0) + mirrors)
    }
    return {
      at,
      version,
      startedAt: isoTime(startedAt),
      residentBytes,
      database: { engine: db.engine, sizeBytes },
      storage: { ...blobs, freeBytes: disk?.freeBytes ?? null, totalBytes: disk?.totalBytes ?? null },
      servers: [...new Set([thisServer.holder, ...live])].map((id) => ({ id, isThis: id === thisServer.holder })),
      mirrors: [...states].map(([state, mirrors]) => ({ state, mirrors })),
      pauses: [...measures.paused],
      runs: measures.runs,
      deliveries: { ...webhooks.open, oldestAt: webhooks.oldest, disabledWebhooks: webhooks.disabled },
      // Nobody reads for mail where none is sent.
      followers: followers.filter(({ name }) => name !== LETTERS || sendsMail),
      upstreams,
    }
  }

  async function readUpstreams(): Promise<InstanceHealth['upstreams']> {
    const rows = await listOldestUpstreams(db.read, MAX_UPSTREAMS_SHOWN)
    return Promise.all(
      rows.map(async (row) => {
        // One whose login cannot be read (a key that is gone) has none; its mirrors say so themselves.
        const budget = await budgetOf(row, undefined).catch(() => undefined)
        const { name, organization } = row
        if (budget === undefined) return { name, organization, budget: null }
        const { requests, inFlight, pauses, allowances } = budget
        return { name, organization, budget: { requests, inFlight, pauses, allowances } }
      }),
    )
  }

  return newRoutes()
    .serve(
      health,
      (who) => allowOnInstance(db, who, 'instance.read', 'see how the server is'),
      async (c) => {
        reading ??= read().finally(() => {
          reading = undefined
        })
        return c.json({ health: await reading }, 200)
      },
    )
    .serve(
      settings,
      (who) => allowOnInstance(db, who, 'instance.read', 'see the settings of the server'),
      async (c) => c.json({ settings: [...thisServer.settings] }, 200),
    )
}
