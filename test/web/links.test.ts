// The links that Kagami prints for people, opened in a real browser: an invitation for somebody new, and the code of a command line.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { type BrowserPage, haveChromium, openBrowserPage } from '../support/page-browser.ts'
import { OWNER, startWholeServer, type WholeServer } from '../support/whole-server.ts'

setDefaultTimeout(120_000)

describe.skipIf(!haveChromium)('a link', () => {
  let kagami: WholeServer
  let browser: BrowserPage
  beforeAll(async () => {
    kagami = await startWholeServer()
    browser = await openBrowserPage()
  })
  afterAll(async () => {
    await browser?.close()
    await kagami?.stop()
  })

  test('of an invitation: somebody new makes an account, joins, and is signed in', async () => {
    const { page } = browser
    const made = await kagami.call('POST', '/organizations/acme/invitations', {
      login: OWNER,
      body: { role: 'editor' },
    })
    await page.goto(JSON.parse(made.text).url)
    await page.getByRole('heading', { name: 'Join acme' }).waitFor()
    expect(await browser.audit()).toEqual([])
    await page.locator('input[name=username]').fill('ann')
    await page.locator('input[name=displayName]').fill('Ann Example')
    await page.locator('input[name=password]').fill('password of ann')
    await page.getByRole('button', { name: 'Create account and join' }).click()
    await page.getByRole('heading', { name: 'Repositories' }).waitFor()
    expect(await page.getByRole('button', { name: /^Your account: ann/i }).count()).toBe(1)
    await page.goto(`${kagami.url}/invitations#kgm_inv_used`)
    await page.reload()
    await page.getByText('This invitation is not valid').waitFor()
  })

  test('of a command line: who looks at it approves it, and it gets its token', async () => {
    const { page } = browser
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const asked = await kagami.call('POST', '/device/code', { body: 'client_id=laptop&name=laptop', headers })
    const { verification_uri_complete: url, device_code } = JSON.parse(asked.text)
    await page.goto(url)
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByText('laptop', { exact: true }).waitFor()
    expect(await browser.audit()).toEqual([])
    await page.getByRole('button', { name: 'Approve' }).click()
    await page.getByText('Approved.').waitFor()
    const grant_type = 'urn:ietf:params:oauth:grant-type:device_code'
    const body = new URLSearchParams({ grant_type, device_code, client_id: 'laptop' }).toString()
    const polled = await kagami.call('POST', '/device/token', { body, headers })
    expect([polled.status, JSON.parse(polled.text).username]).toEqual([200, 'ann'])
    // Some refusals are asked for here.
    expect(browser.complaints.filter((one) => !/404/.test(one))).toEqual([])
  })
})
