// What an organization's own pages show: how it is, who is in it, and what it goes by; to owners, editors and members; and to operators.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { type OpenIdProvider, startOpenIdProvider } from '../support/openid-provider.ts'
import { type BrowserPage, haveChromium, openBrowserPage } from '../support/page-browser.ts'
import { type Login, OWNER, startWholeServer, type WholeServer } from '../support/whole-server.ts'

setDefaultTimeout(120_000)

describe.skipIf(!haveChromium)('the pages of an organization', () => {
  let kagami: WholeServer
  let member: Login
  let editor: Login
  let openid: OpenIdProvider
  const browsers = new Map<string, BrowserPage>()
  beforeAll(async () => {
    openid = await startOpenIdProvider()
    kagami = await startWholeServer({ withSample: true })
    member = await kagami.addUser('mia', { acme: 'member' })
    editor = await kagami.addUser('eddie', { acme: 'editor' })
  })
  afterAll(async () => {
    for (const browser of browsers.values()) await browser.close()
    await kagami?.stop()
    await openid?.stop()
  })

  /** Signed in, at the start: each has one browser for all of it. */
  async function enter(login: Login): Promise<BrowserPage> {
    const known = browsers.get(login.username)
    if (known !== undefined) {
      await known.page.goto(`${kagami.url}/o/acme`)
      return known
    }
    return open(login, login.username)
  }

  async function open(login: Login, as: string): Promise<BrowserPage> {
    const browser = await openBrowserPage()
    browsers.set(as, browser)
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
    await kagami.addUser('newmate')
    await page.getByRole('button', { name: 'Add a member' }).click()
    await page.getByLabel('User').fill('newmate')
    await page.getByRole('dialog').getByRole('button', { name: 'Add a member' }).click()
    await page.getByRole('combobox', { name: 'Role of newmate' }).waitFor()
    await page.getByRole('button', { name: 'Invite someone' }).click()
    await page.getByLabel('Mail address').fill('ann@example.com')
    await page.getByRole('button', { name: 'Make the link' }).click()
    await page.getByText(/\/invitations#kgm_inv_/).waitFor()
    expect(await audit()).toEqual([])
    await page.getByRole('dialog').getByText('Close', { exact: true }).click()
    await page.getByRole('tab', { name: 'Invitations' }).click()
    await page.getByRole('button', { name: 'Revoke the invitation for ann@example.com' }).click()
    await page.getByText('Revoked', { exact: true }).waitFor()
    expect(complaints).toEqual([])
  })

  test('an owner makes a team with people and rights, and deletes it by its name', async () => {
    const { page, audit, complaints } = await enter(OWNER)
    await page.goto(`${kagami.url}/o/acme/people?tab=teams`)
    await page.getByText('No teams yet.').waitFor()
    await page.getByRole('button', { name: 'Create a team' }).click()
    await page.getByRole('textbox', { name: 'Name', exact: true }).fill('platform')
    await page.getByLabel('Manages mirrors').check()
    await page.getByRole('dialog').getByRole('button', { name: 'Create a team' }).click()
    await page.getByText('Nobody is in it yet.').waitFor()
    await page.getByRole('combobox', { name: 'Someone of the organization' }).click()
    await page.getByRole('option', { name: 'mia' }).click()
    await page.getByRole('button', { name: 'Add' }).first().click()
    await page.getByRole('button', { name: 'Take mia out of the team' }).waitFor()
    await page.getByRole('combobox', { name: 'Repository or pattern' }).fill('dhi-*')
    await page.getByRole('button', { name: 'Add' }).last().click()
    await page.getByRole('cell', { name: 'acme/dhi-*', exact: true }).waitFor()
    expect(await audit()).toEqual([])
    await page.goto(`${kagami.url}/o/acme/settings?section=audit`)
    await page.getByText('platform, read').waitFor()
    await page.goto(`${kagami.url}/o/acme/people/teams/platform`)
    await page.getByRole('button', { name: 'Delete the team' }).click()
    await page.getByText('1 member loses what it allows on 1 repository or pattern.').waitFor()
    await page.getByLabel('Type platform').fill('platform')
    await page.getByRole('dialog').getByRole('button', { name: 'Delete the team' }).click()
    await page.getByText('No teams yet.').waitFor()
    expect(complaints).toEqual([])
  })

  test('an owner gives a pipeline a token, and lets its jobs exchange theirs', async () => {
    const { page, audit, complaints } = await enter(OWNER)
    await page.getByRole('link', { name: 'Settings' }).click()
    await page.getByRole('tab', { name: 'Tokens' }).click()
    await page.getByRole('button', { name: 'Create a token' }).click()
    await page.getByLabel('What it is for').fill('ci')
    await page.getByRole('dialog').getByRole('button', { name: 'Create a token' }).click()
    await page.getByText(/^kgm_oat_/).waitFor()
    await page.getByText(`docker login ${new URL(kagami.url).host} --username acme --password-stdin`).waitFor()
    await page.getByRole('dialog').getByText('Close', { exact: true }).click()
    await page.getByRole('button', { name: 'Revoke: ci' }).waitFor()
    expect(await audit()).toEqual([])
    await page.getByRole('tab', { name: 'Identity' }).click()
    await page.getByRole('button', { name: 'Add a rule' }).click()
    await page.getByRole('textbox', { name: 'Name', exact: true }).fill('release')
    await page.getByLabel('Repository or project there').fill('acme/app')
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    await page.getByText('repository = acme/app').waitFor()
    await page.getByRole('button', { name: 'Show what was refused: release' }).click()
    await page.getByText('Nothing was refused.').waitFor()
    expect(complaints).toEqual([])
  })

  test('an owner adds a provider by which people come in, changes what they become, and removes it', async () => {
    // A browser of its own: it hears that something was refused, as it is meant to be.
    const { page, audit, complaints } = await open(OWNER, 'of the provider')
    const dialog = page.getByRole('dialog')
    const shown = async () => {
      const { text } = await kagami.call('GET', '/organizations/acme/identities', { login: OWNER })
      return JSON.parse(text).identities.find(({ name }: { name: string }) => name === 'sso')
    }
    expect(
      (await kagami.call('POST', '/organizations/acme/teams', { login: OWNER, body: { name: 'ops' } })).status,
    ).toBe(201)
    await page.goto(`${kagami.url}/o/acme/settings?section=identity`)
    await page.getByRole('button', { name: 'Add a provider' }).click()
    await dialog.getByRole('textbox', { name: 'Name', exact: true }).fill('sso')
    await dialog.getByLabel('Issuer').fill('ftp://login.example.com')
    await dialog.getByLabel('Client ID').fill('kagami')
    await dialog.getByLabel('Client secret').fill('a secret of the client')
    await dialog.getByLabel('Groups that stand for teams').fill('no team')
    await dialog.getByRole('button', { name: 'Add', exact: true }).click()
    await dialog.getByText('This is no GROUP=TEAM: no team').waitFor()
    await dialog.getByLabel('Groups that stand for teams').fill('engineering=ops')
    await dialog.getByRole('button', { name: 'Add', exact: true }).click()
    // What the server refuses stays in the dialog, with all that was filled in.
    await dialog.getByRole('alert').waitFor()
    expect([await shown(), await audit()]).toEqual([undefined, []])
    await dialog.getByLabel('Issuer').fill(openid.url)
    await dialog.getByRole('button', { name: 'Add', exact: true }).click()
    await page.getByText('engineering → ops').waitFor()
    expect(await audit()).toEqual([])
    expect(await page.getByText('a secret of the client').count()).toBe(0)
    const { redirectUri, signIn } = await shown()
    await page.getByText(redirectUri, { exact: true }).waitFor()
    openid.allow({ id: 'kagami', secret: 'a secret of the client', redirectUris: [redirectUri] })
    openid.person = { sub: 'pia-1', preferred_username: 'pia', groups: ['engineering'] }
    const visitor = await openBrowserPage()
    browsers.set('pia', visitor)
    await visitor.page.goto(signIn)
    await visitor.page.getByRole('heading', { name: 'acme', exact: true }).waitFor()
    const members = async () => (await kagami.call('GET', '/organizations/acme/members', { login: OWNER })).text
    expect(JSON.parse(await members()).members).toContainEqual(
      expect.objectContaining({ username: 'pia.acme', role: 'member', teams: ['ops'] }),
    )
    await page.getByRole('button', { name: 'Edit: sso' }).click()
    expect(await dialog.getByLabel('Client ID').inputValue()).toBe('kagami')
    expect(await dialog.getByLabel('Client secret').inputValue()).toBe('')
    await dialog.getByRole('combobox', { name: 'People become' }).click()
    await page.getByRole('option', { name: 'Editor' }).click()
    await dialog.getByLabel('Groups that stand for teams').fill('')
    expect(await audit()).toEqual([])
    await dialog.getByRole('button', { name: 'Save' }).click()
    await dialog.waitFor({ state: 'hidden' })
    // Left empty, the secret stays.
    expect(await shown()).toMatchObject({ role: 'editor', groups: [], hasClientSecret: true, clientId: 'kagami' })
    await page.getByRole('button', { name: 'Remove: sso' }).click()
    const remove = dialog.getByRole('button', { name: 'Remove', exact: true })
    expect(await remove.isDisabled()).toBe(true)
    await dialog.getByRole('textbox').fill('sso')
    await remove.click()
    await page.getByText('None yet. With one, people sign in').waitFor()
    // Its sessions end with it.
    await visitor.page.reload()
    await visitor.page.locator('input[name=username]').waitFor()
    expect(complaints.filter((one) => !/status of 400/.test(one))).toEqual([])
  })

  test('an owner adds an upstream, gives its registry an address for hints, and sees what a subscription would take', async () => {
    const { page, audit, complaints } = await enter(OWNER)
    await page.goto(`${kagami.url}/o/acme/settings?section=upstreams`)
    await page.getByRole('button', { name: 'Add an upstream' }).click()
    await page.getByRole('textbox', { name: 'Name', exact: true }).fill('corp')
    await page.getByLabel('Address').fill('https://registry.example.com/team')
    await page.getByLabel('Look at the registry first').uncheck()
    await page.getByRole('dialog').getByRole('button', { name: 'Add an upstream' }).click()
    await page.getByText('The registry has told no limit so far.').waitFor()
    expect(page.url()).toContain('of=corp')
    await page.getByRole('button', { name: 'Make the address' }).click()
    await page.getByText(/\/hooks\//).waitFor()
    expect(await audit()).toEqual([])
    await page.getByRole('button', { name: 'Remove' }).click()
    await page.getByLabel('Type corp').fill('corp')
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click()
    await page.getByText('The registries that you mirror from.').waitFor()
    await page.getByRole('tab', { name: 'Subscriptions' }).click()
    await page.getByRole('button', { name: 'Subscribe to an upstream' }).click()
    await page.getByLabel('Take', { exact: true }).fill('n*')
    await page.getByRole('button', { name: 'Preview' }).click()
    await page.getByText('repositories are taken').waitFor()
    await page.getByLabel('Take', { exact: true }).fill('nginx')
    await page.getByRole('button', { name: 'Subscribe', exact: true }).click()
    await page.getByRole('heading', { name: 'nginx' }).waitFor()
    await page.getByRole('button', { name: 'Change what it takes' }).click()
    await page.getByLabel('Leave out').fill('*-chart')
    await page.getByRole('button', { name: 'Preview' }).click()
    await page.getByText('repositories are taken').waitFor()
    expect(await audit()).toEqual([])
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('heading', { name: 'nginx but not *-chart' }).waitFor()
    const { text } = await kagami.call('GET', '/subscriptions?organization=acme', { login: OWNER })
    expect(JSON.parse(text).subscriptions).toMatchObject([{ match: ['nginx'], except: ['*-chart'] }])
    await kagami.call('POST', `/subscriptions/acme/${JSON.parse(text).subscriptions[0].id}/pause`, { login: OWNER })
    await page.goto(`${kagami.url}/o/acme`)
    await page.getByRole('link', { name: 'Open subscription' }).click()
    await page.getByRole('button', { name: 'Resume', exact: true }).waitFor()
    expect(complaints).toEqual([])
  })

  test('an owner finds in the audit log who was refused what, and hands it on by its address', async () => {
    const { page, audit, complaints } = await enter(OWNER)
    await kagami.call('PATCH', '/organizations/acme', { login: member, body: { membersPull: 'none' } })
    await page.goto(`${kagami.url}/o/acme/settings?section=audit`)
    await page.getByLabel('Person').fill('mia')
    await page.getByLabel('Person').press('Enter')
    await page.getByText('Refused', { exact: true }).first().waitFor()
    expect(page.url()).toContain('actor=mia')
    expect(await audit()).toEqual([])
    const lines = await page.getByRole('link', { name: 'Export these as JSON lines' }).getAttribute('href')
    const exported = await page.request.get(`${kagami.url}${lines}`)
    expect(JSON.parse((await exported.text()).split('\n')[0] ?? '')).toMatchObject({ actor: 'user:mia' })
    await page
      .getByRole('button', { name: /^Details: / })
      .first()
      .click()
    await page.getByText('After', { exact: true }).waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('tab', { name: 'Usage' }).click()
    await page.getByRole('link', { name: 'dhi-nginx' }).waitFor()
    expect(complaints).toEqual([])
  })

  test('an operator makes a user, disables them, and sees how the server is and what it goes by', async () => {
    const { page, audit, complaints } = await enter(OWNER)
    await page.getByRole('link', { name: 'Operator' }).click()
    await page.getByText('SQLite').waitFor()
    expect(await audit()).toEqual([])
    await page.getByRole('tab', { name: 'Users' }).click()
    await page.getByRole('button', { name: 'Create a user' }).click()
    await page.getByLabel('User name').fill('newcomer')
    await page.getByRole('button', { name: 'Create', exact: true }).click()
    await page.getByText('The password of newcomer, shown only once').waitFor()
    await page.getByRole('dialog').getByText('Close', { exact: true }).click()
    await page.getByRole('button', { name: 'What can be done with newcomer' }).click()
    await page.getByRole('menuitem', { name: 'Disable' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Disable' }).click()
    await page.getByText('Disabled', { exact: true }).waitFor()
    await page.getByRole('tab', { name: 'Settings' }).click()
    await page.getByText('a secret, set').waitFor()
    expect(await page.content()).not.toContain(OWNER.password)
    expect(await audit()).toEqual([])
    expect(complaints).toEqual([])
  })

  test('a member sees who is there, whom to ask, and nothing to press', async () => {
    const { page, audit, complaints } = await enter(member)
    await page.getByRole('link', { name: 'People' }).click()
    await page.getByText('Only owners can invite people and change roles.').waitFor()
    await page.getByRole('cell', { name: 'mia' }).waitFor()
    expect(await page.getByRole('button', { name: /Remove|Invite/ }).count()).toBe(0)
    expect(await page.getByRole('link', { name: 'Operator' }).count()).toBe(0)
    await page.getByRole('link', { name: 'Catalog' }).click()
    await page.getByRole('link', { name: 'node' }).click()
    await page.getByText('Only owners of acme').waitFor()
    expect(await audit()).toEqual([])
    for (const [section, words] of [
      ['general', 'Only owners change this.'],
      ['tokens', 'Only owners see and make tokens'],
      ['upstreams', 'Only owners add and change upstreams.'],
      ['identity', 'Only owners see and change this.'],
      ['audit', 'Only owners read the audit log.'],
    ]) {
      await page.goto(`${kagami.url}/o/acme/settings?section=${section}`)
      await page.getByText(words ?? '').waitFor()
    }
    await page.goto(`${kagami.url}/operator`)
    await page.getByText('This page is for operators of the server.').waitFor()
    expect(complaints).toEqual([])
  })

  test('an editor sees teams and subscriptions, and that owners change them', async () => {
    const { page, complaints } = await enter(editor)
    await page.goto(`${kagami.url}/o/acme/people?tab=teams`)
    await page.getByText('Only owners change teams.').waitFor()
    await page.goto(`${kagami.url}/o/acme/settings?section=subscriptions`)
    await page.getByText('members of a team that manages mirrors, change subscriptions').waitFor()
    expect(complaints).toEqual([])
  })

  test('what is not there says so, and leads to what is', async () => {
    const { page, audit, complaints } = await enter(OWNER)
    for (const [place, title, way] of [
      ['people/teams/nobodys', 'Team not found', 'All teams'],
      ['repository/nothing', 'Repository not found', 'All repositories'],
      ['image/nothing:1', 'Image not found', 'acme/nothing'],
      ['webhooks?webhook=nothing', 'There is no webhook nothing here any more.', 'All webhooks'],
      ['settings?section=subscriptions&of=nothing', 'There is no such subscription', 'All subscriptions'],
      ['settings?section=upstreams&of=nothing', 'There is no upstream nothing here.', 'All upstreams'],
      ['catalog/sample/nothing', 'The catalog knows nothing of this repository.', 'Catalog'],
    ] as const) {
      await page.goto(`${kagami.url}/o/acme/${place}`)
      const main = page.getByRole('main')
      await main.getByText(title).first().waitFor()
      await main.getByText(way, { exact: true }).first().waitFor()
      expect([place, await audit()]).toEqual([place, []])
    }
    // What is absent is an answer that a browser writes down by itself.
    expect(complaints.filter((line) => !line.includes('status of 40'))).toEqual([])
  })

  test('an error of a field can be read, in the light and in the dark', async () => {
    const { page, audit } = await enter(OWNER)
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      await page.goto(`${kagami.url}/profile/password`)
      await page.locator('input[name=current]').fill(OWNER.password)
      await page.locator('input[name=password]').fill('one password that is long')
      await page.locator('input[name=again]').fill('another password')
      await page.getByRole('button', { name: 'Change password' }).click()
      await page.locator('.mantine-InputWrapper-error').first().waitFor()
      expect([colorScheme, await audit()]).toEqual([colorScheme, []])
    }
    await page.emulateMedia({ colorScheme: 'light' })
  })

  test('an owner reads recipes for webhooks without leaving the page', async () => {
    const { page, audit } = await enter(OWNER)
    await page.goto(`${kagami.url}/o/acme/repository/dhi-nginx?tab=webhooks`)
    await page.getByRole('button', { name: 'Show recipes' }).click()
    await page.getByText('#!/bin/sh').first().waitFor()
    await page.getByRole('tab', { name: 'Receiver' }).click()
    await page.getByRole('button', { name: 'Copy receiver.mjs' }).waitFor()
    expect(await audit()).toEqual([])
  })

  test('an owner names an organization, changes to it where one is, and deletes it with what it has', async () => {
    await kagami.call('POST', '/organizations', { login: OWNER, body: { name: 'other' } })
    await kagami.call('POST', '/repositories', { login: OWNER, body: { name: 'other/app' } })
    const { page, audit, complaints } = await enter(OWNER)
    const heard = complaints.length
    const change = async (name: string) => {
      await page.getByRole('combobox', { name: 'Organization' }).click()
      await page.getByRole('option', { name }).click()
    }
    await page.goto(`${kagami.url}/o/acme/settings?section=tokens`)
    await page.getByRole('tab', { name: 'Tokens', selected: true }).waitFor()
    await change('other')
    await page.waitForURL('**/o/other/settings?section=tokens')
    await page.goto(`${kagami.url}/o/acme/repository/dhi-nginx?tab=mirror`)
    await page.getByRole('tab', { name: 'Mirror', selected: true }).waitFor()
    await change('other')
    await page.waitForURL('**/o/other/repositories')
    await page.goto(`${kagami.url}/o/other/settings`)
    await page.getByRole('button', { name: 'Change: Display name' }).click()
    await page.getByRole('dialog').getByLabel('Display name').fill('Other Works')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('How Other Works is set up').waitFor()
    await change('acme')
    await page.waitForURL('**/o/acme/settings')
    await change('Other Works')
    await page.waitForURL('**/o/other/settings')
    await page.getByRole('button', { name: 'Delete organization' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByText('Repositories: 1').waitFor()
    await dialog.getByLabel('Type other').fill('other')
    expect(await dialog.getByRole('button', { name: 'Delete organization' }).isDisabled()).toBe(true)
    await dialog.getByLabel('Delete its repository too').check()
    expect(await audit()).toEqual([])
    await dialog.getByRole('button', { name: 'Delete organization' }).click()
    await page.waitForURL('**/o/acme')
    await page.getByText('other was deleted.').waitFor()
    expect((await kagami.call('GET', '/organizations/other', { login: OWNER })).status).toBe(403)
    expect(complaints.slice(heard)).toEqual([])
  })
})
