// Whose catalogs are read when more are due than there are places: organizations in turn, however many one has and however slow they are.
import { expect, test } from 'bun:test'
import { createRefreshLoop } from '../../src/catalog/refresh/loop.ts'
import { listDueCatalogs, updateCatalog, wantCatalog } from '../../src/db/mirrors/catalogs.ts'
import { createUpstream } from '../../src/db/mirrors/upstreams.ts'
import { createOrganization } from '../../src/db/people/organizations.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { createLogger } from '../../src/lib/logger.ts'
import { describeOnEachEngine } from '../support/engines.ts'
import { upstreamRow } from '../support/upstream-row.ts'

const at = '2026-01-31T00:00:00.000Z'

test('two slow organizations with many that are due for longest do not keep a third from its turn', async () => {
  const due = ['a', 'b'].flatMap((organization) =>
    Array.from({ length: 20 }, (_, n) => ({ id: `${organization}${n}`, organization: organization as string | null })),
  )
  due.push({ id: 'c0', organization: 'c' }, { id: 'shared', organization: null })
  const begun: string[] = []
  const ends: (() => void)[] = []
  const loop = createRefreshLoop({
    clock: systemClock,
    logger: createLogger('silent'),
    listDue: async () => due.filter(({ id }) => !begun.includes(id)),
    work: (id) => {
      begun.push(id)
      return new Promise((resolve) => ends.push(() => resolve(true)))
    },
  })
  loop.begin()
  while (begun.length < 4) {
    for (const end of ends.splice(0)) end()
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(begun.slice(0, 4)).toEqual(['a0', 'b0', 'c0', 'shared'])
  const closed = loop.close()
  for (const end of ends) end()
  await closed
})

describeOnEachEngine('catalogs that are due', (openFresh) => {
  test('are listed of each organization, whoever has had the most for longest', async () => {
    const db = await openFresh()
    const names = new Map<string, string>()
    await db.write(async (tx) => {
      for (const [organization, count] of [['many', 30] as const, ['few', 1] as const]) {
        const { row } = await createOrganization(tx, { name: organization, at })
        for (let n = 0; n < count; n++) {
          const name = `${organization}${n}`
          const upstream = await createUpstream(tx, upstreamRow({ name, organization_id: row.id }))
          names.set(upstream.id, name)
          await wantCatalog(tx, upstream.id, at)
          const next_at = count === 1 ? at : `2026-01-30T00:00:${String(n).padStart(2, '0')}.000Z`
          await updateCatalog(tx, upstream.id, { next_at })
        }
      }
    })
    const listed = await listDueCatalogs(db.read, at, 4)
    expect(listed.map(({ id }) => names.get(id))).toEqual(['many0', 'few0', 'many1', 'many2'])
  })
})
