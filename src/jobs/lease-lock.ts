import { createHash } from 'node:crypto'
import { createKeyedTurns, type Lock } from '../lib/keyed-turns.ts'
import type { Sleep } from '../lib/retry.ts'
import { acquireLease, type Lease, type LeaseOptions } from './leases.ts'

/** Keys share these leases, so that their rows are bounded whatever is locked. */
const LEASES = 1024
/** Between two looks at a lease that another server holds: what is done under one takes some requests. */
const LOOK_MS = 100

/** A lock over all servers of one database: one after the other within this process, and under a lease. Fair to nobody else. */
export function createLeaseLock(o: Omit<LeaseOptions, 'key'> & { readonly name: string; readonly sleep: Sleep }): Lock {
  const { name, sleep, ...lease } = o
  const turns = createKeyedTurns()
  const take = async (key: string): Promise<Lease> => {
    for (;;) {
      const taken = await acquireLease({ ...lease, key })
      if (taken !== undefined) return taken
      await sleep(LOOK_MS)
    }
  }
  return (key, work) => {
    const bucket = createHash('sha256').update(key).digest().readUInt32BE() % LEASES
    return turns(`${bucket}`, async () => {
      const held = await take(`${name}/${bucket}`)
      try {
        return await work()
      } finally {
        // One that cannot be released ends by itself.
        await held.release().catch(() => {})
      }
    })
  }
}
