// The catalog in a real browser: found, filtered, compared, read, and mirrored; a thousand entries, and texts of somebody who means harm.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { catalogIsRead } from '../support/catalog.ts'
import { describeWithFixtures, fixturePath } from '../support/fixtures.ts'
import { type BrowserPage, haveChromium, openBrowserPage } from '../support/page-browser.ts'
import { temporaryDirectory } from '../support/process.ts'
import { slowRegistry } from '../support/slow-registry.ts'
import { OWNER, startWholeServer, type WholeServer } from '../support/whole-server.ts'

setDefaultTimeout(120_000)

const MANY = 1000

/** Texts that would run, load or lead somewhere, if a page let them. */
const HARM = {
  'overview.md': [
    '# Fine <script>globalThis.harmed = 1</script>',
    '<img src=x onerror="globalThis.harmed = 1"> <iframe src="https://a.example"></iframe>',
    '[runs](javascript:globalThis.harmed=1) [data](data:text/html,x) [within](/o/acme/people) [web](https://a.example/)',
    '![a picture](https://a.example/spy.png)',
    '| a | b |\n|---|---|\n| 1 | 2 |',
  ].join('\n\n'),
  'guides.md': 'none',
  'logo.svg': `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><script>top.harmed = 1</script><rect width="9" height="9" onload="top.harmed = 1"/></svg>`,
  'info.yaml':
    'metadata: {display-name: "<b>Bold</b>", short-description: "<i>x</i>", home-url: "javascript:alert(1)", fips-compliant: true}',
  'debian-13/1.yaml': 'image: dhi.io/app\ntags: ["1"]\n',
} as const

/** Scrolls a page down, a frame a step. @returns most elements that one step added, most items that there were at once, and long tasks */
async function scrolled(items: string) {
  let slow = 0
  const tasks = new PerformanceObserver((list) => {
    slow += list.getEntries().length
  })
  tasks.observe({ type: 'longtask' })
  let added = 0
  const changes = new MutationObserver((records) => {
    for (const { addedNodes } of records) {
      for (const node of addedNodes) if (node instanceof Element) added += 1 + node.querySelectorAll('*').length
    }
  })
  changes.observe(document.body, { childList: true, subtree: true })
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve))
  const seen = { added: 0, most: 0 }
  for (let step = 0; step < 30; step++) {
    added = 0
    scrollBy(0, 400)
    await frame()
    await frame()
    seen.added = Math.max(seen.added, added)
    seen.most = Math.max(seen.most, document.querySelectorAll(items).length)
  }
  tasks.disconnect()
  changes.disconnect()
  return { ...seen, slow }
}

