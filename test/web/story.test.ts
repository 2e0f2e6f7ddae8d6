// The story of the page as an owner lives it, in a real browser: find an image, mirror it, watch it arrive, hand it out, stop.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import type { Page } from 'playwright-core'
import { Webhook as Verifier } from 'standardwebhooks'
import { heldLayer } from '../support/held-layer.ts'
import { type BrowserPage, haveChromium, openBrowserPage } from '../support/page-browser.ts'
import { type Receiver, startReceiver } from '../support/webhook-receiver.ts'
import { authorization, type Login, OWNER, startWholeServer, type WholeServer } from '../support/whole-server.ts'

setDefaultTimeout(120_000)

if (!haveChromium) console.warn('\n*** SKIPPED, NO CHROMIUM: the page (run scripts/install-test-packages as root)\n')
describe.skipIf(!haveChromium)('an owner', () => {
  let kagami: WholeServer
  let browser: BrowserPage
  let receiver: Receiver
  let page: Page
  let secret = ''
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

  /** What whoever has no account pulls with. */
  const anonymous = async (repository: string) => {
    const granted = await fetch(`${kagami.url}/token?service=kagami&scope=repository:${repository}:pull`)
    return { headers: { authorization: `Bearer ${((await granted.json()) as { token: string }).token}` } }
  }
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

  test('watches an image arrive: what is copied right now is named, also after a reload', async () => {
    const upstream = heldLayer(`3.12-${'slim-'.repeat(20)}end`)
    try {
      const body = { name: 'slow', url: upstream.url, organization: 'acme' }
      expect((await kagami.call('POST', '/upstreams', { login: OWNER, body })).status).toBeLessThan(300)
      const wanted = { organization: 'acme', upstream: 'slow', repository: upstream.repository, as: 'arriving' }
      expect((await kagami.call('POST', '/mirrors', { login: OWNER, body: wanted })).status).toBeLessThan(300)
      await upstream.isHeld
      await page.goto(`${kagami.url}/o/acme/repository/arriving?tab=mirror`)
      const current = page.getByText(`Copying 140 kB of ${upstream.tag}`)
      await current.waitFor()
      await page.reload()
      await current.waitFor()
      expect(await current.getAttribute('aria-live')).toBe('off')
      findings.push(...(await browser.audit()))
      // One line however long its tag is, and no wider than a phone.
      await page.setViewportSize({ width: 360, height: 740 })
      expect((await current.boundingBox())?.height).toBe(20)
      await page.waitForFunction(() => document.documentElement.scrollWidth === 360)
      await page.setViewportSize({ width: 1280, height: 800 })
      upstream.release()
      await page.getByText('All tags are here.').waitFor()
      await current.waitFor({ state: 'detached' })
    } finally {
      await upstream.stop()
    }
    await page.goto(`${kagami.url}/o/acme/repository/dhi-node`)
    await page.getByRole('heading', { name: 'acme/dhi-node' }).waitFor()
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
    secret = (await dialog.getByText(/^whsec_/).textContent()) ?? ''
    findings.push(...(await browser.audit()))
    await dialog.getByRole('button', { name: 'Close' }).last().click()
    await button('Send test').click()
    await page.getByText('Delivered', { exact: true }).waitFor()
    expect(receiver.received.map(({ json }) => json.kagami.kind)).toEqual(['webhook.test'])
    findings.push(...(await browser.audit()))
  })

  test('sees an update arrive by itself, and what of it was delivered, signed', async () => {
    await tab('Tags').click()
    await page
      .getByRole('status')
      .getByText(/^\d+ tags$/)
      .waitFor()
    const hook = JSON.parse((await kagami.call('POST', '/upstreams/sample/hook', { login: OWNER, body: {} })).text)
    const { sample } = JSON.parse((await kagami.call('POST', '/sample/releases', { login: OWNER })).text)
    const moved: string = sample.repositories.find(({ name }: { name: string }) => name.endsWith('node')).movedTags[0]
    const digestOf = async () => {
      const { text } = await kagami.call('GET', `/repositories/acme/dhi-node/tags/${moved}`, { login: OWNER })
      return JSON.parse(text).tag?.digest as string | undefined
    }
    const before = await digestOf()
    // What a registry posts that was pushed to. Nobody touches the page from here on.
    const events = [
      { action: 'push', target: { repository: 'dhi/node', tag: moved, digest: `sha256:${'0'.repeat(64)}` } },
    ]
    const told = await fetch(hook.url, { method: 'POST', body: JSON.stringify({ events }) })
    expect(told.status).toBeLessThan(300)
    const row = page.getByRole('row', { name: new RegExp(`^Choose ${moved} ${moved} `) })
    await page.waitForFunction(
      ([tag, old]) => {
        const rows = [...document.querySelectorAll('tbody tr')]
        const shown = rows
          .find((one) => one.querySelector(`input[aria-label="Choose ${tag}"]`))
          ?.querySelector('.digest')
        return shown !== undefined && shown !== null && shown.getAttribute('title') !== old
      },
      [moved, before ?? 'none'] as const,
    )
    expect(await row.locator('.digest').getAttribute('title')).toBe((await digestOf()) ?? '')
    const [delivery] = (
      await receiver.until((all) =>
        all.some(({ json }) => json.kagami.kind === 'tag.moved' && json.push_data?.tag === moved),
      )
    ).filter(({ json }) => json.push_data?.tag === moved)
    new Verifier(secret).verify(delivery?.body ?? '', delivery?.headers ?? {})
    await tab('Webhooks').click()
    await page.getByRole('link', { name: 'ci', exact: true }).click()
    await page.getByRole('link', { name: 'tag.moved', exact: true }).first().click()
    await page.getByText(/^webhook-signature: v1,|webhook-signature: v1,/).waitFor()
    findings.push(...(await browser.audit()))
  })

  test('is told what public means before and after, and goes back', async () => {
    await tab('Settings').click()
    await button('Make public').click()
    const dialog = page.getByRole('dialog')
    await dialog.getByText('Its mirror pauses: a public repository gets no updates').waitFor()
    await dialog.getByLabel('Type acme/dhi-node to confirm').fill('acme/dhi-node')
    await dialog.getByRole('button', { name: 'Make public' }).click()
    await page.getByText('Paused', { exact: true }).first().waitFor()
    // Told after it too, where it happened.
    await page.getByText(/^Saved\. Its mirror pauses/).waitFor()
    // Anybody pulls it now.
    expect((await fetch(`${kagami.url}/v2/acme/dhi-node/tags/list`, await anonymous('acme/dhi-node'))).status).toBe(200)
    await tab('Mirror').click()
    await page.getByText('Paused: the repository is public').waitFor()
    findings.push(...(await browser.audit()))
    await button('Make private').click()
    await page.getByRole('dialog').getByText('Its mirror resumes, and checks everything again').waitFor()
    await page.getByRole('dialog').getByRole('button', { name: 'Make private' }).click()
    await page.getByText('In step', { exact: true }).first().waitFor()
  })

  test('stops mirroring, told that the images stay, and pulls go on', async () => {
    await tab('Mirror').click()
    await button('Stop mirroring').click()
    const dialog = page.getByRole('dialog')
    await dialog.getByText('The repository and its images stay, and can still be pulled.').waitFor()
    expect(await dialog.getByRole('button', { name: 'Stop mirroring' }).isEnabled()).toBe(false)
    await dialog.getByLabel('Type acme/dhi-node to confirm').fill('acme/dhi-node')
    await dialog.getByRole('button', { name: 'Stop mirroring' }).click()
    await page.getByText('Stopped', { exact: true }).first().waitFor()
    await button('Mirror again').waitFor()
    await tab('Tags').click()
    expect(await page.locator('tbody tr').count()).toBeGreaterThan(5)
    const manifest = await fetch(`${kagami.url}/v2/acme/dhi-node/manifests/24`, {
      headers: { authorization: authorization(OWNER) },
    })
    expect(manifest.status).toBe(200)
    await page.getByRole('link', { name: 'Mirrors' }).click()
    await page.getByText('Stopped', { exact: true }).first().waitFor()
    findings.push(...(await browser.audit()))
  })

  test('mirrors another', async () => {
    await page.goto(`${kagami.url}/o/acme/catalog/sample/nginx`)
    await button('Mirror to repository').click()
    await page.getByText(/^\d+ tags, \d+ manifests/).waitFor()
    await button('Start mirroring').click()
    await page.getByRole('heading', { name: 'acme/dhi-nginx' }).waitFor()
    await page.getByText('In step').first().waitFor()
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

  const enter = async (login: Login, path: string) => {
    await page.context().clearCookies()
    await page.goto(`${kagami.url}${path}`)
    await page.locator('input[name=username]').fill(login.username)
    await page.locator('input[name=password]').fill(login.password)
    await button('Sign in').click()
  }
  const NGINX = '/o/acme/repository/dhi-nginx'
  const tabs = () => page.getByRole('tablist').first().getByRole('tab').allInnerTexts()

  test('an editor does all of it but begin and end mirrors, and sees whom to ask for that', async () => {
    await enter(await kagami.addUser('ed', { acme: 'editor' }), `${NGINX}?tab=mirror`)
    await page.getByText('You can sync this mirror. Only owners of acme').waitFor()
    expect(await page.getByRole('button', { name: /Stop mirroring|^Pause$/ }).count()).toBe(0)
    await button('Sync now').click()
    await page.getByText('Sync started.').waitFor()
    expect(await tabs()).toEqual([
      'Overview',
      'Tags',
      'Mirror',
      'Replications',
      'Webhooks',
      'Access',
      'Activity',
      'Settings',
    ])
    await tab('Settings').click()
    await button('Make public').click()
    await page.getByRole('dialog').getByText('This would pause its mirror. Only owners of acme').waitFor()
  })

  test('a member without a team sees nothing of it, and whom to ask; with one, as much as the team may', async () => {
    const mia = await kagami.addUser('mia', { acme: 'member' })
    await kagami.call('PATCH', '/organizations/acme', { login: OWNER, body: { membersPull: 'none' } })
    await enter(mia, NGINX)
    await page.getByText('There is no repository acme/dhi-nginx, or you don’t have access to it.').waitFor()
    const teams = '/organizations/acme/teams'
    const must = async (method: string, path: string, body?: unknown) => {
      expect((await kagami.call(method, path, { login: OWNER, body })).status).toBeLessThan(300)
    }
    await must('POST', teams, { name: 'devs' })
    await must('PUT', `${teams}/devs/members/mia`)
    await must('PUT', `${teams}/devs/grants`, { repository: 'dhi-*', permission: 'read' })
    await page.goto(`${kagami.url}${NGINX}?tab=settings`)
    await page.getByText('Settings is for admins of this repository.').waitFor()
    expect(await tabs()).toEqual(['Overview', 'Tags', 'Mirror', 'Replications', 'Access'])
    await tab('Mirror').click()
    await page.getByText('Only owners of acme, and members of a team that manages mirrors').waitFor()
    expect(await page.getByRole('button', { name: /Sync now|Stop mirroring|Change/ }).count()).toBe(0)
    expect([...(await browser.audit())]).toEqual([])
  })

  test('a member whose team manages mirrors stops them as owners do', async () => {
    await kagami.call('PATCH', '/organizations/acme/teams/devs', { login: OWNER, body: { manageMirrors: true } })
    // Without a right to pull what it brings, too.
    await kagami.call('DELETE', '/organizations/acme/teams/devs/grants?repository=dhi-*', { login: OWNER })
    await page.goto(`${kagami.url}${NGINX}`)
    await page.getByText('You can manage its mirror.').waitFor()
    await button('Stop mirroring').click()
    await page.getByRole('dialog').getByLabel('Type acme/dhi-nginx to confirm').fill('acme/dhi-nginx')
    await page.getByRole('dialog').getByRole('button', { name: 'Stop mirroring' }).click()
    await page.getByText('Stopped', { exact: true }).first().waitFor()
  })
})
