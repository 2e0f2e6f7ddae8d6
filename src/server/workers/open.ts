/** The workers of a server, by its settings. */
import type { PasswordCheck } from '../../access/password-check.ts'
import type { Settings } from '../../config/settings.ts'
import type { HttpApp } from '../../http/app.ts'
import type { ProcessMeasures } from '../../http/metrics/render.ts'
import type { Logger } from '../../lib/logger.ts'
import type { Listener } from '../listener.ts'
import { openDoor } from './door.ts'
import type { WorkerStart } from './messages.ts'
import { startWorkers, type Workers } from './supervisor.ts'
import type { TurnKeeper } from './turns.ts'

export type { Workers } from './supervisor.ts'

/** Connections to PostgreSQL that all workers share, beside those of the main process; each has three, of which one holds its upload sessions. */
const WORKER_CONNECTIONS = 16

export async function openWorkers(o: {
  readonly settings: Settings
  /** What the main process serves: all of it. */
  readonly app: HttpApp
  readonly listener: Listener
  readonly keeper: TurnKeeper
  readonly checkPassword: PasswordCheck
  readonly logger: Logger
  /** The main one included. */
  readonly processes: number
}): Promise<Workers> {
  const { settings, app, listener, keeper, checkPassword, logger } = o
  const count = o.processes - 1
  const door = await openDoor(settings.dataDirectory, app)
  const { database } = settings
  const connections = Math.max(3, Math.floor(WORKER_CONNECTIONS / count))
  const start: WorkerStart = {
    directory: settings.dataDirectory,
    database: database.engine === 'sqlite' ? database : { engine: 'postgres', url: database.url.reveal(), connections },
    sealKey: settings.sealKey?.reveal(),
    bucket: bucketFor(settings),
    listen: { host: settings.listen.host, port: listener.port },
    publicUrl: settings.publicUrl,
    graceMs: settings.keep.graceMs,
    trustedProxies: settings.trustedProxies ?? [],
    logLevel: settings.logLevel,
    door: door.path,
  }
  const workers = startWorkers({ count, start, keeper, checkPassword, logger })
  return {
    measure: workers.measure,
    async stop() {
      await workers.stop()
      await door.stop()
    },
  }
}

/** As it goes over the pipe. */
function bucketFor({ bucket, redirectsBlobs = false }: Settings): WorkerStart['bucket'] {
  if (bucket === undefined) return undefined
  const { credentials, ...place } = bucket
  const keys = credentials && {
    accessKeyId: credentials.accessKeyId,
    secretAccessKey: credentials.secretAccessKey.reveal(),
    sessionToken: credentials.sessionToken?.reveal(),
  }
  return { ...place, keys, isRedirecting: redirectsBlobs }
}

/** Of all processes of the server together. */
export async function measuresOfAll(main: ProcessMeasures, workers: Workers | undefined): Promise<ProcessMeasures> {
  const others = (await workers?.measure()) ?? []
  const sum = (of: (one: ProcessMeasures | (typeof others)[number]) => number) =>
    [main, ...others].reduce((total, one) => total + of(one), 0)
  return {
    ...main,
    residentBytes: sum((one) => one.residentBytes),
    heapBytes: sum((one) => one.heapBytes),
    cpuSeconds: sum((one) => one.cpuSeconds),
  }
}
