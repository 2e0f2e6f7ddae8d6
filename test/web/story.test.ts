// The story of the page as an owner lives it, in a real browser: find an image, mirror it, watch it arrive, hand it out, stop.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import type { Page } from 'playwright-core'
import { type BrowserPage, haveChromium, openBrowserPage } from '../support/page-browser.ts'
import { type Receiver, startReceiver } from '../support/webhook-receiver.ts'
import { OWNER, startWholeServer, type WholeServer } from '../support/whole-server.ts'

setDefaultTimeout(120_000)

if (!haveChromium) console.warn('\n*** SKIPPED, NO CHROMIUM: the page (run scripts/install-test-packages as root)\n')
describe.skipIf(!haveChromium)('an owner', () => {
  let kagami: WholeServer
  let browser: BrowserPage
  let receiver: Receiver
  let page: Page
  const findings: string[] = []
  beforeAll(async () => {
    kagami = await startWholeServer({ withSample: true, env: { KAGAMI_ALLOW_NETWORKS: '127.0.0.0/8' } })
    receiver = await startReceiver()
    browser = await openBrowserPage()
    page = browser.page
  })
  afterAll(async () => {
    await browser?.close()
    await kagami?.stop()
    receiver?.stop()
  })

  const button = (name: string) => page.getByRole('button', { name, exact: true })
  const tab = (name: string) => page.getByRole('tab', { name, exact: true })

  test('signs in, with words for a wrong password, and comes back to where the link led', async () => {
    await page.goto(`${kagami.url}/o/acme/repositories`)
    await page.getByLabel('Username or email address').fill(OWNER.username)
    await page.locator('input[name=password]').fill('wrong')
    await button('Sign in').click()
    await page.getByText('Incorrect username or password.').waitFor()
    findings.push(...(await browser.audit()))
    expect(browser.complaints.filter((one) => !one.includes('401'))).toEqual([])
    await page.locator('input[name=password]').fill(OWNER.password)
    await button('Sign in').click()
    await page.getByRole('heading', { name: 'Repositories' }).waitFor()
    expect(page.url()).toBe(`${kagami.url}/o/acme/repositories`)
    // No script has the secret of the session.
    expect(await page.evaluate(() => document.cookie)).toBe('')
    expect(await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }))).not.toContain('kgm_')
  })

  test('finds an image, sees what would be copied, and mirrors it', async () => {
    await page.getByRole('link', { name: 'Catalog' }).click()
    await page.getByLabel('Find an image').fill('nod')
    await page.getByText(/^1 of \d+$/).waitFor()
    expect(page.url()).toContain('q=nod')
    findings.push(...(await browser.audit()))
    await page.getByRole('link', { name: 'node' }).click()
    await button('Mirror to repository').click()
    await page.getByText(/^\d+ tags, \d+ manifests, \d+ signatures and attestations/).waitFor()
    expect(await page.getByLabel('Repository name').inputValue()).toBe('dhi-node')
    findings.push(...(await browser.audit()))
    await page.getByLabel('Repository name').fill('dhi-node')
    await button('Start mirroring').click()
    await page.getByRole('heading', { name: 'acme/dhi-node' }).waitFor()
    await page.getByText('In step').first().waitFor()
    findings.push(...(await browser.audit()))
  })

  test('sees its tags, and how to pull them', async () => {
    await tab('Tags').click()
    await page.getByRole('columnheader', { name: 'Digest' }).waitFor()
    expect(await page.locator('tbody tr').count()).toBeGreaterThan(5)
    findings.push(...(await browser.audit()))
    await tab('Overview').click()
    const { host } = new URL(kagami.url)
    await page.getByText(new RegExp(`^docker pull ${host}/acme/dhi-node:`)).waitFor()
    findings.push(...(await browser.audit()))
  })

  test('goes on from the catalog to the repository, and may mirror the image once more', async () => {
    await page.getByRole('link', { name: 'Catalog' }).click()
    await page.getByRole('link', { name: 'node' }).click()
    await button('View in repository').waitFor()
    await button('Mirrors of this image').click()
    await page.getByRole('menuitem', { name: 'Mirror to repository' }).waitFor()
    findings.push(...(await browser.audit()))
    await page.getByRole('menuitem', { name: 'acme/dhi-node' }).click()
    await page.getByRole('heading', { name: 'acme/dhi-node' }).waitFor()
  })

  test('makes a webhook, and sees what became of its test', async () => {
    await tab('Webhooks').click()
    await button('Create webhook').click()
    const dialog = page.getByRole('dialog')
    await dialog.locator('input[name=name]').fill('ci')
    await dialog.locator('input[name=url]').fill(receiver.url)
    await dialog.getByRole('button', { name: 'Create webhook' }).click()
    // The server's own words.
    await dialog.getByText(/want https/).waitFor()
    await dialog.getByLabel('Allow http').check()
    await dialog.getByRole('button', { name: 'Create webhook' }).click()
    await dialog.getByText(/^whsec_/).waitFor()
    findings.push(...(await browser.audit()))
    await dialog.getByRole('button', { name: 'Close' }).last().click()
    await button('Send test').click()
    await page.getByText('Delivered', { exact: true }).waitFor()
    expect(receiver.received.map(({ json }) => json.kagami.kind)).toEqual(['webhook.test'])
    findings.push(...(await browser.audit()))
  })

  test('is told what public means before and after, and goes back', async () => {
    await tab('Settings').click()
    await button('Make public').click()
    await page
      .getByRole('dialog')
      .getByText(/mirror|update/i)
      .first()
      .waitFor()
    await page.getByRole('dialog').getByRole('button', { name: 'Make public' }).click()
    await page.getByText('Paused', { exact: true }).first().waitFor()
    await tab('Mirror').click()
    await page.getByText('How to fix it').waitFor()
    findings.push(...(await browser.audit()))
    await tab('Settings').click()
    await button('Make private').click()
    await page.getByRole('dialog').getByRole('button', { name: 'Make private' }).click()
    await page.getByText('In step', { exact: true }).first().waitFor()
  })

  test('stops mirroring, told that the images stay', async () => {
    await tab('Mirror').click()
    await button('Stop mirroring').click()
    await page.getByText('The repository and its images stay, and can still be pulled.').waitFor()
    await page.getByRole('dialog').getByRole('button', { name: 'Stop mirroring' }).click()
    await page.getByText('Stopped', { exact: true }).first().waitFor()
    await tab('Tags').click()
    expect(await page.locator('tbody tr').count()).toBeGreaterThan(5)
    await page.getByRole('link', { name: 'Mirrors' }).click()
    await page.getByText('Stopped', { exact: true }).first().waitFor()
    findings.push(...(await browser.audit()))
  })

  test('axe has found nothing serious on any of it', () => expect([...new Set(findings)]).toEqual([]))

  test('the console has heard of nothing but the wrong password and address', () => {
    expect(browser.complaints.filter((one) => !/ 40[01] /.test(one))).toEqual([])
  })

  test('signs out, and the session is over', async () => {
    await page.getByRole('button', { name: /^Your account/ }).click()
    await page.getByRole('menuitem', { name: 'Sign out' }).click()
    await button('Sign in').waitFor()
    await page.goto(`${kagami.url}/o/acme/mirrors`)
    await button('Sign in').waitFor()
  })
})
