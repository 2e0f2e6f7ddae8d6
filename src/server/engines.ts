/** The engines of a server, which work without being asked: mirrors, subscriptions, catalogs, webhooks, what images hold. */
import type { Catalogs } from '../catalog/catalogs.ts'
import type { Settings } from '../config/settings.ts'
import { createIndexer, type Indexer } from '../contents/indexer.ts'
import { createFactsLoader, type FactsLoader } from '../events/payload/load-facts.ts'
import { createPortions } from '../jobs/portions.ts'
import { createPresence } from '../jobs/presence.ts'
import type { Logger } from '../lib/logger.ts'
import { createMirrorEngine } from '../mirror/create-engine.ts'
import type { MirrorEngine } from '../mirror/engine.ts'
import { createSubscriptions } from '../mirror/subscriptions/create-subscriptions.ts'
import type { Subscriptions } from '../mirror/subscriptions/subscriptions.ts'
import type { AddressPolicy } from '../net/address-guard.ts'
import { createHttpClient } from '../net/guarded-fetch.ts'
import { createMailer, type Mailer } from '../net/mail.ts'
import { wholePortions } from '../net/portions.ts'
import { openLocalReader } from '../registry/local-reader.ts'
import { createLocalWriters } from '../registry/local-writer.ts'
import { createSignIns } from '../remote/sign-in/sign-in.ts'
import { createReplications } from '../replication/create-replications.ts'
import type { Replications } from '../replication/engine.ts'
import { createReplicationRules, type ReplicationRules } from '../replication/rules.ts'
import { ambientPolicy } from './address-policy.ts'
import { createServerCatalogs } from './catalogs.ts'
import type { Instance } from './instance.ts'
import { learnedBudgets } from './learned-budgets.ts'
import type { RunningSample } from './sample.ts'
import { accountNames, requestPortions, sharedRates } from './shared-budgets.ts'
import { createSources, type Sources } from './sources.ts'
import { createTargets, type Targets, targetLock } from './targets.ts'
import { createWebhookParts, type WebhookParts } from './webhooks.ts'

/** To the clouds that the server itself is known to. */
const SIGN_IN_REQUESTS = 16

export interface Engines {
  /** With SQLite the data directory's lock says that no other server is there. */
  readonly isAlone: boolean
  /** By which other servers know this one. */
  readonly holder: string
  readonly sources: Sources
  readonly targets: Targets
  readonly mirrors: MirrorEngine
  readonly replications: Replications
  readonly replicationRules: ReplicationRules
  readonly subscriptions: Subscriptions
  readonly catalogs: Catalogs
  readonly facts: FactsLoader
  /** Undefined: this server sends no mail. */
  readonly mailer: Mailer | undefined
  readonly outgoing: WebhookParts
  readonly indexer: Indexer
}

export interface EnginesOptions {
  readonly instance: Instance
  readonly settings: Settings
  readonly policy: AddressPolicy
  readonly sample: RunningSample | undefined
  /** Where the server listens. */
  readonly url: string
  readonly logger: Logger
  /** Told of each part as soon as there is something to close, to be closed in the opposite order. */
  readonly opened: (close: () => Promise<void>) => void
}

/** Makes them, at rest: they begin when they are resumed or started. */
export function createEngines({ instance, settings, policy, sample, url, logger, opened }: EnginesOptions): Engines {
  const { db, blobs, clock, sealer } = instance
  const leaseTtlMs = settings.takeoverMs
  const isAlone = db.engine === 'sqlite'
  const presence = createPresence({ db, clock, ttlMs: settings.takeoverMs })
  opened(presence.close)
  const { holder } = presence
  const shared = isAlone ? undefined : createPortions({ db, clock, presence, logger })
  if (shared !== undefined) opened(shared.close)
  const nameOf = accountNames(sealer)
  const sources = createSources({
    policy,
    sealer,
    budgets: {
      concurrency: settings.upstreamRequests,
      store: learnedBudgets(db, nameOf),
      portions: shared && requestPortions(shared, nameOf),
      ledger: isAlone ? undefined : sharedRates(db, nameOf),
    },
    sampleUrl: sample?.url,
  })
  const signIns = createSignIns({
    http: sources.network.http,
    ambientHttp: createHttpClient({ policy: ambientPolicy(policy), maxInFlight: SIGN_IN_REQUESTS }),
    clock,
    dockerConfig: settings.dockerConfig,
  })
  const lock = isAlone ? undefined : targetLock({ db, clock, sealer, holder, ttlMs: leaseTtlMs })
  const targets = createTargets({ network: sources.network, sealer, signIns, lock })
  const mirrors = createMirrorEngine({
    db,
    logger,
    clock,
    runsAtOnce: settings.runsAtOnce,
    openSource: sources.openSource,
    openWriter: createLocalWriters({ db, blobs, clock }),
    leaseTtlMs,
    presence,
    portions: shared ?? wholePortions,
  })
  opened(mirrors.close)
  const replications = createReplications({
    db,
    logger,
    clock,
    runsAtOnce: settings.runsAtOnce,
    openLocal: (repositoryId) => openLocalReader({ db, blobs }, repositoryId),
    openTarget: targets.openTarget,
    mountsCommittedOnly: targets.mountsCommittedOnly,
    leaseTtlMs,
    presence,
    portions: shared ?? wholePortions,
  })
  opened(replications.close)
  const replicationRules = createReplicationRules({ db, replications, logger, clock })
  opened(replicationRules.close)
  const subscriptions = createSubscriptions({ db, logger, clock, mirrors, openRegistry: sources.openRegistry })
  opened(subscriptions.close)
  const folders = settings.definitions ?? new Map<string, string>()
  const catalogs = createServerCatalogs({ db, clock, logger, policy, sources, folders, sample })
  opened(catalogs.close)
  const facts = createFactsLoader({ db, blobs, clock })
  const mailer = settings.smtp && createMailer({ ...settings.smtp, policy })
  const outgoing = createWebhookParts({ ...instance, logger, settings, facts, mailer, holder, url })
  opened(outgoing.close)
  const indexer = createIndexer({ db, blobs, clock, logger, holder, leaseTtlMs })
  opened(indexer.close)
  return {
    isAlone,
    holder,
    sources,
    targets,
    mirrors,
    replications,
    replicationRules,
    subscriptions,
    catalogs,
    facts,
    mailer,
    outgoing,
    indexer,
  }
}
