/** The composition root: opens the instance, puts the parts together, serves. */
import { bootstrap, type FirstOwner } from './access/bootstrap.ts'
import { createIssuers } from './access/identity/issuers.ts'
import { createSignInLink, type SignInLink } from './access/sign-in-links.ts'
import type { Catalogs } from './catalog/catalogs.ts'
import { countStoredDefinitions } from './catalog/counted-texts.ts'
import { defaultNamePrefix } from './catalog/name-prefix.ts'
import { forgetPrivateKeys } from './catalog/stored-keys.ts'
import type { Settings } from './config/settings.ts'
import { createIndexer } from './contents/indexer.ts'
import { createUpstream, findUpstream, updateUpstream } from './db/mirrors/upstreams.ts'
import { findOperator, findUserByName } from './db/people/users.ts'
import { findInstanceSetting, setInstanceSetting } from './db/platform/instance-settings.ts'
import { isAppError } from './errors.ts'
import { createFactsLoader } from './events/payload/load-facts.ts'
import type { ApiDeps } from './http/api/app.ts'
import { createHttpApp } from './http/app.ts'
import { trustedProxies } from './http/client-address.ts'
import { createHooksApp } from './http/hooks/app.ts'
import { createMetricsApp } from './http/metrics/app.ts'
import { createPageApp } from './http/page/app.ts'
import { createPortions } from './jobs/portions.ts'
import { createPresence } from './jobs/presence.ts'
import { isoTime } from './lib/clock.ts'
import { lazily } from './lib/lazily.ts'
import type { Logger } from './lib/logger.ts'
import type { Secret } from './lib/secret.ts'
import { createMirrorEngine } from './mirror/create-engine.ts'
import type { MirrorAndRun, MirrorEngine } from './mirror/engine.ts'
import { createSubscriptions } from './mirror/subscriptions/create-subscriptions.ts'
import { createHttpClient } from './net/guarded-fetch.ts'
import { createMailer } from './net/mail.ts'
import { wholePortions } from './net/portions.ts'
import { openLocalReader } from './registry/local-reader.ts'
import { createLocalWriters } from './registry/local-writer.ts'
import { createPlatforms } from './registry/platforms.ts'
import { createSignIns } from './remote/sign-in/sign-in.ts'
import { createReplications } from './replication/create-replications.ts'
import type { Replications } from './replication/engine.ts'
import { addressPolicy, ambientPolicy } from './server/address-policy.ts'
import { createServerCatalogs } from './server/catalogs.ts'
import { startEmptying } from './server/ended-organizations.ts'
import { startHousekeeping } from './server/housekeeping.ts'
import { type Instance, openInstance } from './server/instance.ts'
import { learnedBudgets } from './server/learned-budgets.ts'
import { listen, listenWithWorkers } from './server/listener.ts'
import { measureDisk } from './server/measure-disk.ts'
import { measureProcess } from './server/measure-process.ts'
import { createPageLoader } from './server/page-bundle.ts'
import { createRegistryApps } from './server/registry-app.ts'
import type { RunningSample } from './server/sample.ts'
import { accountNames, requestPortions, sharedRates } from './server/shared-budgets.ts'
import { createSources } from './server/sources.ts'
import { createTargets, targetLock } from './server/targets.ts'
import { createWebhookParts } from './server/webhooks.ts'
import { measuresOfAll, openWorkers, type Workers } from './server/workers/open.ts'
import { createTurnKeeper } from './server/workers/turns.ts'

export interface ServeOptions {
  readonly settings: Settings
  /** Serve the sample upstream too, and mirror a first repository of it at the first start. */
  readonly withSample: boolean
  /** The first start makes no owner: a page does, by a code. */
  readonly withSetup?: boolean
  /** Processes that serve, this one included; beyond one, this one is that of the executable, which it starts anew. */
  readonly processes?: number
  readonly logger: Logger
}

export interface RunningServer {
  readonly url: string
  /** What the first start made: its password is nowhere else. */
  readonly firstOwner: FirstOwner | undefined
  /** An operator, by name: the first owner where it is there; undefined: a page is to make one. */
  readonly operator: string | undefined
  /** By which a page makes the owner; undefined: there is one. */
  readonly setupCode: Secret | undefined
  readonly sampleUrl: string | undefined
  /** The first run of the sample's mirror, begun by the first start with the sample. */
  readonly firstRun: MirrorAndRun | undefined
  readonly mirrors: MirrorEngine
  readonly replications: Replications
  /** A link that opens the page signed in; undefined: there is no such user, or a second factor is to be asked for. */
  linkFor(username: string): Promise<SignInLink | undefined>
  /** Ends runs, lets requests under way end for a moment, closes the data. */
  close(): Promise<void>
}

/** To issuers of identity at once, beside the requests of mirrors. */
const IDENTITY_REQUESTS = 16

/** To the clouds that the server itself is known to. */
const SIGN_IN_REQUESTS = 16

const SAMPLE_UPSTREAM = 'sample'
const SAMPLE_REPOSITORY = 'python'
/** Instance setting: the first sample mirror was begun, and is not begun again when people remove it. */
const SAMPLE_MIRRORED = 'sample.mirrored'

