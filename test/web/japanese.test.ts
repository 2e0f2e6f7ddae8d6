// The page in a Japanese browser: what the server says in English is put in words, and stands in English only where it is marked as such.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { type BrowserPage, haveChromium, openBrowserPage } from '../support/page-browser.ts'
import { type CountingProxy, countingProxy } from '../support/proxy.ts'
import { type Receiver, startReceiver, status } from '../support/webhook-receiver.ts'
import { OWNER, startWholeServer, type WholeServer } from '../support/whole-server.ts'

setDefaultTimeout(120_000)

const SHOTS = process.env.KAGAMI_SHOTS
const HERE = '/o/acme/repository/dhi-node'

describe.skipIf(!haveChromium)('the page in Japanese', () => {
  let kagami: WholeServer
  let browser: BrowserPage
  let receiver: Receiver
  let far: CountingProxy
  let page: Page
  let failedRun: string
  let isShut = false
  const findings: string[] = []
  const call = (method: string, path: string, body?: unknown) => kagami.call(method, path, { login: OWNER, body })
  const must = async (method: string, path: string, body?: unknown) => {
    const answer = await call(method, path, body)
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.text}`)
    return answer.text === '' ? undefined : JSON.parse(answer.text)
  }
  beforeAll(async () => {
    kagami = await startWholeServer({ withSample: true, env: { KAGAMI_ALLOW_NETWORKS: '127.0.0.0/8' } })
    receiver = await startReceiver((one, ...rest) => status(one.path === '/gone' ? 410 : 500)(one, ...rest))
    const sample = new URL(kagami.server.sampleUrl ?? '')
    far = await countingProxy(sample.origin, {
      onRequest: ({ kind, path }) =>
        kind === 'blob-get' || (isShut && path.includes('_catalog')) ? { answer: { status: 403 } } : undefined,
    })
    const upstream = { organization: 'acme', plainHttp: true }
    await must('POST', '/upstreams', { ...upstream, name: 'far', url: `${far.url}${sample.pathname}` })
    await must('POST', '/upstreams', { ...upstream, name: 'away', url: 'http://127.0.0.1:9' })
    const mirror = async (name: string, repository: string, as: string): Promise<string> => {
      const { run } = await must('POST', '/mirrors', { organization: 'acme', upstream: name, repository, as })
      await kagami.server.mirrors.wait(run.id)
      return run.id
    }
    await mirror('sample', 'node', 'dhi-node')
    failedRun = await mirror('far', 'nginx', 'broken')
    await must('POST', '/subscriptions', { organization: 'acme', upstream: 'far', match: ['nginx*'] })
    await must('POST', '/repositories/acme/dhi-node/webhooks', { name: 'ci', url: receiver.url, plainHttp: true })
    await must('POST', '/repositories/acme/dhi-node/webhooks/ci/test')
    await must('POST', '/repositories/acme/dhi-node/webhooks', {
      name: 'gone',
      url: `${receiver.url}/gone`,
      plainHttp: true,
    })
    await must('POST', '/repositories/acme/dhi-node/webhooks/gone/test')
    await receiver.until((received) => new Set(received.map(({ path }) => path)).size === 2)
    browser = await openBrowserPage({ locale: 'ja' })
    page = browser.page
    page.setDefaultTimeout(20_000)
    await page.goto(`${kagami.url}/o/acme`)
  })
  afterAll(async () => {
    await browser?.close()
    await kagami?.stop()
    await far?.stop()
    receiver?.stop()
  })

  const button = (name: string) => page.getByRole('button', { name, exact: true })
  const dialog = () => page.getByRole('dialog')
  const go = (path: string) => page.goto(`${kagami.url}${path}`)

  /** What stands in English on what is shown now: three words in a row that are not marked as English, as code, or as somebody's own. */
  async function look(name: string): Promise<void> {
    if (SHOTS !== undefined) await page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage: true })
    const english = await page.evaluate(() => {
      const found: string[] = []
      const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
      for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
        const parent = node.parentElement
        const text = node.textContent ?? ''
        if (parent === null || parent.closest('[lang=en], code, pre, script, style') !== null) continue
        if (/[A-Za-z][a-z']+(?:[ ,:;]+[A-Za-z][a-z']+){2}/.test(text) && parent.checkVisibility()) found.push(text)
      }
      return found
    })
    findings.push(...english.map((text) => `${name}: ${text.slice(0, 200)}`))
  }

  const audit = async () => findings.push(...(await browser.audit()))

  test('a refused sign-in', async () => {
    await page.locator('input[name=username]').fill(OWNER.username)
    await page.locator('input[name=password]').fill('not the password')
    await button('サインイン').click()
    await page.getByRole('alert').waitFor()
    await look('sign-in')
    await page.locator('input[name=password]').fill(OWNER.password)
    await button('サインイン').click()
    await page.getByRole('heading', { name: '組織 acme' }).waitFor()
  })

  test('a run that failed says why by its code, with the server’s sentence below', async () => {
    await go(`/o/acme/repository/broken?tab=mirror&run=${failedRun}`)
    await page.getByText('相手のサーバーに拒否されました。').first().waitFor()
    await page.locator('q[lang=en]').first().waitFor()
    await look('failed-run')
    await audit()
    await go('/o/acme/repository/broken?tab=mirror')
    await page.getByRole('heading', { name: '同期の記録' }).waitFor()
    await look('degraded-mirror')
    await audit()
    await go('/o/acme/mirrors')
    await page.getByRole('link', { name: 'broken' }).waitFor()
    await look('mirrors')
    await go('/o/acme')
    await page.getByRole('heading', { name: '組織 acme' }).waitFor()
    await look('home')
  })

  test('webhooks and deliveries say what became of them', async () => {
    await go(`${HERE}?tab=webhooks`)
    await page.getByText('受信側が 500 を返しました。').first().waitFor()
    await page.getByText('無効になりました。').waitFor()
    await look('webhooks')
    await page.getByRole('link', { name: 'webhook.test' }).first().click()
    await page.getByText('1 回目の試行').waitFor()
    await look('delivery')
    await audit()
    await go('/o/acme/webhooks')
    await page.getByRole('link', { name: 'gone' }).waitFor()
    await look('all-webhooks')
  })

  test('what is refused says what, where and how much', async () => {
    await go('/o/acme/people?tab=teams')
    await button('チームを作成').click()
    await dialog().getByRole('textbox').first().fill('Not A Name')
    await dialog().getByRole('button', { name: 'チームを作成' }).click()
    await dialog().getByText('「名前」の値が正しくありません。').waitFor()
    await look('bad-team')
    await audit()
    await go('/profile/password')
    const fields = page.locator('main input[type=password]')
    await fields.nth(0).fill('not the password')
    await fields.nth(1).fill('a new long password')
    if ((await fields.count()) > 2) await fields.nth(2).fill('a new long password')
    await page.locator('main button[type=submit]').click()
    await page.getByText('パスワードが正しくありません。').waitFor()
    await look('bad-password')
    await go('/operator?tab=settings')
    await page.getByText('監査ログを残す期間').waitFor()
    await page.getByText('データディレクトリの kagami.sqlite').or(page.getByText('KAGAMI_DATABASE')).first().waitFor()
    await look('settings')
    await go('/operator?tab=organizations')
    await button('組織を作成').click()
    await dialog().getByRole('textbox').first().fill('acme')
    await dialog().locator('button[type=submit]').click()
    await dialog().getByText('組織 acme はすでにあります。').waitFor()
    await look('taken')
  })

  test('an upstream that is away, a name that is not there, and links that are over', async () => {
    await go('/o/acme/settings?section=upstreams&of=away')
    await button('テスト').click()
    await page.getByText('127.0.0.1:9 に接続を拒否されました。').waitFor()
    await look('upstream-away')
    await button('編集').click()
    await dialog().getByLabel('アドレス').fill('ftp://somewhere')
    await dialog().getByRole('button', { name: '保存' }).click()
    await dialog().getByText('「アドレス」の値が正しくありません。').waitFor()
    await look('bad-address')
    await go('/o/acme/settings?section=subscriptions')
    isShut = true
    await button('アップストリームを購読').click()
    await dialog().getByRole('combobox').click()
    await page.getByRole('option', { name: 'far', exact: true }).click()
    await dialog().getByRole('button', { name: 'プレビュー' }).click()
    await dialog().getByText('相手のサーバーに拒否されました。').waitFor()
    await look('refused-subscription')
    const { subscriptions } = await must('GET', '/subscriptions?organization=acme')
    await must('POST', `/subscriptions/acme/${subscriptions[0].id}/sync`, {})
    await go(`/o/acme/settings?section=subscriptions&of=${subscriptions[0].id}`)
    await page.getByText('アップストリームがログインを受け付けません。').waitFor()
    await look('paused-subscription')
    await must('POST', '/catalog/far/refresh?organization=acme', {})
    await go('/o/acme/catalog')
    const trouble = page.getByRole('status').filter({ hasText: 'far のカタログを更新できませんでした' })
    await trouble.getByText('相手のサーバーに拒否されました。').waitFor()
    if (SHOTS !== undefined) await page.screenshot({ path: join(SHOTS, 'catalog.png') })
    await go('/o/acme/settings?section=identity')
    await button('プロバイダーを追加').click()
    await dialog().locator('input[name=name]').fill('sso')
    await dialog().locator('input[name=issuer]').fill('https://127.0.0.1:9')
    await dialog().locator('input[name=clientId]').fill('kagami')
    await dialog().locator('button[type=submit]').click()
    await dialog().getByRole('alert').waitFor()
    await look('bad-provider')
    await go('/device?code=BCDF-GHJK')
    await page.locator('button[type=submit]').click()
    await page.getByText('端末のコードは無効です。').waitFor()
    await look('device')
    for (const [name, path] of [
      ['invitation', '/invitations#kgm_inv_nothing'],
      ['enter', '/enter#kgm_sil_nothing'],
      ['setup', '/setup'],
    ] as const) {
      await go(path)
      await page.getByRole('heading').first().waitFor()
      await look(name)
    }
  })

  test('where a tag pointed, who moved it, and what keeps it', async () => {
    await go(`${HERE}?tab=tags`)
    const { digest } = (await must('GET', '/repositories/acme/dhi-node/tags/24')).tag
    await must('POST', '/repositories/acme/dhi-node/tags/delete', { tags: ['24'] })
    await must('POST', '/repositories/acme/dhi-node/tags/24/restore', { digest, reason: '試験のため' })
    await go('/o/acme/image/dhi-node:24?section=history')
    await page.getByText('履歴から復元').waitFor()
    await page.getByText('· 更新').waitFor()
    await look('history')
    await must('PATCH', '/repositories/acme/dhi-node', { immutableTags: { mode: 'all' } })
    await go(`${HERE}?tab=tags`)
    await page.getByRole('checkbox', { name: '24 を選択', exact: true }).check()
    await button('1 件を削除…').click()
    await dialog().getByText('変更禁止か、リポジトリがアーカイブされています。').waitFor()
    await look('kept-tags')
  })

  test('the other pages', async () => {
    const wait = async (name: string, path: string) => {
      await go(path)
      await page.locator('main').getByText(/\p{L}/u).first().waitFor()
      await page.waitForFunction(() => document.querySelector('[aria-busy=true]') === null)
      await look(name)
    }
    await wait('mirror', `${HERE}?tab=mirror`)
    await wait('activity', `${HERE}?tab=activity`)
    await wait('upstream', '/o/acme/settings?section=upstreams&of=far')
    await wait('audit', '/o/acme/settings?section=audit')
    await wait('health', '/operator?tab=health')
    await wait('absent-repository', '/o/acme/repository/nothing-here')
    await wait('absent-organization', '/o/nowhere')
  })

  test('nothing else is in English, and nothing is wrong for axe', () => {
    expect(findings).toEqual([])
  })
})
