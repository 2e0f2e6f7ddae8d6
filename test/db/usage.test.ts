// What an organization stores is counted as it changes, and is always what reading all its links would find.
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { insertBlob, linkBlobs, unlinkBlob } from '../../src/db/content/blobs.ts'
import { insertManifest, linkManifest, unlinkManifest } from '../../src/db/content/manifests.ts'
import { foldUsage, measureLinked, readUsage } from '../../src/db/content/usage.ts'
import type { Database, Transaction } from '../../src/db/engine/engine.ts'
import { deleteRepository } from '../../src/db/mirrors/repository-settings.ts'
import { createOrganization } from '../../src/db/people/organizations.ts'
import { createRepository, findRepository } from '../../src/db/repositories/repositories.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { parseManifest } from '../../src/oci/manifest.ts'
import { parseRepositoryName } from '../../src/oci/reference.ts'
import { describeOnEachEngine } from '../support/engines.ts'

const at = '2026-01-01T00:00:00.000Z'
const NAMES = ['acme/a', 'acme/b', 'beta/a'] as const

const bytesOf = (content: number) =>
  new TextEncoder().encode(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: [],
      annotations: { content: 'x'.repeat(content) },
    }),
  )

async function openRepository(tx: Transaction, name: (typeof NAMES)[number]) {
  const [organization = ''] = name.split('/')
  const { row } = await createOrganization(tx, { name: organization, at })
  const present = await findRepository(tx, parseRepositoryName(name))
  if (present !== undefined) return present
  const made = await createRepository(tx, {
    name: parseRepositoryName(name),
    organizationId: row.id,
    actor: 'user:u',
    at,
  })
  return made.row
}

interface Step {
  readonly act: 'blob' | 'manifest' | 'unlink blob' | 'unlink manifest' | 'delete' | 'fold'
  readonly name: (typeof NAMES)[number]
  readonly content: number
}

async function take(db: Database, { act, name, content }: Step): Promise<void> {
  const blob = digestOf(`blob ${content}`)
  const parsed = parseManifest(bytesOf(content))
  const { digest, mediaType } = parsed.descriptor
  await db.write(async (tx) => {
    if (act === 'fold') {
      await foldUsage(tx, 2)
      return
    }
    const repository = await openRepository(tx, name)
    if (act === 'blob') {
      const { isNew } = await insertBlob(tx, { digest: blob, sizeBytes: content, storageKey: `${Math.random()}`, at })
      const newBytes = isNew ? content : undefined
      await linkBlobs(tx, repository.id, [blob], { publishedAt: null, at, newBytes })
    } else if (act === 'manifest') {
      const newBytes = await insertManifest(tx, parsed, bytesOf(content), at)
      await linkManifest(tx, repository.id, { digest, mediaType, subjectDigest: undefined, attested: 0, newBytes })
    } else if (act === 'unlink blob') await unlinkBlob(tx, repository.id, blob)
    else if (act === 'unlink manifest') await unlinkManifest(tx, repository.id, digest, { since: at, cause: 'deleted' })
    else await deleteRepository(tx, repository, { actor: 'user:u', at })
  })
}

describeOnEachEngine('what an organization stores', (openFresh) => {
  test('is counted whatever is linked, unlinked and deleted, in whatever order', async () => {
    const step: fc.Arbitrary<Step> = fc.record({
      act: fc.constantFrom('blob', 'blob', 'manifest', 'unlink blob', 'unlink manifest', 'delete', 'fold'),
      name: fc.constantFrom(...NAMES),
      content: fc.integer({ min: 1, max: 4 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const db = await openFresh()
        for (const one of steps) {
          await take(db, one)
          for (const { id } of await db.read.selectFrom('organizations').select('id').execute()) {
            expect((await readUsage(db.read, id)).linkedBytes).toBe(await measureLinked(db.read, id))
          }
        }
      }),
      { numRuns: 8 },
    )
  })
})
