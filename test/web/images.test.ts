// What is in an image, as the page shows it: each section, the search over the organization, and what stands in the address.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { type BrowserPage, haveChromium, openBrowserPage } from '../support/page-browser.ts'
import { OWNER, startWholeServer, type WholeServer } from '../support/whole-server.ts'

setDefaultTimeout(120_000)

describe.skipIf(!haveChromium)('the pages of images', () => {
  let kagami: WholeServer
  let browser: BrowserPage
  beforeAll(async () => {
    kagami = await startWholeServer({ withSample: true })
    const source = { organization: 'acme', upstream: 'sample', repository: 'nginx', as: 'dhi-nginx' }
    const begun = JSON.parse((await kagami.call('POST', '/mirrors', { login: OWNER, body: source })).text)
    await kagami.server.mirrors.wait(begun.run.id)
    browser = await openBrowserPage()
    await browser.page.goto(kagami.url)
    await browser.page.locator('input[name=username]').fill(OWNER.username)
    await browser.page.locator('input[name=password]').fill(OWNER.password)
    await browser.page.getByRole('button', { name: 'Sign in', exact: true }).click()
    await browser.page.getByRole('heading', { name: 'acme', exact: true }).waitFor()
  })
  afterAll(async () => {
    await browser?.close()
    await kagami?.stop()
  })

  test('from a tag to what it holds, what hangs on it, and what changed', async () => {
    const { page, audit, complaints } = browser
    const tags = JSON.parse((await kagami.call('GET', '/repositories/acme/dhi-nginx/tags', { login: OWNER })).text).tags
    const tag = tags.find((one: { name: string; platforms: string[] }) => one.platforms.length > 1).name as string
    await page.goto(`${kagami.url}/o/acme/image/dhi-nginx:${tag}`)
    await page.getByRole('heading', { name: 'Configuration' }).waitFor()
    expect(await audit()).toEqual([])
    await page.getByRole('tab', { name: /^Packages \(\d+\)/ }).click()
    await page.getByRole('searchbox', { name: 'Search packages' }).fill('ssl')
    await page
      .getByRole('cell', { name: /^libssl/ })
      .first()
      .waitFor()
    expect(new URL(page.url()).searchParams.get('q')).toBe('ssl')
    expect(await audit()).toEqual([])
    await page.goto(`${kagami.url}/o/acme/image/dhi-nginx:${tag}?section=vulnerabilities`)
    await page.getByRole('button', { name: /that VEX rules out/ }).click()
    await page.getByText('Not affected', { exact: true }).first().waitFor()
    expect(await audit()).toEqual([])
    await page.getByRole('tab', { name: 'Attestations' }).click()
    await page.getByRole('button', { name: 'OpenVEX' }).first().click()
    await page.getByRole('columnheader', { name: 'Reason' }).waitFor()
    await page.getByText('As it was written').click()
    await page.getByText('statements', { exact: true }).waitFor()
    await page.getByText('Signed', { exact: true }).first().waitFor()
    expect(await audit()).toEqual([])
    await page.getByRole('tab', { name: 'History' }).click()
    await page.getByText('Points to').first().waitFor()
    await page.getByRole('link', { name: 'mirror', exact: true }).first().waitFor()
    expect(await audit()).toEqual([])
    await page.goBack()
    await page.getByRole('columnheader', { name: 'Reason' }).waitFor()
    await page
      .getByRole('button', { name: /^SLSA provenance/ })
      .first()
      .click()
    await page.getByText('Builder', { exact: true }).waitFor()
    expect(await audit()).toEqual([])
    await page.goto(`${kagami.url}/o/acme/image/dhi-python:3.13?section=compare&with=3.12`)
    await page.getByRole('rowheader', { name: 'PYTHON_VERSION' }).waitFor()
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('acme/dhi-python:3.13')
    expect(await audit()).toEqual([])
    // The same once more takes nothing away.
    await page.getByRole('combobox', { name: 'Compare with' }).click()
    await page.getByRole('option', { name: '3.12', exact: true }).click()
    await page.getByRole('rowheader', { name: 'PYTHON_VERSION' }).waitFor()
    expect(new URL(page.url()).searchParams.get('with')).toBe('3.12')
    await page.getByRole('tab', { name: 'Layers and config' }).click()
    expect(await page.locator('time[title*="20"]').count()).toBeGreaterThan(0)
    expect(complaints).toEqual([])
  })

  test('a package and a vulnerability are found over the organization', async () => {
    const { page, audit, complaints } = browser
    await page.getByRole('link', { name: 'Search images', exact: true }).click()
    await page.getByRole('searchbox').fill('openssl')
    await page.getByRole('link', { name: 'dhi-nginx' }).first().waitFor()
    expect(await audit()).toEqual([])
    const found = JSON.parse((await kagami.call('GET', '/repositories/acme/dhi-nginx/tags', { login: OWNER })).text)
      .tags[0].name
    const { vulnerabilities } = JSON.parse(
      (await kagami.call('GET', `/repositories/acme/dhi-nginx/images/${found}/vulnerabilities`, { login: OWNER })).text,
    )
    await page.getByRole('searchbox').fill(vulnerabilities[0].id)
    await page.getByRole('columnheader', { name: 'VEX status' }).waitFor()
    // The address wins over what was typed, and both ways.
    await page.getByRole('link', { name: 'Search images', exact: true }).click()
    await page.getByText(/^Type the beginning of a package/).waitFor()
    expect(await page.getByRole('searchbox').inputValue()).toBe('')
    await page.goBack()
    await page.getByRole('columnheader', { name: 'VEX status' }).waitFor()
    expect(await page.getByRole('searchbox').inputValue()).toBe(vulnerabilities[0].id)
    await page.getByRole('link', { name: 'dhi-nginx' }).first().waitFor()
    expect(await audit()).toEqual([])
    expect(complaints).toEqual([])
  })
})
