import type { Database } from '../db/engine/engine.ts'
import { listUpstreamsWithKeys, setUpstreamCertificates } from '../db/mirrors/upstreams.ts'
import { findCertificates } from '../lib/certificates.ts'

/** Earlier versions stored a CA file as it was given, with a private key that was in it: only the certificates of it stay. */
export async function forgetPrivateKeys(db: Database): Promise<void> {
  const rows = await listUpstreamsWithKeys(db.read)
  if (rows.length === 0) return
  await db.write(async (tx) => {
    for (const { id, ca } of rows) await setUpstreamCertificates(tx, id, findCertificates(ca) ?? null)
  })
}
