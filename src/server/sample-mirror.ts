/** What a server with the sample upstream has at its first start: the upstream, a mirror of it, and what it says of itself. */
import type { Catalogs } from '../catalog/catalogs.ts'
import { defaultNamePrefix } from '../catalog/name-prefix.ts'
import type { Settings } from '../config/settings.ts'
import { createUpstream, findUpstream, updateUpstream } from '../db/mirrors/upstreams.ts'
import { findInstanceSetting, setInstanceSetting } from '../db/platform/instance-settings.ts'
import { isAppError } from '../errors.ts'
import { isoTime } from '../lib/clock.ts'
import type { Logger } from '../lib/logger.ts'
import type { MirrorAndRun, MirrorEngine } from '../mirror/engine.ts'
import type { Instance } from './instance.ts'

const SAMPLE_UPSTREAM = 'sample'
const SAMPLE_REPOSITORY = 'python'
/** Instance setting: the first sample mirror was begun, and is not begun again when people remove it. */
const SAMPLE_MIRRORED = 'sample.mirrored'

/** Registers the sample as a shared upstream, and begins its first mirror once in the life of the instance. */
export async function mirrorSample(
  { db, clock }: Pick<Instance, 'db' | 'clock'>,
  mirrors: MirrorEngine,
  url: string,
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
export async function readSampleCatalog({ db }: Pick<Instance, 'db'>, catalogs: Catalogs): Promise<void> {
  const upstream = await findUpstream(db.read, null, SAMPLE_UPSTREAM)
  if (upstream !== undefined) await catalogs.refresh(upstream.id, { isForced: true })
}
