// Pulls are counted beside the requests: nothing is lost but the last seconds of a process, nothing is counted twice, and memory has an end.
import { expect, test } from 'bun:test'
import { findManifestPulledAt, findTagPulls } from '../../src/db/content/pulls.ts'
import type { Database } from '../../src/db/engine/engine.ts'
import { createOrganization } from '../../src/db/people/organizations.ts'
import { createRepository } from '../../src/db/repositories/repositories.ts'
import type { Digest } from '../../src/oci/digest.ts'
import { MediaType } from '../../src/oci/media-types.ts'
import { parseRepositoryName, parseTag } from '../../src/oci/reference.ts'
import { createPulls } from '../../src/registry/pulls.ts'
import { describeOnEachEngine } from '../support/engines.ts'

const at = '2026-03-04T10:20:30.000Z'
const clock = { now: () => new Date(at) }
const digest = `sha256:${'a'.repeat(64)}` as Digest
const image = { digest, mediaType: MediaType.ociManifest }
const list = { digest: `sha256:${'b'.repeat(64)}` as Digest, mediaType: MediaType.ociIndex }
const latest = parseTag('latest')

async function repositoryIn(db: Database, name: string): Promise<string> {
  return db.write(async (tx) => {
    const { row } = await createOrganization(tx, { name: name.split('/')[0] ?? '', at })
    const parsed = parseRepositoryName(name)
    return (await createRepository(tx, { organizationId: row.id, name: parsed, actor: 'system', at })).row.id
  })
}

const periods = (db: Database, of: 'repository' | 'organization') =>
  db.read
    .selectFrom(`${of}_periods` as 'repository_periods')
    .select(['per', 'at', 'pulls', 'checks', 'bytes'])
    .orderBy('per')
    .orderBy('at')
    .execute()
    .then((rows) => rows.map((row) => [row.per, row.at, Number(row.pulls), Number(row.checks), Number(row.bytes)]))

describeOnEachEngine('pulls', (openFresh) => {
  test('of several processes add up, by hour and day, of repository and organization', async () => {
    const db = await openFresh()
    const [one, other] = [await repositoryIn(db, 'acme/app'), await repositoryIn(db, 'acme/tool')]
    const processes = [createPulls(db, clock), createPulls(db, clock)]
    for (const pulls of processes) {
      for (let i = 0; i < 50; i++) {
        // As podman pulls an image of several platforms, and as docker does.
        pulls.noteManifest(one, list, { tag: latest, isLook: false, bytes: 500 })
        pulls.noteManifest(one, image, { tag: undefined, isLook: false, bytes: 300 })
        pulls.noteManifest(one, list, { tag: latest, isLook: true, bytes: 0 })
        pulls.noteBytes(one, 1000)
      }
      pulls.noteBytes(other, 7)
    }
    await Promise.all(processes.map((pulls) => pulls.flush()))
    const [hour, day] = ['2026-03-04T10:00:00.000Z', '2026-03-04T00:00:00.000Z']
    expect(await periods(db, 'organization')).toEqual([
      ['day', day, 100, 200, 180_014],
      ['hour', hour, 100, 200, 180_014],
    ])
    expect((await periods(db, 'repository')).filter(([, , pulls]) => pulls !== 0)).toEqual([
      ['day', day, 100, 200, 180_000],
      ['hour', hour, 100, 200, 180_000],
    ])
    expect((await findTagPulls(db.read, one, ['latest', 'other'])).get('latest')).toEqual({
      pulls: 200,
      lastPulledAt: at,
    })
    expect(await findManifestPulledAt(db.read, one, digest)).toBe(at)
    const total = await db.read.selectFrom('repository_pulls').selectAll().execute()
    expect(total.map((row) => [row.repository_id, Number(row.pulls), row.last_pulled_at])).toEqual([[one, 100, at]])
    // What was written is not written again.
    await Promise.all(processes.map((pulls) => pulls.close()))
    expect((await periods(db, 'organization'))[0]?.[2]).toBe(100)
  })

  test('of a repository that is gone are forgotten, and keep no others from being written', async () => {
    const db = await openFresh()
    const [stays, goes] = [await repositoryIn(db, 'acme/stays'), await repositoryIn(db, 'acme/goes')]
    const pulls = createPulls(db, clock)
    for (const id of [stays, goes]) pulls.noteManifest(id, image, { tag: latest, isLook: false, bytes: 1 })
    await db.write((tx) => tx.deleteFrom('repositories').where('id', '=', goes).execute())
    await pulls.flush()
    const rows = await db.read.selectFrom('repository_pulls').select('repository_id').execute()
    expect(rows.map((row) => row.repository_id)).toEqual([stays])
  })

  test('that could not be written are written with the next', async () => {
    const db = await openFresh()
    const id = await repositoryIn(db, 'acme/app')
    let isFull = true
    const full: Database = {
      ...db,
      stage: async (work) => {
        if (isFull) throw new Error('the disk is full')
        return db.stage(work)
      },
    }
    const pulls = createPulls(full, clock)
    pulls.noteManifest(id, image, { tag: latest, isLook: false, bytes: 5 })
    const failed = pulls.flush()
    // While it is being written.
    pulls.noteManifest(id, image, { tag: latest, isLook: false, bytes: 5 })
    await failed
    isFull = false
    await pulls.flush()
    expect((await periods(db, 'repository')).map(([per, , n, , bytes]) => [per, n, bytes])).toEqual([
      ['day', 2, 10],
      ['hour', 2, 10],
    ])
    expect((await findTagPulls(db.read, id, ['latest'])).get('latest')?.pulls).toBe(2)
  })

  test('that could not be written are written by themselves soon, though nobody pulls anything else', async () => {
    const db = await openFresh()
    const id = await repositoryIn(db, 'acme/app')
    let failures = 2
    const written = Promise.withResolvers<void>()
    const full: Database = {
      ...db,
      stage: async (work) => {
        if (failures-- > 0) throw new Error('the disk is full')
        const result = await db.stage(work)
        written.resolve()
        return result
      },
    }
    const pulls = createPulls(full, clock, 10, 1)
    pulls.noteManifest(id, image, { tag: latest, isLook: false, bytes: 5 })
    await written.promise
    expect((await periods(db, 'repository')).map(([, , n]) => n)).toEqual([1, 1])
    await pulls.close()
  })

  test('take no more memory than they may, whatever is asked for, and what is known goes on being counted', async () => {
    const db = await openFresh()
    const id = await repositoryIn(db, 'acme/app')
    const pulls = createPulls(db, clock, 10)
    for (let n = 0; n < 1000; n++) {
      pulls.noteManifest(id, image, { tag: parseTag(`t${n}`), isLook: false, bytes: 1 })
    }
    for (let n = 0; n < 1000; n++) pulls.noteBytes(`made up ${n}`, 1)
    await pulls.flush()
    expect((await periods(db, 'repository')).map(([, , n, , bytes]) => [n, bytes])).toEqual([
      [1000, 1000],
      [1000, 1000],
    ])
    const kept = await db.read.selectFrom('tag_pulls').select('tag').execute()
    expect(kept.length).toBeLessThan(10)
    // Once written there is room again.
    pulls.noteManifest(id, image, { tag: parseTag('t999'), isLook: false, bytes: 1 })
    await pulls.flush()
    expect((await findTagPulls(db.read, id, ['t999'])).get('t999')?.pulls).toBe(1)
  })
})
