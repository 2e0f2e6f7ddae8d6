// What a list of one image is filtered by lets in nothing of another one, whoever's it is.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { listImagePackages, listImageVulnerabilities } from '../../src/contents/list-contents.ts'
import { openDatabase } from '../../src/db/engine/engine.ts'
import type { RepositoryRow } from '../../src/db/schema.ts'
import { describeWithFixtures, fixtureLayout } from '../support/fixtures.ts'
import { havePostgres, postgres } from '../support/postgres.ts'
import { type IndexedInstance, openIndexed } from './indexed.ts'

const page = { reference: '3.13', platform: undefined, after: undefined, limit: 1000 }

for (const engine of havePostgres ? ['SQLite', 'PostgreSQL'] : ['SQLite']) {
  describeWithFixtures(`lists of one image among others (${engine})`, () => {
    let one: IndexedInstance
    let repositories: RepositoryRow[]
    beforeAll(async () => {
      one = await openIndexed(
        engine === 'SQLite' ? undefined : await openDatabase(await (await postgres()).freshDatabase()),
      )
      repositories = [
        await one.put('python', fixtureLayout('dhi-python/release-1')),
        await one.put('other', fixtureLayout('dhi-python/release-2')),
      ]
      await one.index()
    })
    afterAll(() => one.close())

    test('packages whose name, source or version has a word', async () => {
      for (const repository of repositories) {
        const { packages: all } = await listImagePackages(one, repository, { ...page, q: undefined })
        for (const q of ['1', 'LIB', 'deb', 'z', '%', 'no such package']) {
          const has = (text: string | null) => text?.toLowerCase().includes(q.toLowerCase()) === true
          const wanted = all.filter(({ name, source, version }) => has(name) || has(source) || has(version))
          const found = await listImagePackages(one, repository, { ...page, q })
          expect([q, found.packages]).toEqual([q, wanted])
          const last = await listImagePackages(one, repository, { ...page, q, limit: 1 })
          expect([q, last.packages]).toEqual([q, wanted.slice(0, 1)])
        }
      }
    })

    test('vulnerabilities whose id or package has a word, open ones or the others', async () => {
      for (const repository of repositories) {
        for (const isOpen of [undefined, true, false]) {
          const of = { ...page, severity: undefined, isOpen }
          const { vulnerabilities: all } = await listImageVulnerabilities(one, repository, { ...of, q: undefined })
          expect(all.length).toBeGreaterThan(0)
          for (const q of ['CVE', '9', 'zlib', '_']) {
            const has = (text: string) => text.toLowerCase().includes(q.toLowerCase())
            const wanted = all.filter((found) => has(found.id) || has(found.package))
            const found = await listImageVulnerabilities(one, repository, { ...of, q })
            expect([q, isOpen, found.vulnerabilities]).toEqual([q, isOpen, wanted])
          }
        }
      }
    })
  })
}
