// What holds on every page, on a phone: long lists scroll, dialogs give the focus back, what others change is seen, and one knows where one is.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { moveTags } from '../../src/db/content/tags.ts'
import { openDatabase } from '../../src/db/engine/engine.ts'
import type { Digest } from '../../src/oci/digest.ts'
import type { Tag } from '../../src/oci/reference.ts'
import { emptyIndexPushed } from '../support/empty-index.ts'
import { type BrowserPage, haveChromium, openBrowserPage } from '../support/page-browser.ts'
import { OWNER, startWholeServer, type WholeServer } from '../support/whole-server.ts'

setDefaultTimeout(120_000)

const WIDTH = 390
const TAGS = 600

describe.skipIf(!haveChromium)('on a phone', () => {
  let kagami: WholeServer
  let browser: BrowserPage
  let page: Page
  const findings: string[] = []
  beforeAll(async () => {
    kagami = await startWholeServer()
    await kagami.addUser('mia', { acme: 'member', quiet: 'member' })
    const digest = await emptyIndexPushed(kagami.url, 'acme/many', 'latest', OWNER)
    await addTags('acme/many', digest)
    browser = await openBrowserPage({ width: WIDTH })
    page = browser.page
    await page.request.post(`${kagami.url}/api/v1/user/sessions/browser`, {
      data: OWNER,
      headers: { origin: kagami.url },
    })
  })
  afterAll(async () => {
    await browser?.close()
    await kagami?.stop()
  })

  /** Every third has a name that takes several lines there. */
  async function addTags(name: `${string}/${string}`, digest: string): Promise<void> {
    const db = await openDatabase(join(kagami.directory, 'kagami.sqlite'))
    try {
      const row = await db.read
        .selectFrom('repositories')
        .selectAll()
        .where('name', '=', name)
        .executeTakeFirstOrThrow()
      const names = Array.from(
        { length: TAGS },
        (_, i) => `b${i}${i % 3 === 0 ? '-with-more-words'.repeat(4) : ''}` as Tag,
      )
      await db.write((tx) =>
        moveTags(
          tx,
          {
            repositoryId: row.id,
            repositoryName: row.name,
            organizationId: row.organization_id,
            actor: 'user:owner',
            at: new Date().toISOString(),
            reason: 'pushed',
          },
          new Map(names.map((tag) => [tag, digest as Digest])),
        ),
      )
    } finally {
      await db.close()
    }
  }

  const button = (name: string) => page.getByRole('button', { name, exact: true })
  const look = async () => findings.push(...(await browser.audit()))

  /** Scrolls by steps; how far rows stood from where they belonged, at most. */
  const scrolled = (steps: number, by: number) =>
    page.evaluate(
      async ([count, px]) => {
        const frames = async (left = 3): Promise<void> => {
          await new Promise(requestAnimationFrame)
          if (left > 1) await frames(left - 1)
        }
        let worst = 0
        for (let step = 0; step < count; step++) {
          const rows = [...document.querySelectorAll('tbody tr[data-index]')]
          const seen = rows.find((one) => one.getBoundingClientRect().top > 300)
          if (seen === undefined) return Number.POSITIVE_INFINITY
          const before = seen.getBoundingClientRect().top
          window.scrollBy(0, px)
          await frames()
          if (!seen.isConnected) return Number.POSITIVE_INFINITY
          worst = Math.max(worst, Math.abs(before - px - seen.getBoundingClientRect().top))
        }
        return worst
      },
      [steps, by] as const,
    )

  test('many rows of different height scroll without a jump, down and up, and what matters of each is in sight', async () => {
    await page.goto(`${kagami.url}/o/acme/repository/many?tab=tags`)
    await page.getByText(`${TAGS + 1} tags`).waitFor()
    await look()
    const right = await page
      .locator('tbody tr[data-index] time')
      .first()
      .evaluate((time) => time.getBoundingClientRect().right)
    expect(right).toBeLessThanOrEqual(WIDTH)
    expect(await scrolled(12, 250)).toBeLessThan(2)
    await page.evaluate(() => window.scrollTo(0, document.body.scrollHeight / 2))
    await page.waitForFunction(() =>
      [...document.querySelectorAll('tbody tr[data-index]')].some(
        (one) => Number(one.getAttribute('data-index')) > 100 && one.getBoundingClientRect().top > 300,
      ),
    )
    expect(await scrolled(12, -250)).toBeLessThan(2)
    for (let at = -1; at !== TAGS; ) {
      await page.evaluate(() => window.scrollTo(0, document.body.scrollHeight))
      at = Number(await page.locator('tbody tr[data-index]').last().getAttribute('data-index'))
    }
  })

  test('a dialog gives the focus back to what opened it, be it a button or a menu', async () => {
    await page.goto(`${kagami.url}/o/acme/repository/many?tab=settings`)
    await button('Archive repository').press('Enter')
    await page.getByRole('dialog').waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    expect(await button('Archive repository').evaluate((one) => one === document.activeElement)).toBe(true)
    await page.goto(`${kagami.url}/operator?tab=users`)
    const menu = button('What can be done with mia')
    await menu.click()
    await page.getByRole('menuitem', { name: 'Disable' }).click()
    await page.getByRole('dialog').waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    expect(await menu.evaluate((one) => one === document.activeElement)).toBe(true)
  })

  test('the page of an image follows its tag', async () => {
    const before = await emptyIndexPushed(kagami.url, 'acme/tool', 'v1', OWNER)
    await page.goto(`${kagami.url}/o/acme/image/tool:v1`)
    await page.locator(`button.digest[title="${before}"]`).first().waitFor()
    const after = await emptyIndexPushed(kagami.url, 'acme/tool', 'v1', OWNER, 'another')
    await page.locator(`button.digest[title="${after}"]`).first().waitFor()
    expect(await page.getByText(before).count()).toBe(0)
    await page.goto(`${kagami.url}/o/acme/image/tool:v2`)
    await page.getByRole('heading', { name: 'Image not found' }).waitFor()
    await page.getByRole('link', { name: 'acme/tool' }).click()
    await page.getByRole('heading', { name: 'acme/tool' }).waitFor()
  })

  test('one stays in the organization, and on its kind of page; of one that is not there one is told so', async () => {
    const organization = page.getByRole('combobox', { name: 'Organization' })
    await page.goto(`${kagami.url}/o/acme/repositories`)
    await page.getByRole('link', { name: 'many' }).waitFor()
    await organization.click()
    await page.getByRole('option', { name: 'quiet' }).click()
    await page.waitForURL(`${kagami.url}/o/quiet/repositories`)
    await page.goto(`${kagami.url}/operator`)
    await page.getByRole('heading', { name: 'Operator' }).waitFor()
    expect(await organization.inputValue()).toBe('quiet')
    await page.goto(`${kagami.url}/o/nope`)
    await page.getByRole('heading', { name: 'Organization not found' }).waitFor()
    await look()
    await page.getByRole('link', { name: 'Go to quiet' }).click()
    await page.waitForURL(`${kagami.url}/o/quiet`)
    await page.goto(`${kagami.url}/o/quiet/nothing`)
    await page.getByRole('heading', { name: 'Page not found' }).waitFor()
    await look()
    await page.goto(`${kagami.url}/setup`)
    await page.getByRole('link', { name: 'Go to the start page' }).waitFor()
  })

  test('axe has found nothing serious, and the console has heard of nothing but what is not there', () => {
    expect([...new Set(findings)]).toEqual([])
    expect(browser.complaints.filter((one) => !one.includes('404'))).toEqual([])
  })
})
