/** Who works on the repositories at the same time. What one was told is there it may build upon for a while. */
import { readManifestFacts } from '../../../src/db/collection/manifest-facts.ts'
import type { Transaction } from '../../../src/db/engine/engine.ts'
import { isAppError } from '../../../src/errors.ts'
import { acquireLease } from '../../../src/jobs/leases.ts'
import { isoTime } from '../../../src/lib/clock.ts'
import { newId } from '../../../src/lib/ids.ts'
import type { Reference, Tag } from '../../../src/oci/reference.ts'
import { deleteBlob, getAskedBlob, mountBlob } from '../../../src/registry/blobs.ts'
import { openLocalReader } from '../../../src/registry/local-reader.ts'
import { createLocalWriters } from '../../../src/registry/local-writer.ts'
import { deleteManifest, getAskedManifest, putManifest } from '../../../src/registry/manifests.ts'
import { deleteTag } from '../../../src/registry/tags.ts'
import { createUploads } from '../../../src/registry/uploads.ts'
import { IMAGES, type Image, LAYERS, type Piece, RETURNING, SLOW, TAGS } from './content.ts'
import type { World } from './world.ts'

const HOUR_MS = 60 * 60 * 1000

/** From being told to having pushed: the grace time without the quarter in which nothing is noted, and a little. */
const PROMISE_MS = 17 * HOUR_MS
/** From having read a manifest to its blobs. */
const PULL_MS = 5 * HOUR_MS
const STALL_MS = 12 * HOUR_MS
const STEPS = 8

type Actor = () => Promise<void>

export function actorsOf(world: World): Record<string, Actor> {
  const again =
    (work: (step: number) => Promise<void>, steps = STEPS) =>
    async () => {
      for (let step = 0; step < steps; step++) {
        await work(step)
        await world.turns.yield()
      }
    }
  return {
    time: again(async () => world.pass(world.random() ** 5 * 9 * HOUR_MS), STEPS * 10),
    'uploader 1': again(() => inTime(world, () => push(world))),
    'uploader 2': again(() => inTime(world, () => push(world))),
    abandoner: again(() => inTime(world, () => abandon(world)), 4),
    'slow uploader': again(() => pushSlowly(world), 3),
    returner: again(() => inTime(world, () => bringBack(world)), 3),
    puller: again(() => pull(world), STEPS * 2),
    replicator: again(() => replicate(world), STEPS),
    deleter: again(() => remove(world)),
    mirror: again(() => inTime(world, () => mirror(world))),
    'collector 1': again(() => collect(world, 'one'), STEPS * 4),
    'collector 2': again(() => collect(world, 'two'), STEPS * 2),
  }
}

/** Who stands still for half a day between storing and naming an object is refused. */
async function inTime(world: World, work: () => Promise<void>): Promise<void> {
  const since = world.clock.now().getTime()
  try {
    await work()
  } catch (error) {
    if (!isAppError(error, 'CONFLICT') || world.clock.now().getTime() - since < STALL_MS) throw error
  }
}

async function collect(world: World, holder: string): Promise<void> {
  try {
    await world.collect(holder)
  } catch (error) {
    // Another is at it, or took over while this one stood still.
    if (!isAppError(error, 'CONFLICT')) throw error
  }
}

const pick = <T>(world: World, from: readonly T[]): T => from[world.below(from.length)] as T
const pushed = (world: World) => pick(world, world.repositories.slice(0, 2))
const key = (repository: { readonly id: string }, digest: string) => `${repository.id} ${digest}`
const deletions = (world: World, where: string) => world.deletions.get(where) ?? 0
const destinationOf = (world: World, repository: World['repositories'][number]) => ({
  organization: world.organization,
  name: repository.name as never,
  actor: 'user:u',
})

function bodyOf({ bytes }: Piece) {
  const stream = new Response(bytes).body as ReadableStream<Uint8Array>
  return { stream, lengthBytes: bytes.byteLength, range: undefined, signal: new AbortController().signal }
}

