// Links that open a page signed in: once, for minutes, and only as long as nothing has ended what they stand for.
import { expect, test } from 'bun:test'
import { createSignInLink, enterBySignInLink, signInUrl } from '../../src/access/sign-in-links.ts'
import { createSecret } from '../../src/lib/secret.ts'
import { describeOnEachEngine } from '../support/engines.ts'
import { type AccessInstance, openAccessInstance, PASSWORD } from './access-instance.ts'

const FROM = { address: '192.0.2.7', userAgent: 'browser/1' }

describeOnEachEngine('links that open a page', (openFresh) => {
  const enter = (on: AccessInstance, text: string) => enterBySignInLink(on.db, on.clock, text, FROM)
  const failure = (on: AccessInstance, text: string) => enter(on, text).catch((error) => error.code)
  const links = (on: AccessInstance) => on.db.read.selectFrom('sign_in_links').selectAll().execute()

  test('serve once, at two servers at once too; only their hashes are kept', async () => {
    const on = await openAccessInstance(await openFresh())
    const ann = await on.user('ann')
    const link = await createSignInLink(on.db, on.clock, ann)
    const text = link.secret.reveal()
    expect(signInUrl('https://mirror.example.com', link)).toBe(`https://mirror.example.com/enter#${text}`)
    expect([JSON.stringify(link), JSON.stringify(await links(on))].join()).not.toContain(text)
    const all = await Promise.allSettled([enter(on, text), enter(on, text), enter(on, text)])
    const entered = all.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    expect(entered.map(({ username }) => username)).toEqual(['ann'])
    const session = entered[0]?.session.text.reveal() ?? ''
    expect(await on.authenticator.bySession(session)).toMatchObject({ userId: ann.id })
    expect([await failure(on, text), await links(on)]).toEqual(['NOT_FOUND', []])
  })

  test('are over after 15 minutes, and say the same whatever is wrong with them', async () => {
    const on = await openAccessInstance(await openFresh())
    const ann = await on.user('ann')
    const [first, second] = [await createSignInLink(on.db, on.clock, ann), await createSignInLink(on.db, on.clock, ann)]
    on.clock.advance(15 * 60_000 - 1)
    await enter(on, first.secret.reveal())
    on.clock.advance(1)
    const messages = [second.secret.reveal(), first.secret.reveal(), 'kgm_lnk_nonsense', ''].map((text) =>
      enter(on, text).catch((error) => error.message),
    )
    expect(new Set(await Promise.all(messages)).size).toBe(1)
    await createSignInLink(on.db, on.clock, ann)
    expect((await links(on)).length).toBe(1)
  })

  test('end with the password that somebody sets, and are few at once', async () => {
    const on = await openAccessInstance(await openFresh())
    const [ann, bob] = [await on.user('ann'), await on.user('bob')]
    const ofBob = await createSignInLink(on.db, on.clock, bob)
    for (let made = 0; made < 12; made++) await createSignInLink(on.db, on.clock, ann)
    const last = await createSignInLink(on.db, on.clock, ann)
    expect((await links(on)).length).toBe(11)
    await on.accounts.resetPassword('ann', createSecret(`${PASSWORD} anew`))
    expect(await failure(on, last.secret.reveal())).toBe('NOT_FOUND')
    await enter(on, ofBob.secret.reveal())
  })
})
