// People whom the providers of an older version brought are known by the same links after it.
import { expect, test } from 'bun:test'
import { CompiledQuery } from 'kysely'
import { migrate } from '../../src/db/engine/migrate.ts'
import { findPerson, linkKeyFor } from '../../src/db/people/identity-people.ts'
import { removeProvider } from '../../src/db/people/identity-providers.ts'
import { findLinkedUser } from '../../src/db/people/sign-ins.ts'
import { describeOnEachEngine } from '../support/engines.ts'

describeOnEachEngine('links of before keys', (openFresh) => {
  test('are those of their owner and issuer', async () => {
    const db = await openFresh()
    const run = (text: string) => db.accounts.executeQuery(CompiledQuery.raw(text))
    // As an older version left it.
    for (const table of ['invitation_teams', 'identity_provider_groups', 'identity_people', 'identity_link_keys']) {
      await run(`DROP TABLE ${table}`)
    }
    for (const column of ['groups_claim', 'link_key']) await run(`ALTER TABLE identity_providers DROP COLUMN ${column}`)
    for (const column of ['attempts', 'is_near']) await run(`ALTER TABLE identity_refusals DROP COLUMN ${column}`)
    await run(`DELETE FROM migrations WHERE name = '0036-ways-into-teams'`)
    const at = '2026-11-24T00:00:00.000Z'
    await run(`INSERT INTO organizations (id, name, created_at) VALUES ('o', 'acme', '${at}')`)
    await run(`INSERT INTO identity_providers (id, organization_id, name, issuer, client_id, role, is_only, trusts_email, created_by,
      created_at) VALUES ('p', 'o', 'sso', 'https://a.example', 'c', 'member', 0, 0, '-', '${at}'),
      ('q', NULL, 'house', 'https://a.example', 'c', 'member', 0, 0, '-', '${at}')`)
    for (const [name, password] of [
      ['made', undefined],
      ['own', 'a hash'],
    ]) {
      await run(`INSERT INTO users (id, name, username, email, email_verified, created_at, updated_at)
        VALUES ('${name}', '${name}', '${name}', '${name}@users.invalid', FALSE, '${at}', '${at}')`)
      await run(`INSERT INTO accounts (id, user_id, account_id, provider_id, created_at, updated_at)
        VALUES ('${name}', '${name}', 'sub of ${name}', 'oidc:p', '${at}', '${at}')`)
      if (password === undefined) continue
      await run(`INSERT INTO accounts (id, user_id, account_id, provider_id, password, created_at, updated_at)
        VALUES ('password', '${name}', '${name}', 'credential', '${password}', '${at}', '${at}')`)
    }
    await migrate(db.accounts, db.engine)
    expect(await db.write((tx) => removeProvider(tx, 'o', 'sso'))).toBe(true)
    const key = await db.write((tx) => linkKeyFor(tx, 'o', 'https://a.example'))
    for (const [name, madeUserId] of [
      ['made', 'made'],
      ['own', null],
    ] as const) {
      expect(await findLinkedUser(db.read, key, `sub of ${name}`)).toMatchObject({ username: name })
      expect(await findPerson(db.read, key, `sub of ${name}`)).toEqual({ madeUserId })
    }
    // A key that nobody came by ends with its provider.
    expect(await db.write((tx) => removeProvider(tx, null, 'house'))).toBe(true)
    expect((await db.read.selectFrom('identity_link_keys').select('link_key').execute()).length).toBe(1)
  })
})
