// Where servers of tests have their data: SQLite and files, or, by KAGAMI_TEST_STORES=s3+postgres, PostgreSQL and a bucket, as many servers share them.
import { postgres } from './postgres.ts'
import { s3Environment, s3Server } from './s3-server.ts'

const CHOICE = process.env.KAGAMI_TEST_STORES ?? 'files+sqlite'
if (!['files+sqlite', 's3+postgres'].includes(CHOICE)) {
  throw new Error(`KAGAMI_TEST_STORES: want files+sqlite or s3+postgres, got ${CHOICE}`)
}

/** Some tests look at the files, or at what is held of them in memory. */
export const areFiles: boolean = CHOICE === 'files+sqlite'

const chosen = new Map<string, Promise<Readonly<Record<string, string>>>>()

/** Settings of the server with this data directory, the same at each start; none where they are the usual ones. */
export async function storesOf(dataDirectory: string): Promise<Readonly<Record<string, string>>> {
  if (areFiles) return {}
  const known = chosen.get(dataDirectory) ?? makeStores()
  chosen.set(dataDirectory, known)
  return known
}

async function makeStores(): Promise<Readonly<Record<string, string>>> {
  const [cluster, s3] = await Promise.all([postgres(), s3Server()])
  return { KAGAMI_DATABASE: await cluster.migratedDatabase(), ...s3Environment(s3.freshLocation()) }
}
