// What strangers, and those who run a provider or an issuer, can fill: only so much.
import { expect, test } from 'bun:test'
import { MAX_NEW_PEOPLE_A_DAY, MAX_PEOPLE, signInPerson } from '../../../src/access/identity/people.ts'
import type { Database } from '../../../src/db/engine/engine.ts'
import { insertPerson, linkKeyFor } from '../../../src/db/people/identity-people.ts'
import { findProviderToSignIn, insertProvider } from '../../../src/db/people/identity-providers.ts'
import { listRefusals, noteRefusal } from '../../../src/db/people/identity-rules.ts'
import { describeOnEachEngine } from '../../support/engines.ts'
import { type AccessInstance, openAccessInstance } from '../access-instance.ts'

const at = '2026-11-24T00:00:00.000Z'
const tomorrow = '2026-11-25T00:00:00.001Z'

async function providerOf(on: AccessInstance, organization: string | null, name: string, issuer: string) {
  const organization_id = organization === null ? null : await on.organization(organization)
  await on.db.write(async (tx) =>
    insertProvider(tx, {
      ...{ id: name, organization_id, name, issuer, client_id: 'c', sealed_client_secret: null, ca: null },
      ...{ role: 'member', is_only: 0, trusts_email: 0, groups_claim: 'groups', created_by: 'x', created_at: at },
      ...{ last_used_at: null, link_key: await linkKeyFor(tx, organization_id, issuer) },
    }),
  )
  const provider = await findProviderToSignIn(on.db.read, name)
  if (provider === undefined) throw new Error('want the provider')
  return provider
}

describeOnEachEngine("people whom an organization's provider vouches for", (openFresh) => {
  const signIn = (db: Database, provider: Awaited<ReturnType<typeof providerOf>>, subject: string, when = at) =>
    db.write((tx) => signInPerson(tx, provider, { subject, name: subject, email: null, groups: [] }, when))

  test('are so many a day, and so many in all', async () => {
    const on = await openAccessInstance(await openFresh())
    const { db } = on
    const [okta, dex] = [
      await providerOf(on, 'acme', 'okta', 'https://okta.example'),
      await providerOf(on, 'acme', 'dex', 'https://dex.example'),
    ]
    const house = await providerOf(on, null, 'house', 'https://okta.example')
    await signIn(db, okta, 'first')
    const come = (linkKey: string, from: number, to: number, when: string) =>
      db.write(async (tx) => {
        for (let number = from; number < to; number++) {
          await insertPerson(tx, { linkKey, subject: `person ${number}`, madeUserId: null, at: when })
        }
      })
    await come(okta.link_key, 1, MAX_NEW_PEOPLE_A_DAY, at)
    await expect(signIn(db, okta, 'late')).rejects.toMatchObject({
      code: 'TOOMANYREQUESTS',
      message: `${MAX_NEW_PEOPLE_A_DAY} people have come by okta for the first time within a day, which is the most: try again tomorrow`,
    })
    // Who came before comes again, and others have their own day; tomorrow is another.
    expect((await signIn(db, okta, 'first')).username).toBe('first.acme')
    expect((await signIn(db, dex, 'late')).username).toBe('late.acme')
    expect((await signIn(db, house, 'late')).username).toBe('late')
    expect((await signIn(db, okta, 'late', tomorrow)).username).toBe('late.acme-2')
    await come(dex.link_key, MAX_NEW_PEOPLE_A_DAY + 3, MAX_PEOPLE, '2026-01-01T00:00:00.000Z')
    await signIn(db, okta, 'last', tomorrow)
    for (const provider of [okta, dex]) {
      await expect(signIn(db, provider, 'beyond', tomorrow)).rejects.toMatchObject({
        code: 'CONFLICT',
        message: expect.stringContaining(`${MAX_PEOPLE} people have come by the providers of acme`),
      })
    }
    expect((await signIn(db, okta, 'first', tomorrow)).username).toBe('first.acme')
    expect((await signIn(db, house, 'beyond', tomorrow)).username).toBe('beyond')
    await on.refusals.close()
  })

  test("what is refused to jobs: one row a subject, and strangers push out no job of one's own", async () => {
    const on = await openAccessInstance(await openFresh())
    const organization_id = await on.organization('acme')
    const issuer = 'https://token.actions.githubusercontent.com'
    const note = (subject: string | null, is_near: 0 | 1, reason = 'why') =>
      on.db.write((tx) =>
        noteRefusal(tx, { organization_id, is_verified: 1, is_near, at, issuer, subject, reason, address: null }),
      )
    await note('ours', 1)
    for (let number = 0; number < 25; number++) await note(`stranger ${number}`, 0)
    for (let number = 0; number < 25; number++) await note('stranger 24', 0, `${number}`)
    for (let number = 0; number < 25; number++) await note(null, 0)
    const rows = await listRefusals(on.db.read, organization_id, issuer)
    expect(rows.length).toBe(21)
    expect(rows.find(({ subject }) => subject === 'ours')).toMatchObject({ attempts: 1, is_near: 1 })
    expect(rows.find(({ subject }) => subject === 'stranger 24')).toMatchObject({ attempts: 26, reason: '24' })
    expect(rows[0]).toMatchObject({ subject: null, attempts: 25 })
    await on.refusals.close()
  })
})