if (!haveChromium) console.warn('\n*** SKIPPED, NO CHROMIUM: the page (run scripts/install-test-packages as root)\n')
const describeHere = haveChromium ? describeWithFixtures : describe.skip
describeHere('the catalog on the page', () => {
  const directory = temporaryDirectory('hostile')
  let kagami: WholeServer
  let browser: BrowserPage
  let page: Page
  // Has nothing, and says so at once.
  const registry = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response('none', { status: 404 }) })
  const findings: string[] = []

  beforeAll(async () => {
    const folder = join(directory.path, 'image/app')
    mkdirSync(join(folder, 'debian-13'), { recursive: true })
    for (const [name, text] of Object.entries(HARM)) writeFileSync(join(folder, name), text)
    const env = { KAGAMI_DEFINITIONS: `dhi=${fixturePath('catalog')},evil=${directory.path}` }
    kagami = await startWholeServer({ withSample: true, env })
    const images = ['python', 'node', 'traefik', 'trivy', 'cosign', 'golang', 'alpine-base', 'debian-base', 'kubectl']
    const given = {
      dhi: [...images, 'argocd-chart', 'cert-manager-chart', 'external-dns-chart', 'plain/tool'],
      evil: ['app'],
      many: Array.from({ length: MANY }, (_, n) => `app-${n}`),
    }
    for (const [name, names] of Object.entries(given)) {
      const body = { name, url: `http://127.0.0.1:${registry.port}`, organization: null, check: false, prefix: '' }
      await kagami.call('POST', '/upstreams', { login: OWNER, body })
      const changed = await kagami.call('PATCH', `/catalog/${name}`, { login: OWNER, body: { names } })
      expect([name, changed.status]).toEqual([name, 200])
    }
    await kagami.addUser('editor', { acme: 'editor' })
    for (const name of ['sample', ...Object.keys(given)]) await catalogIsRead(kagami, name)
    browser = await openBrowserPage()
    page = browser.page
  })
  afterAll(async () => {
    await browser?.close()
    await kagami?.stop()
    await registry.stop(true)
    directory.remove()
  })

  const found = () => page.getByText(/^[\d,]+ of [\d,]+$/)
  const cards = () => page.locator('ul.cards > li')
  const signIn = async (on: Page, login: { username: string; password: string }) => {
    await on.getByLabel('Username or email address').fill(login.username)
    await on.locator('input[name=password]').fill(login.password)
    await on.getByRole('button', { name: 'Sign in', exact: true }).click()
  }

  test('shows what all upstreams have, and narrows it down as one types and chooses', async () => {
    await page.goto(`${kagami.url}/o/acme/catalog?upstream=dhi`)
    await signIn(page, OWNER)
    await page.getByText('13 of 13').waitFor()
    expect(await page.getByRole('heading', { level: 2 }).first().textContent()).toBe('Alpine Base')
    findings.push(...(await browser.audit()))
    await page.getByLabel('Find an image').fill('javascript platform')
    await page.getByText('1 of 13').waitFor()
    expect(page.url()).toContain('q=javascript')
    await page.getByLabel('Find an image').fill('')
    await page.getByPlaceholder('Type').click()
    await page.getByRole('option', { name: 'Helm chart' }).click()
    await page.getByText('3 of 13').waitFor()
    await page.getByRole('button', { name: 'Clear 1 filter' }).click()
    await page.getByText('13 of 13').waitFor()
    await page.getByPlaceholder('Distribution').click()
    await page.getByRole('option', { name: 'alpine' }).click()
    await page.getByText('7 of 13').waitFor()
    expect(await cards().count()).toBe(7)
  })

  test('is a table too, sorted, at an address that can be sent to somebody', async () => {
    await page.goto(`${kagami.url}/o/acme/catalog?upstream=dhi&view=table&sort=updated&support=active`)
    await page.getByRole('columnheader', { name: 'Distribution' }).waitFor()
    const names = await page.locator('tbody a').allTextContents()
    expect(names[0]).toBe('Alpine Base')
    expect(names).toContain('Python')
    findings.push(...(await browser.audit()))
  })

  test('shows an entry: its texts, its variants, and where it is mirrored', async () => {
    await page.goto(`${kagami.url}/o/acme/catalog/dhi/python`)
    await page.getByRole('heading', { name: 'About Python' }).waitFor()
    expect(await page.locator('h1 img').evaluate((img: HTMLImageElement) => img.complete)).toBe(true)
    const link = page.getByRole('link', { name: 'https://docs.python.org/3/' })
    expect([await link.getAttribute('rel'), await link.getAttribute('target')]).toEqual([
      'noopener noreferrer nofollow ugc',
      '_blank',
    ])
    findings.push(...(await browser.audit()))
    await page.getByRole('tab', { name: 'Variants' }).click()
    await page.getByText('nonroot (65532)').first().waitFor()
    expect(page.url()).toContain('tab=variants')
    expect(await page.locator('table.variants tbody tr').count()).toBe(4)
    findings.push(...(await browser.audit()))
    await page.goto(`${kagami.url}/o/acme/catalog/sample/python?tab=variants`)
    await page.getByText('7 of 7 tags').first().waitFor()
    await page.getByRole('button', { name: 'Mirrors of this image' }).click()
    await page.getByRole('menuitem', { name: 'acme/dhi-python' }).waitFor()
    await page.getByRole('menuitem', { name: 'Mirror to repository' }).click()
    // The name of before is taken.
    await page.locator('input[value="dhi-python-2"]').waitFor()
  })

  test('what was stopped is mirrored again by a button, and no name that is taken can be started', async () => {
    const stopped = await kagami.call('POST', '/mirrors/acme/dhi-python/stop', { login: OWNER, body: {} })
    expect(stopped.status).toBe(200)
    await page.goto(`${kagami.url}/o/acme/catalog/sample/python`)
    await page.getByRole('button', { name: 'Mirror to repository', exact: true }).click()
    const dialog = page.getByRole('dialog')
    await dialog.locator('input[value="dhi-python-2"]').waitFor()
    await dialog.getByLabel('Repository name').fill('dhi-python')
    await dialog.getByText('acme/dhi-python is there already. Choose another name.').waitFor()
    expect(await dialog.getByRole('button', { name: 'Start mirroring' }).isDisabled()).toBe(true)
    expect(await dialog.getByRole('alert').count()).toBe(1)
    findings.push(...(await browser.audit()))
    await dialog.getByRole('button', { name: 'Mirror again into acme/dhi-python' }).click()
    await page.getByRole('tab', { name: 'Mirror', selected: true }).waitFor()
    const { mirror } = JSON.parse((await kagami.call('GET', '/mirrors/acme/dhi-python', { login: OWNER })).text)
    expect(mirror.state).not.toBe('stopped')
  })

  test('holds a thousand entries, of which those in sight are there, as cards and as rows', async () => {
    for (const [view, items] of [
      ['cards', 'ul.cards > li'],
      ['table', 'tbody tr'],
    ] as const) {
      await page.goto(`${kagami.url}/o/acme/catalog?upstream=many&view=${view}`)
      await page.getByText('1,000 of 1,000').waitFor()
      expect(await page.locator(items).count()).toBeLessThan(80)
      await page.evaluate(() => scrollTo(0, document.body.scrollHeight))
      await page.getByText('app-999', { exact: true }).waitFor()
      expect(await page.locator(items).count()).toBeLessThan(80)
    }
    await page.getByLabel('Find an image').fill('app-99')
    await page.getByText('11 of 1,000').waitFor()
  })

  test('a thousand entries fit a phone, are found there, and are made as they come into sight', async () => {
    const phone = await openBrowserPage({ width: 360 })
    await phone.page.goto(`${kagami.url}/o/acme/catalog?upstream=many`)
    await signIn(phone.page, OWNER)
    await phone.page.getByText('1,000 of 1,000').waitFor()
    for (const [view, items] of [
      ['cards', 'ul.cards > li'],
      ['table', 'tbody tr'],
    ] as const) {
      await phone.page.goto(`${kagami.url}/o/acme/catalog?upstream=many&view=${view}`)
      await phone.page.getByText('1,000 of 1,000').waitFor()
      await phone.page.locator(items).first().waitFor()
      expect(await phone.page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360)
      // No time is held against a machine that has other work: what a frame has to do is counted in elements.
      const { added, most, slow } = await phone.page.evaluate(scrolled, items)
      if (slow > 0) console.info(`${slow} long tasks while ${view} were scrolled`)
      expect([most < 80, added < 3000]).toEqual([true, true])
      expect(added).toBeGreaterThan(0)
    }
    await phone.page.getByLabel('Find an image').fill('app-99')
    await phone.page.getByText('11 of 1,000').waitFor()
    expect(await phone.page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360)
    findings.push(...(await phone.audit()))
    expect(phone.complaints).toEqual([])
    await phone.close()
  })

  test('says that a catalog is being read for the first time, and shows it by itself when it is', async () => {
    const slow = slowRegistry(['late/app', 'late/tool'])
    const body = { name: 'slow', url: slow.url, organization: null, check: false }
    expect((await kagami.call('POST', '/upstreams', { login: OWNER, body })).status).toBe(201)
    await page.goto(`${kagami.url}/o/acme/catalog?upstream=slow`)
    await page.getByText('slow: being read for the first time').waitFor()
    await slow.isAsked
    expect(await page.getByPlaceholder('library/alpine').count()).toBe(0)
    findings.push(...(await browser.audit()))
    slow.release()
    await page.getByText('2 of 2').waitFor()
    await page.getByRole('link', { name: 'late/tool' }).first().waitFor()
    await slow.stop()
  })

  test('a reading that ends while its list is on the way is shown too', async () => {
    const slow = slowRegistry(['held/app', 'held/tool'])
    const body = { name: 'held', url: slow.url, organization: null, check: false }
    expect((await kagami.call('POST', '/upstreams', { login: OWNER, body })).status).toBe(201)
    let isHeld = false
    await page.route(/\/api\/v1\/catalog\?.*upstream=held/, async (route) => {
      const response = await route.fetch()
      if (!isHeld) {
        isHeld = true
        slow.release()
        await catalogIsRead(kagami, 'held')
      }
      await route.fulfill({ response })
    })
    await page.goto(`${kagami.url}/o/acme/catalog?upstream=held`)
    await page.getByText('2 of 2').waitFor()
    expect(isHeld).toBe(true)
    await page.unrouteAll({ behavior: 'wait' })
    await slow.stop()
  })

  test('what the catalog does not list is mirrored by its name', async () => {
    await page.goto(`${kagami.url}/o/acme/catalog?upstream=many`)
    await page.getByLabel('Find an image').fill('nothing like that')
    await found().waitFor()
    await page.getByPlaceholder('library/alpine').fill('team/app')
    await page.getByRole('button', { name: 'Open', exact: true }).click()
    await page.getByText(/The catalog knows nothing of this repository/).waitFor()
    expect(page.url()).toBe(`${kagami.url}/o/acme/catalog/many/team/app`)
    await page.getByRole('button', { name: 'Mirror to repository', exact: true }).waitFor()
    findings.push(...(await browser.audit()))
  })

  test('its list of names is given by whoever manages the upstream', async () => {
    await page.goto(`${kagami.url}/o/acme/catalog?upstream=dhi`)
    await page.getByRole('button', { name: 'Settings of the catalog dhi' }).click()
    const dialog = page.getByRole('dialog')
    const list = dialog.getByRole('textbox', { name: 'Repositories' })
    expect((await list.inputValue()).split('\n')).toContain('plain/tool')
    findings.push(...(await browser.audit()))
    await list.fill(`${await list.inputValue()}\nadded/by-hand`)
    await dialog.getByRole('button', { name: 'Save' }).click()
    await page.getByText('14 of 14').waitFor()
  })

  test('texts and pictures of somebody who means harm do none', async () => {
    const asked: string[] = []
    page.on('request', (request) => asked.push(new URL(request.url()).origin))
    await page.goto(`${kagami.url}/o/acme/catalog/evil/app`)
    await page.getByRole('heading', { name: '<b>Bold</b>' }).waitFor()
    await page.getByText('Picture not shown: a picture').waitFor()
    const written = page.locator('.written')
    expect(await written.locator('script, iframe, img').count()).toBe(0)
    expect(await written.locator('a').allTextContents()).toEqual(['web'])
    expect(await page.locator('a[href^="javascript:"], a[href^="data:"]').count()).toBe(0)
    // The picture itself, opened as a page: nothing of it runs.
    const logo = await page.locator('h1 img').getAttribute('src')
    const alone = await page.context().newPage()
    await alone.goto(`${kagami.url}${logo}`)
    expect(await alone.evaluate(() => (globalThis as { harmed?: number }).harmed)).toBeUndefined()
    await alone.close()
    expect(await page.evaluate(() => (globalThis as { harmed?: number }).harmed)).toBeUndefined()
    expect([...new Set(asked)]).toEqual([kagami.url])
    findings.push(...(await browser.audit()))
  })

  test('an editor may refresh it, and is told whom to ask for a mirror', async () => {
    const other = await openBrowserPage({ width: 390, dark: true })
    await other.page.goto(`${kagami.url}/o/acme/catalog/dhi/node`)
    await signIn(other.page, { username: 'editor', password: 'password of editor' })
    await other.page.getByText(/Only owners of acme and members of a team/).waitFor()
    await other.page.getByRole('button', { name: 'Mirror to repository' }).click()
    const dialog = other.page.getByRole('dialog')
    await dialog.getByText(/Only owners of acme and members of a team/).waitFor()
    expect(await dialog.getByRole('button', { name: 'Start mirroring' }).count()).toBe(0)
    findings.push(...(await other.audit()))
    await other.page.goto(`${kagami.url}/o/acme/catalog?upstream=dhi`)
    await other.page.getByRole('button', { name: 'Refresh dhi' }).waitFor()
    findings.push(...(await other.audit()))
    const width = await other.page.evaluate(() => document.documentElement.scrollWidth)
    expect(width).toBeLessThanOrEqual(390)
    expect(other.complaints).toEqual([])
    await other.close()
  })

  test('axe has found nothing serious on any of it', () => expect([...new Set(findings)]).toEqual([]))

  test('the console has heard of nothing but what the policy stopped', () => {
    const stopped = /404|Content Security Policy|Blocked script execution/
    expect(browser.complaints.filter((one) => !stopped.test(one))).toEqual([])
  })
})
