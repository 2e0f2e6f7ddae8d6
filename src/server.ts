/** The composition root: opens the instance, puts the parts together, serves. */
import { bootstrap, type FirstOwner } from './access/bootstrap.ts'
import { createIssuers } from './access/identity/issuers.ts'
import { createSignInLink, type SignInLink } from './access/sign-in-links.ts'
import { countStoredDefinitions } from './catalog/counted-texts.ts'
import { forgetPrivateKeys } from './catalog/stored-keys.ts'
import type { Settings } from './config/settings.ts'
import { findOperator, findUserByName } from './db/people/users.ts'
import type { ApiDeps } from './http/api/app.ts'
import { createHttpApp } from './http/app.ts'
import { trustedProxies } from './http/client-address.ts'
import { createHooksApp } from './http/hooks/app.ts'
import { createMetricsApp } from './http/metrics/app.ts'
import { createPageApp } from './http/page/app.ts'
import { lazily } from './lib/lazily.ts'
import type { Logger } from './lib/logger.ts'
import type { Secret } from './lib/secret.ts'
import type { MirrorAndRun, MirrorEngine } from './mirror/engine.ts'
import { createHttpClient } from './net/guarded-fetch.ts'
import { createPlatforms } from './registry/platforms.ts'
import type { Replications } from './replication/engine.ts'
import { addressPolicy } from './server/address-policy.ts'
import { startCollecting } from './server/collections.ts'
import { createDoctor } from './server/doctor.ts'
import { startEmptying } from './server/ended-organizations.ts'
import { createEngines } from './server/engines.ts'
import { startHousekeeping } from './server/housekeeping.ts'
import { locationOf, openInstance } from './server/instance.ts'
import { listen, listenWithWorkers } from './server/listener.ts'
import { measureDisk } from './server/measure-disk.ts'
import { measureProcess } from './server/measure-process.ts'
import { createPageLoader } from './server/page-bundle.ts'
import { createRegistryApps } from './server/registry-app.ts'
import { mirrorSample, readSampleCatalog } from './server/sample-mirror.ts'
import { createServerChecks } from './server/storage-checks.ts'
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
    const location = locationOf(settings)
    const instance = await openInstance(location, keeper?.of({}))
    closers.push(instance.close)
    const keepsLengths = settings.bucket !== undefined && settings.redirectsBlobs !== true
    const toListen = [settings.listen, 'KAGAMI_LISTEN', { keepsLengths }] as const
    const listener = processes > 1 ? await listenWithWorkers(...toListen) : listen(...toListen)
    let workers: Workers | undefined
    closers.push(async () => void (await Promise.all([listener.stop(), workers?.stop()])))
    const sample = withSample
      ? await (await import('./server/sample.ts')).startSample(settings.dataDirectory, settings.sampleListen, logger)
      : undefined
    if (sample !== undefined) closers.push(sample.close)

    const { db, blobs, clock, sealer, access } = instance
    const policy = addressPolicy({ ...settings, listening: listener.address })
    const engines = createEngines({
      instance,
      settings,
      policy,
      sample,
      url: listener.url,
      logger,
      opened: (closeOne) => closers.push(closeOne),
    })
    const {
      isAlone,
      sources,
      targets,
      mirrors,
      replications,
      replicationRules,
      subscriptions,
      catalogs,
      outgoing,
      indexer,
    } = engines
    const storageChecks = createServerChecks({ instance, sources, settings, holder: engines.holder, logger })
    closers.push(storageChecks.close)
    const measureAll = () => measuresOfAll(measureProcess(), workers)
    const platforms = createPlatforms({ db, blobs })
    const apps = createRegistryApps(instance, { publicUrl: settings.publicUrl, logger, graceMs: settings.keep.graceMs })
    const http = createHttpClient({ policy, maxInFlight: IDENTITY_REQUESTS })
    const collecting = new AbortController()
    closers.push(async () => collecting.abort())
    const collector = { db, blobs, clock, settings: settings.keep, holder: engines.holder }
    const apiParts: ApiDeps = {
      collector: { ...collector, signal: collecting.signal },
      db,
      blobs,
      ...access,
      sealer,
      mirrors,
      replicationRules,
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
      facts: engines.facts,
      logger,
      checkUpstream: sources.checkUpstream,
      checkTarget: targets.checkTarget,
      clock,
      issuers: createIssuers({ http, clock }),
      http,
      publicUrl: settings.publicUrl,
      budgetOf: sources.budgetOf,
      budgetOfTarget: targets.budgetOfTarget,
      storageChecks,
      doctor: createDoctor({ instance, settings, sources, checkTarget: targets.checkTarget }),
      historyMs: settings.historyMs,
      mailer: engines.mailer,
      thisServer: {
        holder: engines.holder,
        settings: settings.shown,
        measureProcess: measureAll,
        // A bucket has no end.
        measureDisk: async () => (settings.bucket === undefined ? measureDisk(settings.dataDirectory) : null),
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
    replicationRules.begin()
    const housekeeping = startHousekeeping({
      ...instance,
      logger,
      historyMs: settings.historyMs,
      auditMs: settings.auditMs,
    })
    await subscriptions.resume({ isAlone })
    await outgoing.start({ isAlone })
    await indexer.start({ isAlone })
    await storageChecks.resume({ isAlone })
    closers.push(startEmptying({ db, clock, logger }).close)
    closers.push(housekeeping.close)
    if (settings.collectEveryMs > 0)
      closers.push(startCollecting({ ...collector, everyMs: settings.collectEveryMs, logger }).close)
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
    const firstRun =
      sample === undefined ? undefined : await mirrorSample(instance, mirrors, sample.url, settings, logger)
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
