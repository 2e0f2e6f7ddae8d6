/** The doctor of an instance: beside its server, or where none runs. */
import { join } from 'node:path'
import type { DoctorReport } from '../api/doctor.ts'
import type { CheckTarget } from '../catalog/targets.ts'
import type { Settings } from '../config/settings.ts'
import type { UpstreamRow } from '../db/schema.ts'
import { createHttpClient } from '../net/guarded-fetch.ts'
import { createSignIns } from '../remote/sign-in/sign-in.ts'
import { databaseLooks } from '../upkeep/doctor/database-looks.ts'
import { examine } from '../upkeep/doctor/examine.ts'
import { localLooks } from '../upkeep/doctor/local-looks.ts'
import { registryLooks } from '../upkeep/doctor/registry-looks.ts'
import { addressPolicy, ambientPolicy } from './address-policy.ts'
import { blobsAt, type Instance, locationOf, openInstance, SEAL_KEY_FILE } from './instance.ts'
import { createSources, type Sources } from './sources.ts'
import { createTargets } from './targets.ts'

export interface DoctorOptions {
  readonly instance: Instance
  readonly settings: Settings
  readonly sources: Pick<Sources, 'checkUpstream' | 'network'>
  readonly checkTarget: CheckTarget
}

/** @returns what looks once; those who ask meanwhile get the same answer */
export function createDoctor({ instance, settings, sources, checkTarget }: DoctorOptions): () => Promise<DoctorReport> {
  const { db, blobs, clock } = instance
  let looking: Promise<DoctorReport> | undefined
  const { dataDirectory, database, listen, publicUrl } = settings
  const secretFiles = [
    join(dataDirectory, SEAL_KEY_FILE),
    ...(database.engine === 'sqlite' ? ['', '-wal', '-shm'].map((end) => `${database.path}${end}`) : []),
  ]
  const timeOf = async ({ url, ca, plain_http: isPlain }: UpstreamRow, signal: AbortSignal) => {
    const answer = await sources.network.http.request(new URL('/v2/', url), {
      signal,
      redirect: 'manual',
      plainHttp: isPlain === 1,
      ...(ca === null ? {} : { ca }),
    })
    await answer.body?.cancel()
    const time = Date.parse(answer.headers.get('date') ?? '')
    return Number.isNaN(time) ? undefined : time
  }
  const look = async () =>
    examine(clock, [
      ...localLooks({
        dataDirectory,
        blobs,
        blobsAt: blobsAt(settings),
        secretFiles,
        listenHost: listen.host,
        publicUrl,
      }),
      ...databaseLooks({ db, clock }),
      ...(await registryLooks({ db, clock, checkUpstream: sources.checkUpstream, checkTarget, timeOf })),
    ])
  return () => {
    looking ??= look().finally(() => {
      looking = undefined
    })
    return looking
  }
}

const SIGN_IN_REQUESTS = 4

/** Where no server runs on the data directory. @throws AppError CONFIG_INVALID when one does, or the data cannot be opened */
export async function examineOffline(settings: Settings): Promise<DoctorReport> {
  const instance = await openInstance(locationOf(settings))
  try {
    const { sealer, clock } = instance
    const policy = addressPolicy({ ...settings, listening: settings.listen.host })
    const budgets = { concurrency: settings.upstreamRequests }
    const sources = createSources({ policy, sealer, budgets, sampleUrl: undefined })
    const ambientHttp = createHttpClient({ policy: ambientPolicy(policy), maxInFlight: SIGN_IN_REQUESTS })
    const { http } = sources.network
    const signIns = createSignIns({ http, ambientHttp, clock, dockerConfig: settings.dockerConfig })
    const { checkTarget } = createTargets({ network: sources.network, sealer, signIns, lock: undefined })
    return await createDoctor({ instance, settings, sources, checkTarget })()
  } finally {
    await instance.close()
  }
}
