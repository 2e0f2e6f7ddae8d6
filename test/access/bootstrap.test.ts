import { expect, test } from 'bun:test'
import { bootstrap } from '../../src/access/bootstrap.ts'
import { decideInstance, decideOrganization } from '../../src/access/rights.ts'
import { createSecret } from '../../src/lib/secret.ts'
import { describeOnEachEngine } from '../support/engines.ts'
import { basic, openAccessInstance } from './access-instance.ts'

const names = { owner: 'owner', organization: 'acme' }

describeOnEachEngine('the first start', (openFresh) => {
  test('makes an operator who owns the organization, with a password that is shown once', async () => {
    const on = await openAccessInstance(await openFresh())
    const first = await bootstrap(on.db, on.accounts, on.clock, { ...names, ownerPassword: undefined })
    expect(first).toMatchObject({ username: 'owner', organization: 'acme', isPasswordMade: true })
    const password = first?.password.reveal() ?? ''
    expect(password).toMatch(/^[0-9A-Za-z]{20}$/)
    expect(JSON.stringify(first)).not.toContain(password)
    const who = await on.authenticator.authenticate(basic('owner', password))
    expect(await decideInstance(on.db.read, who, 'user.create')).toMatchObject({ allowed: true })
    expect(await decideOrganization(on.db.read, who, 'acme', 'mirror.start')).toMatchObject({
      allowed: true,
      role: 'owner',
    })
  })

  test('takes the password that is set; later starts change neither it nor anything else', async () => {
    const on = await openAccessInstance(await openFresh())
    const start = (text: string, organization = 'acme') =>
      bootstrap(on.db, on.accounts, on.clock, { owner: 'owner', organization, ownerPassword: createSecret(text) })
    expect(await start('first password')).toMatchObject({ isPasswordMade: false })
    expect(await start('second password', 'other')).toBeUndefined()
    await on.authenticator.authenticate(basic('owner', 'first password'))
    expect(await on.db.read.selectFrom('organizations').select('name').execute()).toEqual([{ name: 'acme' }])
  })

  test('that was killed after making the user is finished by the next one', async () => {
    const on = await openAccessInstance(await openFresh())
    await on.accounts.createUser({ username: 'owner', password: createSecret('lost with the process') })
    const first = await bootstrap(on.db, on.accounts, on.clock, { ...names, ownerPassword: undefined })
    const who = await on.authenticator.authenticate(basic('owner', first?.password.reveal() ?? ''))
    expect(await decideOrganization(on.db.read, who, 'acme', 'mirror.start')).toMatchObject({ allowed: true })
    expect(await bootstrap(on.db, on.accounts, on.clock, { ...names, ownerPassword: undefined })).toBeUndefined()
  })
})
