// A search across organizations goes through so many rows a page, whoever asks, and its pages together are the whole of it.
import { expect, test } from 'bun:test'
import { findPackages } from '../../src/contents/search-contents.ts'
import { insertPackages } from '../../src/db/content/images.ts'
import type { Database } from '../../src/db/engine/engine.ts'
import { createOrganization } from '../../src/db/people/organizations.ts'
import { createRepository } from '../../src/db/repositories/repositories.ts'
import type { Digest } from '../../src/oci/digest.ts'
import { parseRepositoryName } from '../../src/oci/reference.ts'
import { describeOnEachEngine } from '../support/engines.ts'

const at = '2026-01-31T00:00:00.000Z'
const viewer = { kind: 'anybody', isPublicSeen: true } as const

/** A tagged image in a repository of its own. */
async function image(db: Database, organization: string, visibility: 'private' | 'public', terms: readonly string[]) {
  const name = parseRepositoryName(`${organization}/${visibility}`)
  const digest = `sha256:${organization.padEnd(63, visibility === 'public' ? '0' : '1')}f` as Digest
  return db.write(async (tx) => {
    const { row } = await createOrganization(tx, { name: organization, at })
    const repository = await createRepository(tx, { organizationId: row.id, name, visibility, actor: 'system', at })
    const { id: repository_id } = repository.row
    const media_type = 'application/vnd.oci.image.manifest.v1+json'
    const none = { subject_digest: null, artifact_type: null, annotations: null }
    const manifest = { digest, size_bytes: 1, bytes: new Uint8Array(1), ...none, created_at: at }
    await tx.insertInto('manifests').values(manifest).execute()
    const times = { pushed_at: at, mirrored_at: null, published_at: at }
    const link = { repository_id, digest, media_type, subject_digest: null, ...times, size_bytes: 1 }
    await tx.insertInto('repository_manifests').values(link).execute()
    await tx.insertInto('tags').values({ repository_id, name: '1', digest, moved_at: at }).execute()
    const counts = { packages: terms.length, findings: 0, summary: '{}', problem: null, read_at: at }
    const place = { organization_id: row.id, repository_id, digest, platform: 'linux/amd64' }
    const { seq } = await tx
      .insertInto('images')
      .values({ ...place, ...counts, documents_key: 'x', documents: '[]', bytes: 1, wanted_bytes: 0 })
      .returning('seq')
      .executeTakeFirstOrThrow()
    const of = { image_seq: Number(seq), organization_id: row.id, is_source: 0 as const, version: '1', type: 'deb' }
    const rest = { purl: '', source: '', licence: '', documents: '[]' }
    const rows = terms.map((term, position) => ({ ...of, ...rest, position, term, name: term }))
    await insertPackages(tx, rows)
    return row.id
  })
}

async function pages(db: Database, o: { organizationIds: string[]; q: string; limit: number }) {
  const found: string[][] = []
  for (let after: string | undefined; ; ) {
    const { items, next } = await findPackages(db.read, { ...o, viewer, after })
    found.push(items.map((one) => `${one.name} ${one.repository}`))
    if (next === null) return found
    after = next
  }
}

describeOnEachEngine('a search across organizations', (openFresh) => {
  test('gives each once, by name, in pages of any size', async () => {
    const db = await openFresh()
    const terms = ['a', 'lib', 'lib-b', 'libc', 'libé', 'lib\u{1f600}', 'lib\uffee', 'm']
    const organizationIds = [
      await image(db, 'acme', 'public', terms),
      await image(db, 'beta', 'public', ['lib', 'libc', 'libz', 'z']),
      await image(db, 'empty', 'public', []),
    ]
    const whole = (await pages(db, { organizationIds, q: 'lib', limit: 100 })).flat()
    expect(whole.map((one) => one.split('/')[0])).toEqual([
      ...['lib acme', 'lib beta', 'lib-b acme', 'libc acme', 'libc beta', 'libz beta'],
      ...['libé acme', 'lib\uffee acme', 'lib\u{1f600} acme'],
    ])
    for (const limit of [1, 2, 3, 7, 9]) {
      const found = await pages(db, { organizationIds, q: 'lib', limit })
      expect([found.flat(), found.every((page) => page.length <= limit)]).toEqual([whole, true])
    }
    expect((await pages(db, { organizationIds, q: 'libc@1', limit: 1 })).flat()).toHaveLength(2)
    // Places of another search are none of this one.
    for (const [term, count] of [['zz', 0] as const, ['a', 9] as const]) {
      const after = `${Buffer.from(term).toString('base64url')}.1.0`
      const { items } = await findPackages(db.read, { organizationIds, viewer, q: 'lib', limit: 100, after })
      expect(items).toHaveLength(count)
    }
  })

  test('ends a look at what the viewer may not see, and goes on from there', async () => {
    const db = await openFresh()
    const number = (n: number) => `lib${String(n).padStart(5, '0')}`
    const hidden = Array.from({ length: 6000 }, (_, n) => number(n))
    const organizationIds = [
      await image(db, 'closed', 'private', hidden),
      await image(db, 'open', 'public', [number(10), number(2500), number(5999)]),
    ]
    const first = await findPackages(db.read, { organizationIds, viewer, q: 'lib', limit: 100, after: undefined })
    expect(first.items.map(({ name }) => name)).toEqual([number(10)])
    expect(first.next).not.toBeNull()
    const found = await pages(db, { organizationIds, q: 'lib', limit: 100 })
    expect(found.map((page) => page.map((one) => one.split(' ')[0]))).toEqual([
      [number(10)],
      [number(2500)],
      [number(5999)],
    ])
  })
})
