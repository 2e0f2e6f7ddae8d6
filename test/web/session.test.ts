// Getting in, as people see it: the first run, sign-in by password, code and provider, one's own profile, and the links that open a page.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { type TOTP, URI } from 'otpauth'
import { type OpenIdProvider, startOpenIdProvider } from '../support/openid-provider.ts'
import { type BrowserPage, haveChromium, openBrowserPage } from '../support/page-browser.ts'
import { addProvider } from '../support/provider-people.ts'
import { startWholeServer, type WholeServer } from '../support/whole-server.ts'

setDefaultTimeout(120_000)

const ANN = { username: 'ann', password: 'a very secret password' }
const CHANGED = { ...ANN, password: 'another secret password' }

describe.skipIf(!haveChromium)('the pages by which one gets in', () => {
  let kagami: WholeServer
  let openid: OpenIdProvider
  let ann: BrowserPage
  const browsers: BrowserPage[] = []
  beforeAll(async () => {
    openid = await startOpenIdProvider()
    kagami = await startWholeServer({ withSetup: true })
    ann = await open()
  })
  afterAll(async () => {
    for (const browser of browsers) await browser.close()
    await kagami?.stop()
    await openid?.stop()
  })

  async function open(): Promise<BrowserPage> {
    const browser = await openBrowserPage()
    browsers.push(browser)
    return browser
  }

  /** But for what the browser itself says of an answer that refuses, which the test meant to get. */
  const complaintsOf = ({ complaints }: BrowserPage) => complaints.filter((one) => !/status of 40[0134]/.test(one))
  const button = ({ page }: BrowserPage, name: string | RegExp) => page.getByRole('button', { name, exact: true })
  const fill = ({ page }: BrowserPage, name: string, text: string) => page.locator(`input[name=${name}]`).fill(text)

  async function signIn(browser: BrowserPage, { username, password }: typeof ANN): Promise<void> {
    await fill(browser, 'username', username)
    await fill(browser, 'password', password)
    await button(browser, 'Sign in').click()
  }

  async function signOut(browser: BrowserPage): Promise<void> {
    await browser.page.getByRole('button', { name: /^Your account/ }).click()
    await browser.page.getByRole('menuitem', { name: 'Sign out' }).click()
    await browser.page.getByRole('heading', { name: 'Sign in to Kagami' }).waitFor()
  }

  test('without an owner each address asks for the printed code, and makes one', async () => {
    const { page, audit } = ann
    await page.goto(`${kagami.url}/o/acme`)
    await page.getByRole('heading', { name: 'Set up Kagami' }).waitFor()
    await page.goto(`${kagami.url}/setup#BCDF-GHJK-LMNP-QRST`)
    await page.reload()
    await fill(ann, 'organization', 'harbour')
    await fill(ann, 'username', ANN.username)
    await fill(ann, 'password', ANN.password)
    await button(ann, 'Create account and sign in').click()
    await page.getByText('the setup code is not right').waitFor()
    expect(await audit()).toEqual([])
    await fill(ann, 'code', kagami.server.setupCode?.reveal() ?? '')
    await button(ann, 'Create account and sign in').click()
    await page.getByRole('heading', { name: 'harbour' }).waitFor()
    await page.goto(`${kagami.url}/setup`)
    await page.getByRole('heading', { name: 'Setup is already done' }).waitFor()
  })

  test('the profile changes name and password, and says where one is signed in', async () => {
    const { page, audit } = ann
    await page.goto(`${kagami.url}/`)
    await page.getByRole('button', { name: 'Your account: ann' }).click()
    await page.getByRole('menuitem', { name: 'Your profile' }).click()
    await fill(ann, 'displayName', 'Ann Example')
    await button(ann, 'Save').click()
    await page.getByRole('button', { name: 'Your account: Ann Example' }).waitFor()
    expect(await audit()).toEqual([])
    await page.getByRole('tab', { name: 'Password' }).click()
    await fill(ann, 'current', ANN.password)
    await fill(ann, 'password', CHANGED.password)
    await fill(ann, 'again', ANN.password)
    await button(ann, 'Change password').click()
    await page.getByText('The passwords don’t match.').waitFor()
    await fill(ann, 'again', CHANGED.password)
    await button(ann, 'Change password').click()
    await page.getByText('Password changed.').waitFor()
    expect(await audit()).toEqual([])
    await kagami.call('POST', '/user/sessions', { body: CHANGED, headers: { 'user-agent': 'Firefox/140 (Linux)' } })
    await page.getByRole('tab', { name: 'Sessions' }).click()
    await page.getByRole('row', { name: /This browser/ }).waitFor()
    await page
      .getByRole('row', { name: /Firefox on Linux/ })
      .getByRole('button', { name: 'Sign out' })
      .click()
    await page.getByRole('dialog').getByRole('button', { name: 'Sign out' }).click()
    await page.getByText('Session ended.').waitFor()
    await page.getByRole('row', { name: /Firefox on Linux/ }).waitFor({ state: 'detached' })
    expect(await audit()).toEqual([])
  })

  test('an access token is shown once, serves, and is revoked', async () => {
    const { page, audit } = ann
    await page.getByRole('tab', { name: 'Access tokens' }).click()
    await page.getByText('No access tokens yet.').waitFor()
    await button(ann, 'Create token').click()
    await fill(ann, 'label', 'laptop')
    await button(ann, 'Create').click()
    const login = (await page.getByText(/docker login .* --username ann/).textContent()) ?? ''
    const token = /kgm_pat_\w+/.exec(login)?.[0] ?? ''
    expect([login.includes(new URL(kagami.url).host), await audit()]).toEqual([true, []])
    expect((await kagami.call('GET', '/user', { login: token })).status).toBe(200)
    await button(ann, 'Done').click()
    await page
      .getByRole('row', { name: /laptop Pull/ })
      .getByRole('button', { name: 'Revoke' })
      .click()
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click()
    await page.getByText('Token revoked.').waitFor()
    expect((await kagami.call('GET', '/user', { login: token })).status).toBe(401)
    expect(await page.evaluate(() => JSON.stringify([localStorage, sessionStorage]))).not.toContain('kgm_')
  })

  test('a second factor is turned on by its picture, asked for, and turned off by a recovery code', async () => {
    const { page, audit } = ann
    await page.getByRole('tab', { name: 'Two-factor' }).click()
    await button(ann, 'Turn on').click()
    await fill(ann, 'password', CHANGED.password)
    await button(ann, 'Continue').click()
    await page.getByRole('img', { name: 'QR code for your authenticator app' }).waitFor()
    const secret = (await page.getByRole('dialog').locator('pre').textContent()) ?? ''
    await fill(ann, 'code', (URI.parse(`otpauth://totp/x?secret=${secret}`) as TOTP).generate())
    expect(await audit()).toEqual([])
    await page.getByRole('dialog').getByRole('button', { name: 'Turn on' }).click()
    await page.getByRole('heading', { name: 'Recovery codes' }).waitFor()
    const [first = '', second = ''] = await page.getByRole('dialog').locator('pre').allTextContents()
    const saved = page.waitForEvent('download')
    await button(ann, 'Download').click()
    expect((await saved).suggestedFilename()).toMatch(/^kagami-recovery-codes-.*\.txt$/)
    expect(await audit()).toEqual([])
    await button(ann, 'I saved them').click()
    await signOut(ann)
    await signIn(ann, CHANGED)
    await page.getByText('Two-factor authentication is on for ann.').waitFor()
    expect(await audit()).toEqual([])
    await fill(ann, 'code', '000000')
    await button(ann, 'Sign in').click()
    await page.getByText('This code is incorrect').waitFor()
    await fill(ann, 'code', first)
    await button(ann, 'Sign in').click()
    await page.getByRole('heading', { name: 'harbour' }).waitFor()
    await page.goto(`${kagami.url}/profile/two-factor`)
    await button(ann, 'Turn off').click()
    await fill(ann, 'password', CHANGED.password)
    await fill(ann, 'code', second)
    await page.getByRole('dialog').getByRole('button', { name: 'Turn off' }).click()
    await button(ann, 'Turn on').waitFor()
  })

  test('a provider signs people in where they were, says why it does not, and is linked and unlinked', async () => {
    await addProvider(kagami, openid, { path: '/identities', login: CHANGED, name: 'corp' })
    const browser = await open()
    const { page, audit } = browser
    openid.person = { sub: 'bob-1', preferred_username: 'bob' }
    openid.refuses = true
    await page.goto(`${kagami.url}/profile/tokens`)
    await page.getByRole('link', { name: 'Sign in with corp' }).click()
    await page.getByText('you cannot sign in by corp: ').waitFor()
    expect([new URL(page.url()).pathname, await audit()]).toEqual(['/profile/tokens', []])
    openid.refuses = false
    await page.getByRole('link', { name: 'Sign in with corp' }).click()
    await page.getByRole('tab', { name: 'Access tokens', selected: true }).waitFor()
    await page.getByRole('tab', { name: 'Password' }).click()
    await page.getByText('You sign in with a provider').waitFor()
    await page.getByRole('tab', { name: 'Linked accounts' }).click()
    await page.getByRole('cell', { name: 'bob-1' }).waitFor()
    expect([await audit(), complaintsOf(browser)]).toEqual([[], []])
    openid.person = { sub: 'ann-1', preferred_username: 'ann' }
    await ann.page.goto(`${kagami.url}/profile/identities`)
    await button(ann, 'Link corp').click()
    await ann.page.getByRole('cell', { name: 'ann-1' }).waitFor()
    await button(ann, 'Unlink').click()
    await ann.page.getByRole('dialog').getByRole('button', { name: 'Unlink' }).click()
    await ann.page.getByText('No linked accounts.').waitFor()
  })

  test('a printed link opens the page signed in, once; one that is over says how to get another', async () => {
    const browser = await open()
    const { page, audit } = browser
    const link = `${kagami.url}/enter#${(await kagami.server.linkFor('ann'))?.secret.reveal()}`
    await page.goto(link)
    await page.getByRole('heading', { name: 'harbour' }).waitFor()
    expect(page.url()).not.toContain('kgm_lnk_')
    const other = await open()
    await other.page.goto(link)
    await other.page.getByText('kagami user link').waitFor()
    expect([await audit(), await other.audit(), complaintsOf(browser), complaintsOf(other)]).toEqual([[], [], [], []])
  })

  test('an invitation and a device that waits say what they are, and what is wrong with them', async () => {
    const browser = await open()
    const { page, audit } = browser
    await page.goto(`${kagami.url}/invitations#kgm_inv_nothing`)
    await page.getByRole('heading', { name: 'This invitation is not valid' }).waitFor()
    expect(await audit()).toEqual([])
    const made = await kagami.call('POST', '/organizations/harbour/invitations', { login: CHANGED, body: {} })
    await page.goto('about:blank')
    await page.goto(JSON.parse(made.text).url)
    await fill(browser, 'username', 'cid')
    await fill(browser, 'displayName', 'Cid')
    await fill(browser, 'password', 'password of cid')
    expect(await audit()).toEqual([])
    await button(browser, 'Create account and join').click()
    await page.getByRole('button', { name: 'Your account: Cid' }).waitFor()
    const body = 'client_id=laptop'
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const { user_code: code } = JSON.parse((await kagami.call('POST', '/device/code', { body, headers })).text)
    await page.goto(`${kagami.url}/device?code=${code}`)
    await button(browser, 'Continue').click()
    await page.getByText('laptop', { exact: true }).waitFor()
    expect(await audit()).toEqual([])
    await button(browser, 'Approve').click()
    await page.getByText('Approved.').waitFor()
    expect([complaintsOf(browser), complaintsOf(ann)]).toEqual([[], []])
  })
})
