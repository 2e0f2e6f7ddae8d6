/** The data of a server, opened by one of its workers: what it takes to serve a registry, and no more, since each worker pays for it in memory. */
import { join } from 'node:path'
import { createAuthenticator } from '../../access/authenticate.ts'
import { createBearerSigner, createBearerVerifier, SERVICE } from '../../access/bearer.ts'
import type { PasswordCheck } from '../../access/password-check.ts'
import { createRefusals } from '../../access/refusals.ts'
import { openSigningKey } from '../../access/signing-key.ts'
import { createTwoFactor } from '../../access/two-factor.ts'
import { openFileBlobStore } from '../../blobs/fs.ts'
import { createClaims } from '../../db/engine/claims.ts'
import { isDirectoryLocked, lockDirectory } from '../../db/engine/directory-lock.ts'
import { openDatabase } from '../../db/engine/engine.ts'
import { systemClock } from '../../lib/clock.ts'
import { openSealer } from '../../lib/seal-key-file.ts'
import { createSecret } from '../../lib/secret.ts'
import { createPulls } from '../../registry/pulls.ts'
import { createUploads } from '../../registry/uploads.ts'
import type { RegistryParts } from '../registry-app.ts'
import { lockAsWorker } from './lock.ts'
import type { WorkerStart } from './messages.ts'
import type { SharedTurns } from './turns.ts'

export interface WorkerInstance extends RegistryParts {
  /** Writes what was counted, and closes the data. */
  close(): Promise<void>
}

/** What the main process keeps for all. */
export interface AskedOfMain {
  readonly turns: SharedTurns
  readonly checkPassword: PasswordCheck
}

/** Never ends before the process does when it throws: nothing is given back. */
export async function openBeside(
  { directory, database, bucket, sealKey }: WorkerStart,
  { turns, checkPassword }: AskedOfMain,
): Promise<WorkerInstance> {
  const isAlone = database.engine === 'sqlite'
  const lock = isAlone ? lockAsWorker(directory) : undefined
  const clock = systemClock
  const sealer = openSealer(join(directory, 'seal.key'), sealKey === undefined ? undefined : createSecret(sealKey))
  const db =
    database.engine === 'sqlite'
      ? await openDatabase(database.path, { isMigrated: true, takeTurn: turns.write })
      : await openDatabase(database.url, { isMigrated: true, connections: database.connections })
  const sharing = isAlone ? undefined : { lock: lockDirectory, isLocked: isDirectoryLocked }
  const blobs =
    bucket === undefined ? await openFileBlobStore(join(directory, 'blobs'), sharing) : await openBucket(bucket)
  const key = await openSigningKey(db, sealer)
  const refusals = createRefusals(db, clock)
  const pulls = createPulls(db, clock)
  const claims = isAlone ? undefined : createClaims(db)
  const authenticator = createAuthenticator({
    db,
    checkPassword,
    twoFactor: createTwoFactor({ db, clock, sealer }),
    verifyBearer: createBearerVerifier({ keys: [key], issuer: SERVICE, audience: SERVICE, clock }),
    clock,
  })
  return {
    db,
    blobs,
    clock,
    pulls,
    uploads: createUploads({
      db,
      blobs,
      clock,
      claim: claims?.claim ?? turns.claim,
      mayLoseClaims: claims !== undefined,
    }),
    access: { authenticator, signBearer: createBearerSigner(key, clock), refusals },
    async close() {
      await pulls.close()
      await refusals.close()
      await claims?.close()
      await db.close()
      blobs.close()
      lock?.release()
    },
  }
}

/** The main process has tried it. */
async function openBucket({ keys, isRedirecting, ...place }: NonNullable<WorkerStart['bucket']>) {
  const { openS3BlobStore } = await import('../../blobs/s3/store.ts')
  const credentials = keys && {
    accessKeyId: keys.accessKeyId,
    secretAccessKey: createSecret(keys.secretAccessKey),
    sessionToken: keys.sessionToken === undefined ? undefined : createSecret(keys.sessionToken),
  }
  return openS3BlobStore({ ...place, credentials }, { isRedirecting })
}
