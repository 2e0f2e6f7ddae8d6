// A browser that comes by a provider goes on at the page it left, told what went wrong; and it links an account that is signed in.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { IdentityProvider } from '../../../src/api/identities.ts'
import { nextSchema, ownIdentityListSchema, signInProviderListSchema } from '../../../src/api/sign-in.ts'
import { type Browser, newBrowser } from '../../support/browser.ts'
import { type OpenIdProvider, startOpenIdProvider } from '../../support/openid-provider.ts'
import { addProvider } from '../../support/provider-people.ts'
import { describeOnEachDatabase, type Login, OWNER, type WholeServer } from '../../support/whole-server.ts'

const NEXT = '/o/acme/repository/dhi-python?tab=tags'

test('only an address of the page is gone on at', () => {
  const isTaken = (next: string) => nextSchema.safeParse(next).success
  expect(['/', NEXT, '/profile/identities', '/o/acme/repository/a/b#c'].filter((one) => !isTaken(one))).toEqual([])
  const others = [
    ...[
      '//evil.example',
      '/\\evil.example',
      '/\t/evil.example',
      'https://evil.example',
      'evil.example',
      '',
      'javascript:x',
    ],
    ...['/..//evil.example', '/o/../../..//evil.example', '/.//evil.example', '/%2e//evil.example', '/ /x', '/é'],
    ...['/api/v1/openapi.json', '/v2/', '/v2', '/token', '/o/../api/v1/user', `/${'x'.repeat(1000)}`],
  ]
  expect(others.filter(isTaken)).toEqual([])
})

