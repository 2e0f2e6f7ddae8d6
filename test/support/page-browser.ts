// Debian's Chromium, driven; what a page complains about, and what axe finds on it.
import { readFileSync } from 'node:fs'
import { type Browser, chromium, type Page } from 'playwright-core'

// Debian's browser without a window of its own: the whole one takes twice the time to show nobody the same.
const CHROMIUM = Bun.which('chromium-headless-shell') ?? Bun.which('chromium')
export const haveChromium = CHROMIUM !== null

export interface BrowserPage {
  readonly page: Page
  /** What the console said, and errors that nobody caught. */
  readonly complaints: readonly string[]
  /** Serious findings of axe on what is shown now. */
  audit(): Promise<readonly string[]>
  close(): Promise<void>
}

const axeSource = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8')

let launched: Promise<Browser> | undefined

/** One for all tests of this process, which it ends with: a browser takes seconds of a core to come up, a context of its own does not. */
async function theBrowser(): Promise<Browser> {
  if (launched !== undefined && !(await launched).isConnected()) launched = undefined
  launched ??= chromium.launch({
    executablePath: CHROMIUM ?? '',
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'],
  })
  return launched
}

/** A page with cookies and storage of its own. */
export async function openBrowserPage(
  o: { readonly width?: number; readonly dark?: boolean; readonly locale?: string } = {},
): Promise<BrowserPage> {
  const context = await (await theBrowser()).newContext({
    viewport: { width: o.width ?? 1280, height: 800 },
    colorScheme: o.dark ? 'dark' : 'light',
    reducedMotion: 'reduce',
    locale: o.locale ?? 'en',
  })
  const page = await context.newPage()
  page.setDefaultTimeout(30_000)
  const complaints: string[] = []
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  return {
    page,
    complaints,
    async audit() {
      // By the debugger, which no policy of the page stops.
      if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(axeSource)
      const found = await page.evaluate(async () => {
        const { axe } = globalThis as unknown as {
          axe: { run(o: object): Promise<{ violations: { id: string; impact: string; nodes: { html: string }[] }[] }> }
        }
        return (await axe.run({ resultTypes: ['violations'] })).violations
      })
      return (
        found
          .filter(({ impact }) => ['serious', 'critical'].includes(impact))
          // Mantine's menus hold a place for the focus while nothing in them has it.
          .filter(
            ({ id, nodes }) => id !== 'aria-required-children' || !nodes[0]?.html.includes('mantine-Menu-dropdown'),
          )
          .map(({ id, nodes }) => `${id}: ${nodes[0]?.html.slice(0, 200)}`)
      )
    },
    close: () => context.close(),
  }
}
