/** What must hold, judged from the tables and the store alone. */
import { measureLinked, readUsage } from '../../../src/db/content/usage.ts'
import type { World } from './world.ts'

/** What a tag leads to, or a client pushed by its digest, and is not there whole. */
export async function findLost(world: World): Promise<string[]> {
  const { read } = world.db
  const lost: string[] = []
  const links = await read.selectFrom('repository_manifests').selectAll().execute()
  const has = new Set(links.map((row) => `${row.repository_id} ${row.digest}`))
  for (const one of world.byDigest) if (!has.has(one)) lost.push(`pushed by digest: ${one}`)
  const parts = await read.selectFrom('manifest_references').selectAll().execute()
  const blobs = await read
    .selectFrom('repository_blobs as link')
    .innerJoin('blobs', 'blobs.digest', 'link.digest')
    .select(['link.repository_id', 'link.digest', 'blobs.storage_key', 'blobs.size_bytes'])
    .execute()
  const blobOf = new Map(blobs.map((row) => [`${row.repository_id} ${row.digest}`, row]))
  const roots = [...(await read.selectFrom('tags').select(['repository_id', 'digest']).execute())]
  for (const one of world.byDigest) {
    const [repository_id = '', digest = ''] = one.split(' ')
    if (has.has(one)) roots.push({ repository_id, digest })
  }
  const seen = new Set<string>()
  for (let next = roots.pop(); next !== undefined; next = roots.pop()) {
    const { repository_id, digest } = next
    const key = `${repository_id} ${digest}`
    if (seen.has(key)) continue
    seen.add(key)
    if (!has.has(key)) lost.push(`manifest ${key}`)
    for (const part of parts.filter((one) => one.parent_digest === digest && one.kind !== 'subject')) {
      if (part.kind === 'child') {
        roots.push({ repository_id, digest: part.digest })
        continue
      }
      const blob = blobOf.get(`${repository_id} ${part.digest}`)
      if (blob === undefined) lost.push(`blob ${part.digest} of ${key}`)
      else if ((await world.blobs.findSize(blob.storage_key)) !== blob.size_bytes)
        lost.push(`object ${blob.storage_key}`)
    }
  }
  return lost
}

/** What nothing leads to, by table. */
export async function findLeft(world: World): Promise<Record<string, unknown>> {
  const { read } = world.db
  const left: Record<string, string[]> = {}
  const add = (what: string, which: string) => {
    const of = left[what] ?? []
    left[what] = of
    of.push(which)
  }
  const links = await read.selectFrom('repository_manifests').selectAll().execute()
  const parts = await read.selectFrom('manifest_references').selectAll().execute()
  const blobLinks = await read.selectFrom('repository_blobs').selectAll().execute()
  const blobs = await read.selectFrom('blobs').selectAll().execute()
  const reached = new Set<string>()
  const tags = await read.selectFrom('tags').select(['repository_id', 'digest']).execute()
  const lostOnce = new Set(
    (await read.selectFrom('superseded_manifests').selectAll().execute()).map(
      (row) => `${row.repository_id} ${row.digest}`,
    ),
  )
  const own = links.filter(
    (row) => row.pushed_at !== null && row.published_at !== null && !lostOnce.has(`${row.repository_id} ${row.digest}`),
  )
  const roots = [...tags, ...own]
  const neededBlobs = new Set<string>()
  for (let next = roots.pop(); next !== undefined; next = roots.pop()) {
    const { repository_id, digest } = next
    if (reached.has(`${repository_id} ${digest}`)) continue
    reached.add(`${repository_id} ${digest}`)
    for (const part of parts.filter((one) => one.parent_digest === digest)) {
      if (part.kind === 'child') roots.push({ repository_id, digest: part.digest })
      else if (part.kind !== 'subject') neededBlobs.add(`${repository_id} ${part.digest}`)
    }
    for (const row of links) if (row.repository_id === repository_id && row.subject_digest === digest) roots.push(row)
  }
  for (const row of links) {
    const key = `${row.repository_id} ${row.digest}`
    if (!reached.has(key)) add('manifests', key)
  }
  const linked = new Set(links.map((row) => row.digest))
  for (const { digest } of await read.selectFrom('manifests').select('digest').execute())
    if (!linked.has(digest)) add('bytes of manifests', digest)
  for (const key of lostOnce) if (!links.some((row) => `${row.repository_id} ${row.digest}` === key)) add('notes', key)
  for (const row of blobLinks)
    if (!neededBlobs.has(`${row.repository_id} ${row.digest}`)) add('blobs', `${row.repository_id} ${row.digest}`)
  const linkedBlobs = new Set(blobLinks.map((row) => row.digest))
  for (const { digest } of blobs) if (!linkedBlobs.has(digest)) add('rows of blobs', digest)
  const keys = new Set(blobs.map((row) => row.storage_key))
  for await (const { key } of world.blobs.listKeys()) if (!keys.has(key)) add('objects', key)
  for await (const { id } of world.blobs.listStages()) add('stages', id)
  const buried = await read.selectFrom('blob_tombstones').select('storage_key').execute()
  for (const row of buried) add('tombstones', row.storage_key)
  const fetched = await read.selectFrom('fetched_content').select('digest').execute()
  for (const { digest } of fetched) if (!blobs.some((row) => row.digest === digest)) add('what was fetched', digest)
  const { linkedBytes } = await readUsage(read, world.organization.id)
  const measured = await measureLinked(read, world.organization.id)
  return { ...left, ...(linkedBytes === measured ? {} : { usage: { linkedBytes, measured } }) }
}
