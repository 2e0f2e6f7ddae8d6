// An organization at a glance, in a real browser: what to do first, what moved, what wants a look, what others change, and finding by name.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { emptyIndexPushed } from '../support/empty-index.ts'
import { type BrowserPage, haveChromium, openBrowserPage } from '../support/page-browser.ts'
import { type Login, OWNER, startWholeServer, type WholeServer } from '../support/whole-server.ts'

setDefaultTimeout(120_000)

describe.skipIf(!haveChromium)('home', () => {
  let kagami: WholeServer
  let member: Login
  let browser: BrowserPage
  beforeAll(async () => {
    kagami = await startWholeServer({ withSample: true })
    member = await kagami.addUser('mia', { quiet: 'member', acme: 'member' })
    const source = { organization: 'acme', upstream: 'sample', repository: 'nginx', as: 'dhi-nginx' }
    const begun = JSON.parse((await kagami.call('POST', '/mirrors', { login: OWNER, body: source })).text)
    await kagami.server.mirrors.wait(begun.run.id)
    await kagami.call('POST', '/mirrors/acme/dhi-nginx/pause', { login: OWNER, body: {} })
    browser = await openBrowserPage()
    await enter(browser, OWNER)
  })
  afterAll(async () => {
    await browser?.close()
    await kagami?.stop()
  })

  async function enter({ page }: BrowserPage, login: Login): Promise<void> {
    const answer = await page.request.post(`${kagami.url}/api/v1/user/sessions/browser`, {
      data: login,
      headers: { origin: kagami.url },
    })
    expect(answer.status()).toBe(201)
  }

  test('shows what moved, what wants a look and why, and usage over time', async () => {
    const { page, audit } = browser
    await page.goto(`${kagami.url}/o/acme`)
    const section = (title: string) =>
      page.locator('section', { has: page.getByRole('heading', { name: title, exact: true }) })
    await section('Needs attention').getByText('Resume it to go on').waitFor()
    await section('Needs attention').getByRole('button', { name: 'Resume', exact: true }).waitFor()
    await section('Needs attention').getByRole('link', { name: 'Open', exact: true }).waitFor()
    await section('What moved today').getByRole('link', { name: 'dhi-nginx', exact: true }).waitFor()
    await section('Storage by repository').getByRole('link', { name: 'dhi-python', exact: true }).waitFor()
    // The charts are drawn, and say the same in a table.
    await section('Pulls and storage').locator('svg').first().waitFor()
    expect(await section('Pulls and storage').locator('tbody tr').count()).toBe(30)
    await section('Freshness')
      .getByRole('link', { name: /^dhi-nginx: Paused/ })
      .waitFor()
    expect(await audit()).toEqual([])
  })

  test('shows what others change without being asked, and what runs', async () => {
    const { page } = browser
    await emptyIndexPushed(kagami.url, 'acme/tool', 'v7', OWNER)
    await page.getByText('v7', { exact: true }).waitFor()
    await kagami.call('POST', '/mirrors/acme/dhi-nginx/resume', { login: OWNER, body: {} })
    await page.getByText('Nothing needs attention.').waitFor()
    await page.getByRole('button', { name: /^Running now/ }).click()
    await page.getByRole('dialog', { name: 'Running now' }).waitFor()
    expect(await browser.audit()).toEqual([])
    await page.keyboard.press('Escape')
  })

  test('finds a page, a repository and a tag by the keyboard alone', async () => {
    const { page } = browser
    await page.keyboard.press('Control+k')
    const field = page.getByPlaceholder('Find a page, repository, tag or image')
    await field.fill('tool:v')
    await page.getByRole('button', { name: 'acme/tool:v7' }).waitFor()
    expect(await browser.audit()).toEqual([])
    await page.getByRole('button', { name: 'acme/tool:v7' }).click()
    await page.getByRole('tab', { name: 'Layers and config', selected: true }).waitFor()
    expect(decodeURIComponent(new URL(page.url()).pathname)).toBe('/o/acme/image/tool:v7')
    // No page of the catalog was looked at before.
    await page.keyboard.press('Control+k')
    const isList = ({ pathname }: URL) => /\/(catalog|repositories)$/.test(pathname)
    const lookedFor = page.waitForRequest((request) => {
      const url = new URL(request.url())
      return isList(url) && url.searchParams.get('q') === 'cve-2026'
    })
    await field.fill('cve-2026')
    await page.getByRole('button', { name: 'Find “cve-2026” in images' }).waitFor()
    // What was typed is asked for a moment later.
    await lookedFor
    const asked: URL[] = []
    page.on('request', (request) => asked.push(new URL(request.url())))
    await field.fill('sample/py')
    await page.getByRole('button', { name: 'sample/python' }).waitFor()
    // The server looks for it: no list is read whole.
    const lists = asked.filter(isList)
    expect(lists.map(({ searchParams }) => searchParams.get('q'))).toEqual(['sample/py'])
    await field.fill('tool')
    await page.getByRole('button', { name: 'acme/tool', exact: true }).waitFor()
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'acme/tool' }).waitFor()
    await page.keyboard.press('Control+k')
    await field.fill('board')
    await page.getByRole('button', { name: 'Freshness board' }).waitFor()
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'acme: freshness of all mirrors' }).waitFor()
  })

  test('the board names each mirror with its sign, its word and its age, and leads to it', async () => {
    const { page } = browser
    expect(new URL(page.url()).pathname).toBe('/o/acme/board')
    await page.getByText(/^2 in step$/).waitFor()
    expect(await browser.audit()).toEqual([])
    await page.getByRole('link', { name: /^dhi-nginx In step/ }).click()
    await page.getByRole('tab', { name: 'Mirror', selected: true }).waitFor()
    await page.goBack()
    await page.getByRole('link', { name: 'Back to the organization' }).click()
    await page.getByRole('heading', { name: 'What moved today' }).waitFor()
    // A repository that nothing mirrors was asked for its mirror.
    expect(browser.complaints.filter((one) => !one.includes('404'))).toEqual([])
  })

  test('an organization in which nothing is yet says what one may do there, to whom it is', async () => {
    const other = await openBrowserPage()
    try {
      await enter(other, member)
      await other.page.goto(`${kagami.url}/o/quiet`)
      await other.page.getByText('Ask an owner of the organization').waitFor()
      expect(await other.page.getByText('Invite people').count()).toBe(0)
      expect(await other.audit()).toEqual([])
      await enter(other, OWNER)
      await other.page.goto(`${kagami.url}/o/quiet`)
      await other.page.getByText('Invite people').waitFor()
      expect(other.complaints).toEqual([])
    } finally {
      await other.close()
    }
  })
})
