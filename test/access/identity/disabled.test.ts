// Whoever is disabled gets in by nothing that a provider or a device says, and nothing is written about them on the way.
import { expect, test } from 'bun:test'
import { sql } from 'kysely'
import { createDevices } from '../../../src/access/identity/devices.ts'
import { signInPerson } from '../../../src/access/identity/people.ts'
import { createToken } from '../../../src/access/tokens.ts'
import { linkKeyFor } from '../../../src/db/people/identity-people.ts'
import { findProviderToSignIn, insertProvider } from '../../../src/db/people/identity-providers.ts'
import { linkUser } from '../../../src/db/people/sign-ins.ts'
import { describeOnEachEngine } from '../../support/engines.ts'
import { openAccessInstance } from '../access-instance.ts'

const at = '2026-11-24T00:00:00.000Z'
const refused = { code: 'UNAUTHORIZED', message: 'this account is disabled: ask an operator of this server' }

describeOnEachEngine('somebody disabled', (openFresh) => {
  test('gets neither in by a provider nor a token of any kind', async () => {
    const on = await openAccessInstance(await openFresh())
    const { db, clock } = on
    await db.write(async (tx) =>
      insertProvider(tx, {
        ...{ id: 'house', organization_id: null, name: 'house', issuer: 'https://house.example', client_id: 'c' },
        ...{ sealed_client_secret: null, ca: null, role: 'member', is_only: 0, trusts_email: 1 },
        ...{ groups_claim: 'groups', created_by: 'x', created_at: at, last_used_at: null },
        link_key: await linkKeyFor(tx, null, 'https://house.example'),
      }),
    )
    const provider = await findProviderToSignIn(db.read, 'house')
    if (provider === undefined) throw new Error('want the provider')
    const [linked, mailed] = [await on.user('linked'), await on.user('mailed')]
    const devices = createDevices(on)
    const { deviceCode, userCode } = await devices.begin({ name: 'laptop', address: undefined })
    await devices.decide(userCode, { userId: linked.id }, 'approved')
    await db.write(async (tx) => {
      await linkUser(tx, { userId: linked.id, linkKey: provider.link_key, subject: 'linked', at })
      const email = { email: 'mailed@acme.example', email_verified: sql<boolean>`true` }
      await tx.updateTable('users').set(email).where('id', '=', mailed.id).execute()
      await tx.updateTable('users').set({ disabled_at: at }).execute()
    })
    const said = async () => [
      await db.read.selectFrom('audit_entries').select('seq').execute(),
      await db.read.selectFrom('accounts').select('id').execute(),
      await db.read.selectFrom('users').select('id').execute(),
      await db.read.selectFrom('tokens').select('id').execute(),
    ]
    const before = await said()
    const signIn = (subject: string, email: string | null) =>
      db.write((tx) => signInPerson(tx, provider, { subject, name: subject, email, groups: [] }, at))
    await expect(signIn('linked', null)).rejects.toMatchObject(refused)
    await expect(signIn('mailed', 'mailed@acme.example')).rejects.toMatchObject(refused)
    const wanted = { userId: linked.id, label: 'x', scope: 'admin', expires: '90d' } as const
    await expect(createToken(db, clock, wanted)).rejects.toMatchObject(refused)
    clock.advance(5000)
    expect(await devices.poll(deviceCode)).toEqual({ kind: 'refused', error: 'access_denied' })
    expect(await said()).toEqual(before)
  })
})
