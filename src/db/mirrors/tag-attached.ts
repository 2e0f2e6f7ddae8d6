/** What hangs on manifests and on those that they list: how much, and what it says that it is. Many at once. */
import { type Attested, type AttestedBits, attestedOf, bitsOf } from '../../oci/attested.ts'
import { algorithmOf, type Digest, encodedOf } from '../../oci/digest.ts'
import { allOfChunks, inChunks } from '../engine/chunks.ts'
import type { Queries } from '../engine/engine.ts'

/** One, with all below it that is here. */
interface Subjects {
  readonly manifests: ReadonlySet<Digest>
  /** Of those, what BuildKit lists beside the platforms: attestations themselves. */
  readonly beside: ReadonlySet<Digest>
}

export interface Attachments {
  readonly referrers: number
  readonly attested: readonly Attested[]
  /** There is more than was looked at. */
  readonly isPartial: boolean
}

export const REFERRER_BYTES = 100
const MAX_REFERRERS = 10_000
const COSIGN_ENDS = ['sig', 'att', 'sbom']
const OTHER = bitsOf(['other'])

/** Counted together, of all that are measured at once; real images have some thirty each. */
const MAX_TOGETHER = 4 * MAX_REFERRERS

/** @returns of the first ones, in their order: at least of one, and of no more once `budget` is spent */
export async function measureAttached(
  db: Queries,
  repositoryId: string,
  all: readonly Subjects[],
  budget: number,
): Promise<Attachments[]> {
  const digests = [...new Set(all.flatMap(({ manifests }) => [...manifests]))]
  const beside = await readBits(db, repositoryId, [...new Set(all.flatMap((one) => [...one.beside]))])
  const tagged = await readTagged(db, repositoryId, digests)
  const together = await countReferrers(db, repositoryId, digests, MAX_TOGETHER)
  const found: Attachments[] = []
  let spent = 0
  for (const one of all) {
    if (found.length > 0 && spent > budget) break
    // Where somebody has attached too much to be counted together, each by itself: nobody else's is hidden by it.
    const { counts, isCut } = together.isCut
      ? await countReferrers(db, repositoryId, [...one.manifests], MAX_REFERRERS)
      : together
    let [referrers, bits] = [0, 0]
    for (const digest of one.manifests) {
      const count = counts.get(digest)
      referrers += count?.number ?? 0
      // What hangs on an attestation is about that one.
      if (!one.beside.has(digest)) bits |= (count?.bits ?? 0) | (tagged.get(digest) ?? 0)
    }
    // Any manifest of an unknown platform is beside: one that says nothing of itself is none that was attached.
    for (const digest of one.beside) bits |= (beside.get(digest) ?? 0) & ~OTHER
    spent += REFERRER_BYTES * referrers
    const isPartial = isCut || referrers > MAX_REFERRERS
    found.push({ referrers: Math.min(referrers, MAX_REFERRERS), attested: attestedOf(bits), isPartial })
  }
  return found
}

interface Counted {
  readonly number: number
  readonly bits: AttestedBits
}

/** Published manifests whose subject is one of these, by subject; `limit` of them all, and `isCut` where there are more. */
async function countReferrers(
  db: Queries,
  repositoryId: string,
  subjects: readonly Digest[],
  limit: number,
): Promise<{ readonly counts: ReadonlyMap<string, Counted>; readonly isCut: boolean }> {
  const counts = new Map<string, Counted>()
  let found = 0
  for (const chunk of inChunks(subjects)) {
    const some = db
      .selectFrom('repository_manifests')
      .select(['subject_digest', 'attested'])
      .where('repository_id', '=', repositoryId)
      .where('subject_digest', 'in', chunk)
      .where('published_at', 'is not', null)
      .limit(limit + 1 - found)
    const rows = await db
      .selectFrom(some.as('some'))
      .select(['subject_digest', 'attested'])
      .select((eb) => eb.fn.countAll<number>().as('number'))
      .groupBy(['subject_digest', 'attested'])
      .execute()
    for (const { subject_digest: subject, attested, number } of rows) {
      if (subject === null) continue
      found += Number(number)
      const before = counts.get(subject)
      const bits = (before?.bits ?? 0) | (attested ?? 0)
      counts.set(subject, { number: (before?.number ?? 0) + Number(number), bits })
    }
    if (found > limit) return { counts, isCut: true }
  }
  return { counts, isCut: false }
}

/** What published manifests say of themselves. */
async function readBits(
  db: Queries,
  repositoryId: string,
  digests: readonly Digest[],
): Promise<Map<string, AttestedBits>> {
  const rows = await allOfChunks(digests, (chunk) =>
    db
      .selectFrom('repository_manifests')
      .select(['digest', 'attested'])
      .where('repository_id', '=', repositoryId)
      .where('digest', 'in', chunk)
      .where('published_at', 'is not', null)
      .execute(),
  )
  return new Map(rows.map(({ digest, attested }) => [digest, attested ?? 0]))
}

/** What cosign keeps under tags that are named after the manifest, by the manifest. Most repositories have none. */
async function readTagged(
  db: Queries,
  repositoryId: string,
  digests: readonly Digest[],
): Promise<ReadonlyMap<string, AttestedBits>> {
  const bits = new Map<string, AttestedBits>()
  if (!(await hasCosignTags(db, repositoryId))) return bits
  const subjects = new Map(
    digests.flatMap((digest) =>
      COSIGN_ENDS.map((end): [string, Digest] => [`${algorithmOf(digest)}-${encodedOf(digest)}.${end}`, digest]),
    ),
  )
  const rows = await allOfChunks([...subjects.keys()], (chunk) =>
    db
      .selectFrom('tags as tag')
      .innerJoin('repository_manifests as link', (join) =>
        join.onRef('link.repository_id', '=', 'tag.repository_id').onRef('link.digest', '=', 'tag.digest'),
      )
      .select(['tag.name', 'link.attested'])
      .where('tag.repository_id', '=', repositoryId)
      .where('tag.name', 'in', chunk)
      .where('link.published_at', 'is not', null)
      .execute(),
  )
  for (const { name, attested } of rows) {
    const subject = subjects.get(name)
    if (subject !== undefined) bits.set(subject, (bits.get(subject) ?? 0) | (attested ?? 0))
  }
  return bits
}

async function hasCosignTags(db: Queries, repositoryId: string): Promise<boolean> {
  const row = await db
    .selectFrom('tags')
    .select('name')
    .where('repository_id', '=', repositoryId)
    // All that begins so, the sign that follows the dash being the dot; one range, so that no others are looked at but what is between.
    .where('name', '>=', 'sha256-')
    .where('name', '<', 'sha512.')
    .where((eb) => eb.or([eb('name', '<', 'sha256.'), eb('name', '>=', 'sha512-')]))
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}