/** Asks for it, mounts it or uploads it: from then on it is there. */
async function ensureBlob(world: World, repository: World['repositories'][number], blob: Piece): Promise<void> {
  const { db, blobs, clock } = world
  const way = world.below(4)
  if (way > 0) {
    const found = await getAskedBlob({ db, clock }, repository.id, blob.digest).catch((error) => {
      if (!isAppError(error, 'BLOB_UNKNOWN')) throw error
    })
    if (found !== undefined) return
  }
  const destination = destinationOf(world, repository)
  if (way > 1 && (await mountBlob({ db, clock }, destination, blob.digest, pick(world, world.repositories)))) return
  const uploads = createUploads({ db, blobs, clock })
  if (way === 1) {
    const { id, repositoryId } = await uploads.begin(destination, 'user:u')
    const session = { id, repositoryId, subject: 'user:u' }
    await uploads.append(session, destination, bodyOf(blob))
    await uploads.complete(session, destination, blob.digest, undefined)
  } else await uploads.uploadWhole(destination, blob.digest, bodyOf(blob))
}

async function push(world: World): Promise<void> {
  const repository = pushed(world)
  const image = pick(world, IMAGES)
  const tag = world.below(4) === 0 ? undefined : (pick(world, TAGS) as Tag)
  await pushImage(world, repository, image, tag)
}

async function pushImage(
  world: World,
  repository: World['repositories'][number],
  image: Image,
  tag: Tag | undefined,
): Promise<void> {
  const { db, clock } = world
  const since = clock.now().getTime()
  const parts = [...image.blobs, ...image.children]
  const before = parts.map(({ digest }) => deletions(world, key(repository, digest)))
  for (const blob of image.blobs) await ensureBlob(world, repository, blob)
  for (const child of image.children) {
    const found = await getAskedManifest({ db, clock }, repository.id, { digest: child.digest }).catch(() => undefined)
    if (found === undefined) await pushImage(world, repository, child, undefined)
  }
  const reference: Reference = tag === undefined ? { digest: image.digest } : ({ tag } as Reference)
  const where = key(repository, image.digest)
  const isAlone = tag === undefined && image.subject === undefined && image.children.length === 0
  const held = isAlone ? [] : [where, ...image.children.map((child) => key(repository, child.digest))]
  for (const one of held) noteTold(world, one)
  const told = world.told.get(where)
  const put = { reference, tags: [], contentType: image.mediaType, bytes: image.bytes }
  try {
    await putManifest({ db, clock }, destinationOf(world, repository), put)
  } catch (error) {
    const isDeleted = parts.some(({ digest }, i) => deletions(world, key(repository, digest)) !== before[i])
    const isLate = clock.now().getTime() - since > PROMISE_MS
    // A child was only looked at: it is promised for a quarter of the grace time.
    const isLateChild = image.children.length > 0 && clock.now().getTime() - since > PULL_MS
    if (isAppError(error, 'MANIFEST_BLOB_UNKNOWN') && (isDeleted || isLate || isLateChild)) return
    throw error
  }
  for (const one of held) noteTold(world, one)
  // Others may have tagged it, or deleted it, since.
  const [facts] = isAlone ? await readManifestFacts(db.read, repository.id, [image.digest]) : []
  const isOwn = facts !== undefined && !(await isTagged(world, repository.id, image.digest)) && facts.parents === 0
  if (isOwn && world.told.get(where) === told) world.byDigest.add(where)
}

async function isTagged({ db }: World, repositoryId: string, digest: string): Promise<boolean> {
  const tags = db.read.selectFrom('tags').select('name').where('repository_id', '=', repositoryId)
  return (await tags.where('digest', '=', digest).executeTakeFirst()) !== undefined
}

/** From now on its life hangs on something. */
function noteTold(world: World, where: string): void {
  world.told.set(where, (world.told.get(where) ?? 0) + 1)
  world.byDigest.delete(where)
}

