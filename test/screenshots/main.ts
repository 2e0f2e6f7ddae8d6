// Takes the pictures: `scripts/screenshots` says how.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { type BrowserPage, openBrowserPage } from '../support/page-browser.ts'
import { OWNER } from '../support/whole-server.ts'
import { startSampleWork } from './sample-work.ts'
import { FORMS, type Form, VIEWS, type View } from './views.ts'

const WIDTHS = { desk: 1280, phone: 390 } as const
const DOCS = join(import.meta.dir, '../../docs/screenshots')
const QUALITY = 0.82

const args = process.argv.slice(2)
const isForDocs = args.includes('--docs')
const only = args.find((one) => one.startsWith('--only='))?.slice('--only='.length)
const folder = args.find((one) => !one.startsWith('--')) ?? 'screenshots'

mkdirSync(folder, { recursive: true })
const { kagami, stop } = await startSampleWork()
try {
  for (const form of FORMS) await takeAll(form)
} finally {
  await stop()
}
process.exit(0)

async function takeAll(form: Form): Promise<void> {
  const [size, theme] = form.split('-') as [keyof typeof WIDTHS, 'light' | 'dark']
  const browser = await openBrowserPage({ width: WIDTHS[size], dark: theme === 'dark' })
  const isWanted = ({ name, kept }: View) =>
    (only === undefined || name.startsWith(only)) && (!isForDocs || kept?.includes(form) === true)
  const views = VIEWS.filter(isWanted)
  try {
    for (const view of views.filter(({ isSignedOut }) => isSignedOut)) await take(browser, view, form)
    await signIn(browser.page)
    for (const view of views.filter(({ isSignedOut }) => !isSignedOut)) await take(browser, view, form)
  } finally {
    await browser.close()
  }
}

async function signIn(page: Page): Promise<void> {
  const answer = await page.request.post(`${kagami.url}/api/v1/user/sessions/browser`, {
    data: OWNER,
    headers: { origin: kagami.url },
  })
  if (!answer.ok()) throw new Error(`nobody is signed in: ${answer.status()}`)
}

async function take({ page, complaints }: BrowserPage, view: View, form: Form): Promise<void> {
  const before = complaints.length
  await page.goto(`${kagami.url}${view.path}`, { waitUntil: 'networkidle' })
  await page.waitForFunction(() => document.querySelector('[aria-busy=true]') === null)
  if (view.opens !== undefined) {
    await page.getByRole('button', { name: view.opens.button, exact: true }).click()
    await page.waitForTimeout(1500)
  }
  const bytes = await page.screenshot({ fullPage: view.opens === undefined, animations: 'disabled' })
  writeFileSync(join(folder, `${view.name}.${form}.png`), bytes)
  const width = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
  const complained = complaints.slice(before)
  const remarks = [...complained, ...(width > 0 ? [`${width} px too wide`] : [])]
  console.log(`${view.name} ${form}${remarks.length === 0 ? '' : `: ${remarks.join('; ')}`}`)
  if (isForDocs) {
    mkdirSync(DOCS, { recursive: true })
    writeFileSync(join(DOCS, `${view.name}.${form}.webp`), await compressed(page, bytes))
  }
}

/** As WebP, by the browser itself. */
async function compressed(page: Page, png: Uint8Array): Promise<Uint8Array> {
  const source = `data:image/png;base64,${Buffer.from(png).toString('base64')}`
  const url = await page.evaluate(
    async ([from, quality]) => {
      const image = new Image()
      image.src = from
      await image.decode()
      const canvas = document.createElement('canvas')
      canvas.width = image.naturalWidth
      canvas.height = image.naturalHeight
      canvas.getContext('2d')?.drawImage(image, 0, 0)
      return canvas.toDataURL('image/webp', quality)
    },
    [source, QUALITY] as const,
  )
  return Buffer.from(url.slice(url.indexOf(',') + 1), 'base64')
}