/**
 * Starts to serve; all that can fail for the sake of settings fails before anything is made.
 * @throws AppError CONFIG_INVALID: a port is taken, another server has the data directory
 */
export async function startServer({
  settings,
  withSample,
  withSetup = false,
  processes = 1,
  logger,
}: ServeOptions): Promise<RunningServer> {
  const closers: (() => Promise<void>)[] = []
  const close = async () => {
    for (const step of closers.splice(0).reverse()) await step()
  }
  try {
    const keeper = processes > 1 ? createTurnKeeper() : undefined
    const location = { directory: settings.dataDirectory, database: settings.database }
    const instance = await openInstance(location, keeper?.of({}))
    closers.push(instance.close)
    const toListen = [settings.listen, 'KAGAMI_LISTEN'] as const
    const listener = processes > 1 ? await listenWithWorkers(...toListen) : listen(...toListen)
    let workers: Workers | undefined
    closers.push(async () => void (await Promise.all([listener.stop(), workers?.stop()])))
    const sample = withSample
      ? await (await import('./server/sample.ts')).startSample(settings.dataDirectory, settings.sampleListen, logger)
      : undefined
    if (sample !== undefined) closers.push(sample.close)

    const { db, blobs, clock, sealer, access } = instance
    const policy = addressPolicy({ ...settings, listening: listener.address })
    // With SQLite the data directory's lock says so.
    const isAlone = db.engine === 'sqlite'
    const presence = createPresence({ db, clock, ttlMs: settings.takeoverMs })
    closers.push(presence.close)
    const shared = isAlone ? undefined : createPortions({ db, clock, presence, logger })
    if (shared !== undefined) closers.push(shared.close)
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
    const targets = createTargets({
      network: sources.network,
      sealer,
      signIns,
      lock: isAlone
        ? undefined
        : targetLock({ db, clock, sealer, holder: presence.holder, ttlMs: settings.takeoverMs }),
    })
    const mirrors = createMirrorEngine({
      db,
      logger,
      clock,
      runsAtOnce: settings.runsAtOnce,
      openSource: sources.openSource,
      openWriter: createLocalWriters({ db, blobs, clock }),
      leaseTtlMs: settings.takeoverMs,
      presence,
      portions: shared ?? wholePortions,
    })
    closers.push(mirrors.close)
    const replications = createReplications({
      db,
      logger,
      clock,
      runsAtOnce: settings.runsAtOnce,
      openLocal: (repositoryId) => openLocalReader({ db, blobs }, repositoryId),
      openTarget: targets.openTarget,
      mountsCommittedOnly: targets.mountsCommittedOnly,
      leaseTtlMs: settings.takeoverMs,
      presence,
      portions: shared ?? wholePortions,
    })
    closers.push(replications.close)
    const subscriptions = createSubscriptions({ db, logger, clock, mirrors, openRegistry: sources.openRegistry })
    closers.push(subscriptions.close)
    const folders = settings.definitions ?? new Map<string, string>()
    const catalogs = createServerCatalogs({ db, clock, logger, policy, sources, folders, sample })
    closers.push(catalogs.close)
    const facts = createFactsLoader({ db, blobs, clock })
    const ours = { holder: presence.holder, url: listener.url }
    const mailer = settings.smtp && createMailer({ ...settings.smtp, policy })
    const outgoing = createWebhookParts({ ...instance, logger, settings, facts, mailer, ...ours })
    closers.push(outgoing.close)
    const indexer = createIndexer({
      db,
      blobs,
      clock,
      logger,
      holder: presence.holder,
      leaseTtlMs: settings.takeoverMs,
    })
    closers.push(indexer.close)
    const measureAll = () => measuresOfAll(measureProcess(), workers)
    const platforms = createPlatforms({ db, blobs })
    const apps = createRegistryApps(instance, { publicUrl: settings.publicUrl, logger })
    const http = createHttpClient({ policy, maxInFlight: IDENTITY_REQUESTS })
    const apiParts: ApiDeps = {
      db,
      blobs,
      ...access,
      sealer,
      mirrors,
      replications,
      subscriptions,
      catalogs,
      webhooks: outgoing.webhooks,
      sample: sample && {
        async publishNext() {
          const released = await sample.publishNext()
          await readSampleCatalog(instance, catalogs)
          return released
        },
      },
      platforms,
      facts,
      logger,
      checkUpstream: sources.checkUpstream,
      checkTarget: targets.checkTarget,
      clock,
      issuers: createIssuers({ http, clock }),
      http,
      publicUrl: settings.publicUrl,
      budgetOf: sources.budgetOf,
      budgetOfTarget: targets.budgetOfTarget,
      historyMs: settings.historyMs,
      mailer,
      thisServer: {
        holder: presence.holder,
        settings: settings.shown,
        measureProcess: measureAll,
        measureDisk: () => measureDisk(settings.dataDirectory),
      },
    }
    // Loaded by the first who asks it: a server that clients of registries pull from may never be.
    const api = lazily(async () => (await import('./http/api/app.ts')).createApiApp(apiParts))
    const hooks = createHooksApp({ db, clock, mirrors, logger })

    const { owner, ownerPassword, organization } = settings
    const setupCode = withSetup ? await access.setup.makeCode() : undefined
    const firstOwner = withSetup
      ? undefined
      : await bootstrap(db, access.accounts, clock, { owner, ownerPassword, organization })
    await forgetPrivateKeys(db)
    await countStoredDefinitions(db)
    await mirrors.resume({ isAlone })
    await replications.resume({ isAlone })
    const housekeeping = startHousekeeping({
      ...instance,
      logger,
      historyMs: settings.historyMs,
      auditMs: settings.auditMs,
    })
    await subscriptions.resume({ isAlone })
    await outgoing.start({ isAlone })
    await indexer.start({ isAlone })
    closers.push(startEmptying({ db, clock, logger }).close)
    closers.push(housekeeping.close)
    // Without a sample to wait for, whoever gets an answer at all gets the one of a server that is ready.
    let isReady = sample === undefined
    const metrics = createMetricsApp({
      db,
      refusals: access.refusals,
      authenticator: access.authenticator,
      clock,
      isAllowedAddress: trustedProxies(settings.metricsAllow ?? []),
      measureProcess: measureAll,
      budgetOf: sources.budgetOf,
    })
    const isTrustedProxy = trustedProxies(settings.trustedProxies ?? [])
    const app = createHttpApp({
      ...apps,
      api: { fetch: async (request, server) => (await api()).fetch(request, server) },
      hooks,
      callbacks: outgoing.callbacks,
      metrics,
      page: createPageApp({ load: createPageLoader(), isSetupWanted: access.setup.isWanted }),
      isReady: () => isReady,
      logger,
      isTrustedProxy,
    })
    listener.serve(app)
    if (keeper !== undefined)
      workers = await openWorkers({
        settings,
        app,
        listener,
        keeper,
        checkPassword: access.checkPassword,
        logger,
        processes,
      })
    const firstRun = sample === undefined ? undefined : await mirrorSample(instance, mirrors, sample, settings, logger)
    if (sample !== undefined) await readSampleCatalog(instance, catalogs)
    await catalogs.resume({ isAlone })
    // Ready means that the sample can be pulled; a first run that fails must not keep everything else from being used.
    const ready = firstRun === undefined ? Promise.resolve() : mirrors.wait(firstRun.run.id).then(() => {})
    ready
      .catch(() => {})
      .finally(() => {
        isReady = true
      })
    const linkFor: RunningServer['linkFor'] = async (username) => {
      const user = await findUserByName(db.read, username)
      const isAsked = user === undefined || (await access.twoFactor.isOn(user.id))
      return isAsked ? undefined : createSignInLink(db, clock, user)
    }
    const { url } = listener
    const operator = (await findOperator(db.read, owner))?.username
    return {
      url,
      firstOwner,
      operator,
      setupCode,
      sampleUrl: sample?.url,
      firstRun,
      mirrors,
      replications,
      linkFor,
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** Registers the sample as a shared upstream, and begins its first mirror once in the life of the instance. */
async function mirrorSample(
  { db, clock }: Instance,
  mirrors: MirrorEngine,
  { url }: RunningSample,
  { organization, owner }: Settings,
  logger: Logger,
): Promise<MirrorAndRun | undefined> {
  await db.write(async (tx) => {
    const known = await findUpstream(tx, null, SAMPLE_UPSTREAM)
    // One with a login is another registry that an operator has named so: its password is not for the sample.
    if (known !== undefined && known.username === null) return updateUpstream(tx, known.id, { url })
    if (known !== undefined) return known
    return createUpstream(tx, {
      organization_id: null,
      name: SAMPLE_UPSTREAM,
      url,
      username: null,
      sealed_password: null,
      ca: null,
      plain_http: 1,
      referrers_from: null,
      prefix: defaultNamePrefix(url),
      created_at: isoTime(clock.now()),
    })
  })
  if ((await findInstanceSetting(db.read, SAMPLE_MIRRORED)) !== undefined) return undefined
  const by = `user:${owner}`
  try {
    const begun = await mirrors.start({ organization, upstream: SAMPLE_UPSTREAM, repository: SAMPLE_REPOSITORY, by })
    await db.write((tx) => setInstanceSetting(tx, SAMPLE_MIRRORED, begun.mirror.id))
    return begun
  } catch (error) {
    if (!isAppError(error)) throw error
    // An organization that is gone, or a repository that people made there: the server serves all the same.
    logger.warn({ code: error.code, reason: error.message }, 'the sample was not mirrored')
    return undefined
  }
}

/** Whoever opens the page first finds the sample described, and a release of it is told at once. */
async function readSampleCatalog({ db }: Instance, catalogs: Catalogs): Promise<void> {
  const upstream = await findUpstream(db.read, null, SAMPLE_UPSTREAM)
  if (upstream !== undefined) await catalogs.refresh(upstream.id, { isForced: true })
}