/** Asks for blobs that nobody needed for a day, and comes back with the manifest as late as it may. */
async function pushSlowly(world: World): Promise<void> {
  const { db, blobs, clock } = world
  const repository = world.repositories[0] as World['repositories'][number]
  const destination = destinationOf(world, repository)
  const upload = (blob: Piece) =>
    createUploads({ db, blobs, clock }).uploadWhole(destination, blob.digest, bodyOf(blob))
  for (const blob of SLOW.blobs) await inTime(world, () => upload(blob))
  await waitFor(world, 14 + world.below(16))
  const since = clock.now().getTime()
  for (const blob of SLOW.blobs) {
    const found = await getAskedBlob({ db, clock }, repository.id, blob.digest).catch(() => undefined)
    if (found === undefined) await inTime(world, () => upload(blob))
  }
  await waitFor(world, 9 + world.below(7))
  const reference = { tag: 'slow' } as unknown as Reference
  const put = { reference, tags: [], contentType: SLOW.mediaType, bytes: SLOW.bytes }
  try {
    await putManifest({ db, clock }, destination, put)
  } catch (error) {
    if (!isAppError(error, 'MANIFEST_BLOB_UNKNOWN') || clock.now().getTime() - since <= PROMISE_MS) throw error
    return
  }
  await deleteManifest({ db, clock }, destination, repository, SLOW.digest)
}

/** Uploads again what was deleted, when it is about to be collected. */
async function bringBack(world: World): Promise<void> {
  const { db, blobs, clock } = world
  const repository = world.repositories[1] as World['repositories'][number]
  const uploads = createUploads({ db, blobs, clock })
  for (const blob of RETURNING) {
    await uploads.uploadWhole(destinationOf(world, repository), blob.digest, bodyOf(blob))
    const row = await getAskedBlob({ db, clock }, repository.id, blob.digest)
    if ((await blobs.findSize(row.storage_key)) !== blob.bytes.byteLength)
      throw new Error(`${blob.digest} was taken, and is not stored`)
  }
  for (const { digest } of RETURNING) await deleteBlob(db, repository, digest).catch(() => {})
  await waitFor(world, 23 + world.below(4))
}

async function waitFor(world: World, hours: number): Promise<void> {
  const until = world.clock.now().getTime() + hours * HOUR_MS
  for (let turn = 1; world.clock.now().getTime() < until; turn++) {
    // Nobody else may move the clock any more.
    if (turn % 12 === 0) world.pass(HOUR_MS)
    await world.turns.yield()
  }
}

/** Uploads of which nothing comes. */
async function abandon(world: World): Promise<void> {
  const { db, blobs, clock } = world
  const destination = destinationOf(world, pushed(world))
  const blob = pick(world, LAYERS)
  const uploads = createUploads({ db, blobs, clock })
  if (world.below(2) === 0) return uploads.uploadWhole(destination, blob.digest, bodyOf(blob))
  const { id, repositoryId } = await uploads.begin(destination, 'user:u')
  await uploads.append({ id, repositoryId, subject: 'user:u' }, destination, bodyOf(blob))
}

async function pull(world: World): Promise<void> {
  const { db, blobs, clock } = world
  const repository = pick(world, world.repositories)
  const tag = pick(world, TAGS) as Tag
  const since = clock.now().getTime()
  const manifest = await getAskedManifest({ db, clock }, repository.id, { tag } as Reference).catch(() => undefined)
  const image = IMAGES.find(({ digest }) => digest === manifest?.digest)
  if (image === undefined) return
  for (const blob of image.blobs) {
    const before = deletions(world, key(repository, blob.digest))
    await world.turns.yield()
    try {
      const row = await getAskedBlob({ db, clock }, repository.id, blob.digest)
      await world.turns.yield()
      const bytes = await new Response(await blobs.open(row.storage_key)).bytes()
      if (bytes.byteLength !== blob.bytes.byteLength) throw new Error(`${blob.digest} has ${bytes.byteLength} bytes`)
    } catch (error) {
      const isDeleted = deletions(world, key(repository, blob.digest)) !== before
      if (isDeleted || clock.now().getTime() - since > PULL_MS) return
      throw error
    }
  }
}

/** Reads all that a tag leads to, as one that goes out does. */
async function replicate(world: World): Promise<void> {
  const { db, blobs, clock } = world
  const repository = pick(world, world.repositories)
  const reader = openLocalReader({ db, blobs }, repository.id)
  const since = clock.now().getTime()
  const changes = () => [...world.deletions.values()].reduce((sum, one) => sum + one, 0)
  const before = changes()
  try {
    const root = await reader.resolve({ tag: pick(world, TAGS) as Tag } as Reference)
    const image = IMAGES.find(({ digest }) => digest === root?.digest)
    if (root === undefined || image === undefined) return
    await world.turns.yield()
    if ((await reader.readManifest(root)) === undefined) throw new Error(`manifest ${root.digest} is gone`)
    for (const { digest, bytes, mediaType } of image.blobs) {
      await world.turns.yield()
      const opened = await reader.openBlob({ digest, size: bytes.byteLength, mediaType })
      const read = await new Response(opened.stream).bytes()
      if (read.byteLength !== bytes.byteLength) throw new Error(`${digest} has ${read.byteLength} bytes`)
    }
  } catch (error) {
    if (changes() === before && clock.now().getTime() - since <= PULL_MS) throw error
  }
}

