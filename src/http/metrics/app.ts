/** `/metrics`: for operators, and for the addresses that the operator names. */
import type { RequestAuthenticator } from '../../access/authenticate.ts'
import type { Authenticated } from '../../access/principal.ts'
import type { Refusals } from '../../access/refusals.ts'
import { decideInstance } from '../../access/rights.ts'
import type { Budget } from '../../api/rates.ts'
import { countDamaged } from '../../db/content/damage.ts'
import type { Database } from '../../db/engine/engine.ts'
import { readMeasures } from '../../db/mirrors/measures.ts'
import { listOldestUpstreams } from '../../db/mirrors/upstreams.ts'
import { readReplicationMeasures } from '../../db/replication/measures.ts'
import type { UpstreamRow } from '../../db/schema.ts'
import { readWebhookMeasures } from '../../db/webhooks/measures.ts'
import { AppError } from '../../errors.ts'
import type { Clock } from '../../lib/clock.ts'
import { clientAddress } from '../client-address.ts'
import { refusedBy } from '../request-context.ts'
import type { ProcessMeasures, UpstreamMeasure } from './render.ts'

/** Loaded by the first who reads: most servers are never asked. */
const loadRendering = () =>
  Promise.all([
    import('./render.ts'),
    import('./webhooks.ts'),
    import('./replications.ts'),
    import('./storage.ts'),
    import('./collections.ts'),
  ])

export interface MetricsDeps {
  readonly db: Database
  readonly refusals: Refusals
  readonly authenticator: Pick<RequestAuthenticator, 'authenticate'>
  readonly clock: Clock
  /** Whether a client at this address may read without signing in (`KAGAMI_METRICS_ALLOW`). */
  readonly isAllowedAddress: (address: string) => boolean
  readonly measureProcess: () => ProcessMeasures | Promise<ProcessMeasures>
  /** What this server knows of an upstream's budget. */
  readonly budgetOf: (upstream: UpstreamRow, organizations: undefined) => Promise<Budget>
  /** Mirrors, and upstreams, with labels of their own. */
  readonly maxLabelled?: number
}

export interface MetricsApp {
  /** @throws AppError UNAUTHORIZED, DENIED, METHOD_NOT_ALLOWED */
  fetch(request: Request, server: unknown): Promise<Response>
}

export function createMetricsApp(deps: MetricsDeps): MetricsApp {
  const { db, clock } = deps
  /** Scrapes that come together are answered by one reading. */
  let reading: Promise<string> | undefined
  const read = async () => {
    const [
      { MAX_LABELLED, renderMetrics },
      { renderWebhookMetrics },
      { renderReplicationMetrics },
      { renderStorageMetrics },
      collections,
    ] = await loadRendering()
    const most = deps.maxLabelled ?? MAX_LABELLED
    const [measures, upstreams, webhooks, replications, damaged, collected, ofProcess] = await Promise.all([
      readMeasures(db.read, most),
      readBudgets(most),
      readWebhookMeasures(db.read),
      readReplicationMeasures(db.read, most),
      countDamaged(db.read),
      collections.readCollectionMeasures(db.read),
      deps.measureProcess(),
    ])
    const parts = await Promise.all([
      renderMetrics(measures, upstreams, ofProcess, clock.now()),
      renderWebhookMetrics(webhooks, clock.now()),
      renderReplicationMetrics(replications, clock.now()),
      renderStorageMetrics(damaged),
      collections.renderCollectionMetrics(collected),
    ])
    return parts.join('')
  }

  async function readBudgets(most: number): Promise<UpstreamMeasure[]> {
    const upstreams = await listOldestUpstreams(db.read, most)
    const measured = await Promise.all(
      // One whose login cannot be read (a variable that is gone) has no budget; its mirrors say so themselves.
      upstreams.map(async (upstream) => ({
        name: upstream.organization === null ? upstream.name : `${upstream.organization}/${upstream.name}`,
        budget: await deps.budgetOf(upstream, undefined).catch(() => undefined),
      })),
    )
    return measured.flatMap(({ name, budget }) => (budget === undefined ? [] : [{ name, budget }]))
  }

  async function allow(request: Request, server: unknown): Promise<void> {
    const address = clientAddress(request, server)
    const header = request.headers.get('authorization')
    if (header === null && address !== undefined && deps.isAllowedAddress(address)) return
    let who: Authenticated | undefined
    try {
      who = await deps.authenticator.authenticate(header, { address })
      await decide(who)
    } catch (error) {
      const attempt = { organization: undefined, action: 'metrics.read', object: '*' }
      const refused = refusedBy(error, { request, server, who }, attempt)
      if (refused !== undefined) deps.refusals.note(refused)
      throw error
    }
  }

  async function decide(who: Authenticated): Promise<void> {
    const decision = await decideInstance(db.read, who, 'metrics.read', clock.now())
    if (decision.allowed) return
    if (decision.reason === 'unauthenticated')
      throw new AppError('UNAUTHORIZED', 'sign in as an operator to read metrics')
    throw new AppError('DENIED', 'metrics are for operators: use a personal access token of one')
  }

  return {
    async fetch(request, server) {
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        throw new AppError('NOT_FOUND', `there is no ${request.method} /metrics`)
      }
      await allow(request, server)
      reading ??= read().finally(() => {
        reading = undefined
      })
      const text = await reading
      const [{ METRICS_TYPE }] = await loadRendering()
      return new Response(request.method === 'HEAD' ? null : text, {
        headers: { 'content-type': METRICS_TYPE, 'cache-control': 'no-store' },
      })
    },
  }
}
