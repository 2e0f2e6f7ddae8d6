import type { Digest } from '../../oci/digest.ts'
import type { Queries, Transaction } from '../engine/engine.ts'
import { prepareQuery, type Value } from '../engine/prepared.ts'
import type { BlobRow } from '../schema.ts'

/** Content of an organization from one address and credential. */
export interface Fetched {
  readonly organizationId: string
  readonly sourceKey: string
  readonly digest: Digest
}

const readFetched = prepareQuery((db, value: Value<Fetched>) =>
  db
    .selectFrom('fetched_content as fetched')
    .innerJoin('blobs as blob', 'blob.digest', 'fetched.digest')
    .selectAll('blob')
    .where('fetched.organization_id', '=', value('organizationId'))
    .where('fetched.source', '=', value('sourceKey'))
    .where('fetched.digest', '=', value('digest'))
    .where('blob.damage', 'is', null),
)

/** The blob, if the organization has fetched it itself from there and it is still stored, undamaged. */
export async function findFetchedBlob(db: Queries, fetched: Fetched): Promise<BlobRow | undefined> {
  const [row] = await readFetched(db, fetched)
  return row
}

const insertFetched = prepareQuery((db, value: Value<Fetched & { readonly at: string }>) =>
  db
    .insertInto('fetched_content')
    .values({
      organization_id: value('organizationId'),
      source: value('sourceKey'),
      digest: value('digest'),
      fetched_at: value('at'),
    })
    .onConflict((conflict) => conflict.columns(['organization_id', 'source', 'digest']).doNothing()),
)

export async function recordFetched(tx: Transaction, fetched: Fetched, at: string): Promise<void> {
  await insertFetched(tx, { ...fetched, at })
}