async function remove(world: World): Promise<void> {
  const { db, clock } = world
  const repository = pushed(world)
  const destination = destinationOf(world, repository)
  const noted = (digest: string) => {
    const where = key(repository, digest)
    world.deletions.set(where, deletions(world, where) + 1)
    noteTold(world, where)
  }
  try {
    const what = world.below(4)
    if (what < 2) await deleteTag({ db, clock }, destination, repository, pick(world, TAGS) as Tag)
    else if (what === 2) {
      const image = pick(world, IMAGES)
      noted(image.digest)
      await deleteManifest({ db, clock }, destination, repository, image.digest)
      noted(image.digest)
      for (const below of IMAGES) if (below.subject === image || image.children.includes(below)) noted(below.digest)
    } else {
      const { digest } = pick(world, LAYERS)
      noted(digest)
      await deleteBlob(db, repository, digest)
    }
  } catch (error) {
    if (!isAppError(error)) throw error
  }
}

/** A run that fetches an image and shows it, or ends in the middle. */
async function mirror(world: World): Promise<void> {
  const { db, blobs, clock, mirrorId, organization } = world
  const repositoryId = world.repositories[2]?.id ?? ''
  const runId = newId()
  const lease = await acquireLease({ db, clock, key: `mirror:${mirrorId}`, holder: 'mirror', ttlMs: 2e9 })
  if (lease === undefined) return
  await db.write((tx) => insertRun(tx, mirrorId, runId, lease.generation, isoTime(clock.now())))
  try {
    const writer = createLocalWriters({ db, blobs, clock })({
      organizationId: organization.id,
      organization: organization.name,
      repositoryId,
      mirrorId,
      runId,
      leaseKey: lease.key,
      generation: lease.generation,
      actor: `mirror:${mirrorId}`,
      sourceKey: 'hub',
      isAbsentUpstream: () => false,
    })
    const image = pick(world, IMAGES)
    const all = [...image.children, ...(image.subject === undefined ? [] : [image.subject]), image]
    const withParts = [...new Set([...all.flatMap((one) => one.children), ...all])]
    const dies = world.below(4) === 0
    for (const { blobs: parts, digest, bytes, mediaType } of withParts) {
      for (const blob of parts) {
        const sink = await writer.stageBlob({
          digest: blob.digest,
          size: blob.bytes.byteLength,
          mediaType: blob.mediaType,
        })
        if (sink === 'present') continue
        await sink.write(0, bodyOf(blob).stream)
        if (!dies) await sink.commit()
        await sink.close()
      }
      // It ends in the middle: with downloads that it began.
      if (dies && parts.length > 0) break
      await writer.writeManifest({ descriptor: { digest, size: bytes.byteLength, mediaType }, bytes })
    }
    if (!dies) {
      const tag = pick(world, TAGS) as Tag
      const now = await openLocalReader({ db, blobs }, repositoryId).resolve({ tag } as Reference)
      const root = { digest: image.digest, size: image.bytes.byteLength, mediaType: image.mediaType }
      await writer.publish({ roots: [root], tags: [{ tag, to: root, expect: now?.digest }] }, async () => image.bytes)
    }
  } finally {
    await db.write((tx) => tx.updateTable('sync_runs').set({ outcome: 'done' }).where('id', '=', runId).execute())
    await lease.release()
  }
}

function insertRun(tx: Transaction, mirrorId: string, id: string, generation: number, at: string): Promise<unknown> {
  return tx
    .insertInto('sync_runs')
    .values({
      id,
      mirror_id: mirrorId,
      trigger: 'sync',
      full: 0,
      outcome: 'running',
      generation,
      started_at: at,
      began_at: at,
      ended_at: null,
      counts: '{}',
      failures: '[]',
      tags: null,
      holder: null,
      plan: null,
      progress: null,
    })
    .execute()
}