describeOnEachDatabase('a browser that comes by a provider', (start) => {
  let kagami: WholeServer
  let openid: OpenIdProvider
  let corp: IdentityProvider
  let own: IdentityProvider
  let ann: Login
  beforeAll(async () => {
    openid = await startOpenIdProvider()
    kagami = await start()
    ann = await kagami.addUser('ann', { acme: 'member' })
    const clientSecret = 'a client secret'
    corp = await addProvider(kagami, openid, { path: '/identities', login: OWNER, name: 'corp', clientSecret })
    own = await addProvider(kagami, openid, { path: '/organizations/acme/identities', login: OWNER, name: 'own' })
  })
  afterAll(async () => {
    await kagami?.stop()
    await openid?.stop()
  })

  const html = () => newBrowser({ accept: 'text/html,*/*' })
  const isPage = (url: string) => url.startsWith(kagami.url) && !url.includes('/api/')
  const begin = (browser: Browser, query: Readonly<Record<string, string>>, provider = corp) =>
    browser.open(`${provider.signIn}?${new URLSearchParams(query)}`, { stopAt: isPage })
  const problemOf = (browser: Browser) =>
    decodeURIComponent(/kagami_problem=([^;]*)/.exec(browser.cookies(`${kagami.url}/`))?.[1] ?? '')

  test('goes on where it was, with a session', async () => {
    openid.person = { sub: 'bob', preferred_username: 'bob' }
    const browser = html()
    const { url } = await begin(browser, { next: NEXT })
    const cookie = browser.cookies(`${kagami.url}/`)
    expect([url, problemOf(browser)]).toEqual([kagami.url + NEXT, ''])
    expect((await kagami.call('GET', '/user', { headers: { cookie } })).status).toBe(200)
    const evil = await begin(html(), { next: '//evil.example' })
    expect([evil.status, evil.way.length]).toEqual([400, 1])
  })

  test('that is refused goes back there too, and the page can tell why; a program is told at once', async () => {
    openid.refuses = true
    const browser = html()
    const { url } = await begin(browser, { next: NEXT })
    openid.refuses = false
    expect([url, problemOf(browser)]).toEqual([
      kagami.url + NEXT,
      expect.stringContaining('you cannot sign in by corp: '),
    ])
    expect(browser.cookies(`${kagami.url}/`)).not.toContain('kagami_session')
    const unknown = html()
    const gone = { ...corp, signIn: `${kagami.url}/api/v1/sign-in/nobody/start` }
    expect([(await begin(unknown, {}, gone)).url, problemOf(unknown)]).toEqual([
      `${kagami.url}/`,
      'there is no such provider to sign in by',
    ])
    const program = await fetch(gone.signIn)
    expect([program.status, program.headers.get('set-cookie')]).toEqual([404, null])
  })

  test('is offered what the instance has; signed in, what its organizations have too', async () => {
    const names = async (login?: Login) =>
      (await kagami.call('GET', '/sign-in/providers', { login }))
        .as(signInProviderListSchema)
        .providers.map(({ name, organization }) => `${organization ?? '-'}/${name}`)
        .sort()
    const stranger = await kagami.addUser('stranger', { elsewhere: 'owner' })
    expect([await names(), await names(stranger), await names(ann)]).toEqual([
      ['-/corp'],
      ['-/corp'],
      ['-/corp', 'acme/own'],
    ])
  })

  /** A browser that is signed in by password, and what it sends. */
  async function signedIn(login: Login) {
    const entered = await kagami.call('POST', '/user/sessions/browser', {
      body: login,
      headers: { origin: kagami.url },
    })
    const cookie = entered.headers.get('set-cookie')?.split(';', 1)[0] ?? ''
    const link = (headers: Record<string, string>, provider = corp.id) =>
      kagami.call('POST', '/user/identities/start', { body: { provider, next: '/profile/identities' }, headers })
    const subjects = async () =>
      (await kagami.call('GET', '/user/identities', { login }))
        .as(ownIdentityListSchema)
        .identities.map(({ subject }) => subject)
    return { cookie, link, subjects, id: JSON.parse(entered.text).id as string }
  }

  /** Goes to the provider and back with these cookies. @returns where it lands, and the problem that it is told */
  async function comeBack(begun: Awaited<ReturnType<typeof kagami.call>>, cookie: string) {
    const { url } = JSON.parse(begun.text)
    // At the provider, whose answer is taken to the callback by hand: the cookies of ours are the test's to choose.
    const browser = html()
    const { url: callback } = await browser.open(url, { stopAt: (one) => one.startsWith(kagami.url) })
    const own = begun.headers.get('set-cookie')?.split(';', 1)[0] ?? ''
    const answer = await fetch(callback, {
      redirect: 'manual',
      headers: { accept: 'text/html', cookie: `${own}; ${cookie}` },
    })
    const problem = /kagami_problem=([^;]*)/.exec(answer.headers.get('set-cookie') ?? '')?.[1] ?? ''
    return { location: answer.headers.get('location'), problem: decodeURIComponent(problem), status: answer.status }
  }

  test('links the account that is signed in, from a page of this server alone, and only if it is so at the end', async () => {
    openid.person = { sub: 'ann-there', preferred_username: 'ann' }
    const browser = await signedIn(ann)
    const { cookie, link, subjects } = browser
    expect((await link({ cookie, origin: 'https://evil.example' })).status).toBe(403)
    expect((await link({ cookie })).status).toBe(403)
    const other = await signedIn(OWNER)
    for (const present of ['', other.cookie]) {
      const back = await comeBack(await link({ cookie, origin: kagami.url }), present)
      expect(back).toMatchObject({ location: '/profile/identities', problem: expect.stringContaining('begin again') })
    }
    expect([await subjects(), await other.subjects()]).toEqual([[], []])
    const back = await comeBack(await link({ cookie, origin: kagami.url }), cookie)
    expect([back, await subjects()]).toEqual([
      { location: '/profile/identities', problem: '', status: 302 },
      ['ann-there'],
    ])
    // An organization's own, of an operator: refused in words.
    const refused = await comeBack(await other.link({ cookie: other.cookie, origin: kagami.url }, own.id), other.cookie)
    expect([refused.problem, await other.subjects()]).toEqual([expect.stringContaining('operator'), []])
  })
})
