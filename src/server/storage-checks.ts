/** Checks of the storage as a server makes them, and as the command line does where no server runs. */
import type { Settings } from '../config/settings.ts'
import { newId } from '../lib/ids.ts'
import type { Logger } from '../lib/logger.ts'
import { openSources } from '../mirror/pass/sources.ts'
import { createLocalWriters } from '../registry/local-writer.ts'
import type { RepairSource } from '../upkeep/repair.ts'
import { createStorageChecks, type StorageChecks } from '../upkeep/storage-checks.ts'
import { addressPolicy } from './address-policy.ts'
import { type Instance, locationOf, openInstance } from './instance.ts'
import { createSources, type Sources } from './sources.ts'

/** Beside a server, whose cores are for its clients. */
const WIDTH_BESIDE = 1

export interface ServerChecksOptions {
  readonly instance: Instance
  readonly sources: Pick<Sources, 'openSource'>
  readonly settings: Pick<Settings, 'takeoverMs'>
  readonly holder: string
  readonly logger: Logger
  readonly width?: number
}

export function createServerChecks({
  instance,
  sources,
  settings,
  holder,
  logger,
  width = WIDTH_BESIDE,
}: ServerChecksOptions): StorageChecks {
  const { db, blobs, clock } = instance
  return createStorageChecks({
    db,
    blobs,
    clock,
    logger,
    holder,
    leaseTtlMs: settings.takeoverMs,
    width,
    repair: repairSource(instance, sources),
  })
}

function repairSource({ db, blobs, clock }: Instance, { openSource }: Pick<Sources, 'openSource'>): RepairSource {
  const openWriter = createLocalWriters({ db, blobs, clock })
  return {
    async open(mirror) {
      const { image, referrers, keys } = await openSources({ db, openSource }, mirror)
      const writerOf = (sourceKey: string) =>
        openWriter({
          organizationId: mirror.organization_id,
          organization: mirror.repository.split('/')[0] ?? '',
          repositoryId: mirror.repository_id,
          mirrorId: mirror.id,
          actor: `mirror:${mirror.id}`,
          sourceKey,
          // Nothing is published by it: what is damaged is published already.
          ...{ runId: '', leaseKey: '', generation: 0, isAbsentUpstream: () => false },
        })
      const sides = [{ reader: image.reader, writer: writerOf(keys.image) }]
      if (referrers !== undefined) sides.push({ reader: referrers.reader, writer: writerOf(keys.referrers) })
      return sides
    },
  }
}

/**
 * Opens the instance for checks alone: no server may run on the data directory.
 * @param width objects that are hashed at once
 * @throws AppError CONFIG_INVALID when a server has it
 */
export async function openOfflineChecks(
  settings: Settings,
  logger: Logger,
  width: number,
): Promise<{ readonly checks: StorageChecks; close(): Promise<void> }> {
  const instance = await openInstance(locationOf(settings))
  try {
    const { sealer } = instance
    const policy = addressPolicy({ ...settings, listening: settings.listen.host })
    const budgets = { concurrency: settings.upstreamRequests }
    const sources = createSources({ policy, sealer, budgets, sampleUrl: undefined })
    const holder = `offline-${newId()}`
    const checks = createServerChecks({ instance, sources, settings, holder, logger, width })
    // With PostgreSQL, servers may be there that use another directory.
    await checks.resume({ isAlone: instance.db.engine === 'sqlite' })
    return {
      checks,
      async close() {
        await checks.close()
        await instance.close()
      },
    }
  } catch (error) {
    await instance.close()
    throw error
  }
}
