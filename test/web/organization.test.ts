// What an organization's own pages show: how it is, and who is in it; to owners, and to members who may not change it.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { type BrowserPage, haveChromium, openBrowserPage } from '../support/page-browser.ts'
import { type Login, OWNER, startWholeServer, type WholeServer } from '../support/whole-server.ts'

setDefaultTimeout(120_000)

describe.skipIf(!haveChromium)('the pages of an organization', () => {
  let kagami: WholeServer
  let member: Login
  const browsers: BrowserPage[] = []
  beforeAll(async () => {
    kagami = await startWholeServer({ withSample: true })
    member = await kagami.addUser('mia', { acme: 'member' })
  })
  afterAll(async () => {
    for (const browser of browsers) await browser.close()
    await kagami?.stop()
  })

  /** Signed in, at the start. */
  async function enter(login: Login): Promise<BrowserPage> {
    const browser = await openBrowserPage()
    browsers.push(browser)
    await browser.page.goto(kagami.url)
    await browser.page.locator('input[name=username]').fill(login.username)
    await browser.page.locator('input[name=password]').fill(login.password)
    await browser.page.getByRole('button', { name: 'Sign in', exact: true }).click()
    await browser.page.getByRole('heading', { name: 'acme', exact: true }).waitFor()
    return browser
  }

  test('an owner sees how the mirrors are, and goes on to what needs attention', async () => {
    const source = { organization: 'acme', upstream: 'sample', repository: 'nginx', as: 'dhi-nginx' }
    const begun = JSON.parse((await kagami.call('POST', '/mirrors', { login: OWNER, body: source })).text)
    await kagami.server.mirrors.wait(begun.run.id)
    await kagami.call('POST', '/mirrors/acme/dhi-nginx/pause', { login: OWNER, body: {} })
    const { page, audit, complaints } = await enter(OWNER)
    const look = page.locator('.mantine-Card-root', { hasText: 'Needs attention' })
    await look.getByText('Paused', { exact: true }).waitFor()
    expect(await audit()).toEqual([])
    await look.getByRole('link', { name: 'dhi-nginx' }).click()
    await page.getByRole('tab', { name: 'Mirror', selected: true }).waitFor()
    expect(complaints).toEqual([])
  })

  test('an owner changes a role, invites by a link that serves, and takes it back', async () => {
    const { page, audit, complaints } = await enter(OWNER)
    await page.getByRole('link', { name: 'People' }).click()
    await page.getByRole('combobox', { name: 'Role of mia' }).click()
    await page.getByRole('option', { name: 'Editor' }).click()
    await page.getByText('Role changed.').waitFor()
    const { text } = await kagami.call('GET', '/organizations/acme/members', { login: OWNER })
    expect(JSON.parse(text).members).toContainEqual(expect.objectContaining({ username: 'mia', role: 'editor' }))
    await kagami.call('PUT', '/organizations/acme/members/mia', { login: OWNER, body: { role: 'member' } })
    await page.getByRole('button', { name: 'Invite someone' }).click()
    await page.getByText(/\/invitations#kgm_inv_/).waitFor()
    expect(await audit()).toEqual([])
    await page.getByRole('button', { name: 'Revoke' }).click()
    await page.getByText('Revoked', { exact: true }).waitFor()
    expect(complaints).toEqual([])
  })

  test('a member sees who is there, whom to ask, and nothing to press', async () => {
    const { page, audit, complaints } = await enter(member)
    await page.getByRole('link', { name: 'People' }).click()
    await page.getByText('Only owners can invite people and change roles.').waitFor()
    await page.getByRole('cell', { name: 'mia' }).waitFor()
    expect(await page.getByRole('button', { name: /Remove|Invite/ }).count()).toBe(0)
    await page.getByRole('link', { name: 'Catalog' }).click()
    await page.getByRole('link', { name: 'node' }).click()
    await page.getByText('Only owners of acme').waitFor()
    expect(await audit()).toEqual([])
    expect(complaints).toEqual([])
  })
})
