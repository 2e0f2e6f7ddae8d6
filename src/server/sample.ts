/** The sample upstream: a registry with its own data on its own port, served by the same code. */
import { join } from 'node:path'
import type { SampleRelease } from '../api/sample.ts'
import type { ListenAddress } from '../config/settings.ts'
import { createHttpApp } from '../http/app.ts'
import { createLimiter } from '../lib/concurrency.ts'
import type { Logger } from '../lib/logger.ts'
import { sampleDefinitionFiles } from '../sample/catalog.ts'
import { SAMPLE_PREFIX } from '../sample/images.ts'
import { loadOrCreateSampleKey } from '../sample/keys.ts'
import { currentRelease, publishNextRelease } from '../sample/publish.ts'
import { openInstance } from './instance.ts'
import { listen } from './listener.ts'
import { createRegistryApps } from './registry-app.ts'

export interface RunningSample {
  /** As an upstream's: with the prefix of its repositories. */
  readonly url: string
  publishNext(): Promise<SampleRelease>
  /** Of the release that is served, by path. */
  definitionFiles(): Promise<ReadonlyMap<string, Uint8Array>>
  close(): Promise<void>
}

/** @param dataDirectory the server's own; the sample's is inside @throws AppError CONFIG_INVALID when its port is taken */
export async function startSample(
  dataDirectory: string,
  address: ListenAddress,
  logger: Logger,
): Promise<RunningSample> {
  const directory = join(dataDirectory, 'sample')
  const listener = listen(address, 'KAGAMI_SAMPLE')
  try {
    const instance = await openInstance({
      directory,
      database: { engine: 'sqlite', path: join(directory, 'kagami.sqlite') },
    })
    try {
      const key = await loadOrCreateSampleKey(directory)
      const url = `${listener.url}/${SAMPLE_PREFIX}`
      const publishing = createLimiter(1)
      const publishNext = () => publishing.run(async () => ({ ...(await publishNextRelease(instance, key)), url }))
      if ((await currentRelease(instance.db)) === 0) await publishNext()
      const apps = createRegistryApps(instance, { publicUrl: undefined, logger })
      listener.serve(createHttpApp({ ...apps, isReady: () => true, logger }))
      return {
        url,
        publishNext,
        definitionFiles: async () => sampleDefinitionFiles(await currentRelease(instance.db)),
        async close() {
          await listener.stop()
          await instance.close()
        },
      }
    } catch (error) {
      await instance.close()
      throw error
    }
  } catch (error) {
    await listener.stop()
    throw error
  }
}
