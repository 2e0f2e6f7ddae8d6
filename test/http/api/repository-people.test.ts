// Who may do what with a repository and who did what to it; webhooks of all repositories at once; tags deleted together, and what that frees.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { repositoryAccessAnswerSchema } from '../../../src/api/access.ts'
import { auditListSchema } from '../../../src/api/audit.ts'
import { tagListSchema, tagsDeletedSchema } from '../../../src/api/tags.ts'
import { placedWebhookListSchema } from '../../../src/api/webhooks.ts'
import { emptyIndexPushed } from '../../support/empty-index.ts'
import {
  authorization,
  describeOnEachDatabase,
  type Login,
  OWNER,
  type WholeServer,
} from '../../support/whole-server.ts'

describeOnEachDatabase('a repository and its people', (start) => {
  let kagami: WholeServer
  let editor: Login
  let admin: Login
  let reader: Login
  let outside: Login
  let stranger: Login
  let token: Login
  const must = async (method: string, path: string, body?: unknown, login: Login = OWNER) => {
    const answer = await kagami.call(method, path, { login, body })
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.text}`)
    return answer.text === '' ? undefined : JSON.parse(answer.text)
  }
  beforeAll(async () => {
    kagami = await start({ withSample: true })
    editor = await kagami.addUser('ed', { acme: 'editor' })
    admin = await kagami.addUser('ann', { acme: 'member' })
    reader = await kagami.addUser('ray', { acme: 'member' })
    outside = await kagami.addUser('oz', { acme: 'member' })
    stranger = await kagami.addUser('eve', { evil: 'owner' })
    await must('PATCH', '/organizations/acme', { membersPull: 'none' })
    for (const name of ['box', 'box-2']) await must('POST', '/repositories', { name: `acme/${name}` })
    const teams = '/organizations/acme/teams'
    for (const [team, user, repository, permission] of [
      ['admins', 'ann', 'box', 'admin'],
      ['readers', 'ray', 'b*', 'read'],
    ]) {
      await must('POST', teams, { name: team })
      await must('PUT', `${teams}/${team}/members/${user}`)
      await must('PUT', `${teams}/${team}/grants`, { repository, permission })
    }
    await must('POST', teams, { name: 'mirrorers', manageMirrors: true })
    const all = { allow: ['pull', 'webhooks'], repositories: ['box*', 'other'] }
    token = {
      username: 'acme',
      password: (await must('POST', '/organizations/acme/tokens', { label: 'ci', ...all })).token,
    }
  })
  afterAll(() => kagami?.stop())

  const accessOf = async (login: Login, name = 'acme/box') =>
    (await kagami.call('GET', `/repositories/${name}/access`, { login })).as(repositoryAccessAnswerSchema).access

  test('an owner sees every way to it', async () => {
    const access = await accessOf(OWNER)
    expect(access.allowed).toEqual(expect.arrayContaining(['pull', 'admin', 'mirror.stop', 'webhook.manage', 'audit']))
    expect(access.members).toEqual({ pullAll: false, counts: { owner: 1, editor: 1, member: 3 } })
    expect(access.allTeams).toBe(true)
    expect(access.teams).toEqual([
      expect.objectContaining({ name: 'admins', permission: 'admin', members: 1 }),
      expect.objectContaining({ name: 'mirrorers', permission: null, manageMirrors: true, grants: [] }),
      {
        ...{ name: 'readers', permission: 'read', members: 1, manageMirrors: false },
        grants: [{ repository: 'acme/b*', permission: 'read' }],
      },
    ])
    expect(access.tokens).toEqual([expect.objectContaining({ label: 'ci', repositories: ['box*'], active: true })])
    expect(access.rules.roles.member).toEqual([])
    expect(access.rules.permissions.read).toEqual(['pull', 'history', 'mirror.read', 'replication.read'])
    expect(access.rules.tokens.webhooks).toEqual(['webhook.read', 'webhook.manage'])
  })

  test('others see as much of it as is theirs', async () => {
    const [asEditor, asAdmin, asReader] = [await accessOf(editor), await accessOf(admin), await accessOf(reader)]
    expect(asEditor).toMatchObject({ allTeams: true, tokens: null })
    expect(asEditor.allowed).not.toContain('mirror.stop')
    expect(asAdmin).toMatchObject({ allTeams: true, tokens: null })
    expect(asAdmin.allowed).toEqual(expect.arrayContaining(['admin', 'grant', 'audit']))
    expect(asReader).toMatchObject({
      allowed: ['pull', 'history', 'mirror.read', 'replication.read'],
      allTeams: false,
      tokens: null,
    })
    expect(asReader.teams.map(({ name }) => name)).toEqual(['readers'])
    const asToken = await accessOf(token)
    expect(asToken).toMatchObject({ teams: [], members: null, tokens: null })
    for (const login of [outside, stranger]) {
      for (const name of ['acme/box', 'acme/nothing']) {
        const answer = await kagami.call('GET', `/repositories/${name}/access`, { login })
        expect([name, answer.code]).toEqual([name, 'DENIED'])
      }
    }
    // What is public is open to all, and who works on it to nobody else.
    await must('PATCH', '/repositories/acme/box-2', { visibility: 'public' })
    const { allowed, members, teams, tokens } = await accessOf(stranger, 'acme/box-2')
    expect({ allowed, members, teams, tokens }).toEqual({ allowed: ['pull'], members: null, teams: [], tokens: null })
    await must('PATCH', '/repositories/acme/box-2', { visibility: 'private' })
  })

  test('its admins see what was done to it, and to nothing whose name begins alike', async () => {
    await must('PATCH', '/repositories/acme/box', { description: 'boxes' })
    await must('PATCH', '/repositories/acme/box-2', { description: 'others' })
    const hook = { name: 'ci', url: 'https://receiver.example.com/in' }
    for (const at of ['acme/box', 'acme/box-2']) await must('POST', `/repositories/${at}/webhooks`, hook)
    const read = async (login: Login, query = '') => {
      const answer = await kagami.call('GET', `/repositories/acme/box/audit${query}`, { login })
      return answer.as(auditListSchema)
    }
    const { entries } = await read(admin)
    expect(new Set(entries.map(({ object }) => object))).toEqual(new Set(['acme/box', 'webhook:acme/box/ci']))
    expect(entries.map(({ action }) => action)).toEqual(
      expect.arrayContaining(['repository.create', 'team.grant', 'repository.change', 'webhook.create']),
    )
    expect(entries.every(({ address, requestId }) => address === null && requestId === null)).toBe(true)
    expect((await read(OWNER)).entries[0]?.requestId).toBeString()
    expect((await read(admin, '?action=webhook.*')).entries).toHaveLength(1)
    expect((await read(admin, '?actor=nobody')).entries).toEqual([])
    const first = await read(admin, '?limit=1')
    expect((await read(admin, `?limit=100&after=${first.next}`)).entries).toEqual(entries.slice(1))
    for (const login of [reader, outside, stranger]) {
      expect((await kagami.call('GET', '/repositories/acme/box/audit', { login })).code).toBe('DENIED')
    }
  })

  test('webhooks of all repositories, each seen by whom it is for', async () => {
    await must('POST', '/organizations/acme/webhooks', { name: 'all', url: 'https://receiver.example.com/all' })
    const list = async (login: Login, query = '?organization=acme') => {
      const { webhooks } = (await kagami.call('GET', `/webhooks${query}`, { login })).as(placedWebhookListSchema)
      return webhooks.map((one) => `${one.repository ?? one.organization} ${one.name}`)
    }
    const everything = ['acme all', 'acme/box ci', 'acme/box-2 ci']
    expect((await list(OWNER)).sort()).toEqual(everything)
    expect((await list(OWNER, '')).sort()).toEqual(everything)
    expect((await list(editor)).sort()).toEqual(everything.slice(1))
    expect(await list(admin)).toEqual(['acme/box ci'])
    expect((await list(token)).sort()).toEqual(everything.slice(1))
    expect(await list(reader)).toEqual([])
    expect(await list(stranger, '')).toEqual([])
    expect((await kagami.call('GET', '/webhooks?organization=acme', { login: stranger })).code).toBe('DENIED')
    const page = (await kagami.call('GET', '/webhooks?organization=acme&limit=2', { login: OWNER })).as(
      placedWebhookListSchema,
    )
    expect(page.webhooks).toHaveLength(2)
    expect(await list(OWNER, `?organization=acme&after=${page.next}`)).toHaveLength(1)
  })

  test('a webhook of the list tells what is under way and how the last one ended', async () => {
    await must('POST', '/repositories/acme/box/webhooks/ci/test')
    const [one] = (await kagami.call('GET', '/webhooks?organization=acme', { login: admin })).as(
      placedWebhookListSchema,
    ).webhooks
    expect(one?.health.open ?? 0).toBeLessThanOrEqual(1)
  })

  test('tags go together or not at all, and what stays is told before', async () => {
    await emptyIndexPushed(kagami.url, 'acme/box', '1', OWNER)
    await emptyIndexPushed(kagami.url, 'acme/box', '2', OWNER)
    await must('PATCH', '/repositories/acme/box', { immutableTags: { mode: 'patterns', patterns: ['2'] } })
    const remove = (body: object, login: Login = admin) =>
      kagami.call('POST', '/repositories/acme/box/tags/delete', { login, body })
    const planned = (await remove({ tags: ['1', '2'], dryRun: true })).as(tagsDeletedSchema)
    expect(planned.deleted).toBe(false)
    expect(planned.tags).toMatchObject([
      { name: '1', holders: 0, refused: null, mirrored: false },
      { name: '2', holders: 0, refused: 'tag 2 is immutable' },
    ])
    // The content of 1 is that of 2, which stays.
    expect(planned.frees).toEqual({ sizeBytes: 0, manifests: 0, blobs: 0, isPartial: false })
    expect((await remove({ tags: ['1', '2'] })).code).toBe('DENIED')
    expect((await remove({ tags: ['1', 'none'] })).code).toBe('MANIFEST_UNKNOWN')
    expect((await remove({ tags: ['1'] }, reader)).code).toBe('DENIED')
    const { tags } = (await kagami.call('GET', '/repositories/acme/box/tags', { login: admin })).as(tagListSchema)
    expect(tags.map(({ name, immutable }) => [name, immutable])).toEqual([
      ['1', false],
      ['2', true],
    ])
    await must('PATCH', '/repositories/acme/box', { immutableTags: { mode: 'none' } })
    const alone = (await remove({ tags: ['1'], dryRun: true })).as(tagsDeletedSchema)
    expect(alone.tags[0]).toMatchObject({ heldBy: ['2'], holders: 1 })
    expect(alone.frees.manifests).toBe(0)
    const done = (await remove({ tags: ['1', '2'] })).as(tagsDeletedSchema)
    expect(done).toMatchObject({ deleted: true, frees: { manifests: 1 } })
    expect(Date.parse(done.keptUntil)).toBeGreaterThan(Date.now())
    const left = (await kagami.call('GET', '/repositories/acme/box/tags', { login: admin })).as(tagListSchema)
    expect(left.tags).toEqual([])
  })

  test('what a mirrored tag alone holds is counted down to its layers and attestations, and shared layers are not', async () => {
    const source = { organization: 'acme', upstream: 'sample', repository: 'node', as: 'mirrored' }
    const { run } = await must('POST', '/mirrors', source)
    await kagami.server.mirrors.wait(run.id)
    const list = async () =>
      (await kagami.call('GET', '/repositories/acme/mirrored/tags', { login: OWNER })).as(tagListSchema).tags
    const tags = await list()
    const all = tags.map(({ name }) => name)
    const plan = async (names: readonly string[]) => {
      const body = { tags: names, dryRun: true }
      return (await kagami.call('POST', '/repositories/acme/mirrored/tags/delete', { login: OWNER, body })).as(
        tagsDeletedSchema,
      )
    }
    // What another selection would bring is told without making it so.
    const settings = { selection: { tags: ['nothing-*'] } }
    const asked = await must('POST', '/mirrors/acme/mirrored/sync', { dryRun: true, settings })
    expect(asked.plan.images).toEqual([])
    expect((await must('GET', '/mirrors/acme/mirrored')).mirror.settings.selection).toBeUndefined()
    const early = await kagami.call('POST', '/mirrors/acme/mirrored/sync', { login: OWNER, body: { settings } })
    expect(early.message).toContain('settings go with dryRun only')
    const whole = await plan(all)
    const { repository } = JSON.parse((await kagami.call('GET', '/repositories/acme/mirrored', { login: OWNER })).text)
    // Together they hold all that is here.
    expect(whole.frees.sizeBytes).toBe(repository.sizeBytes)
    const [one] = tags
    if (one === undefined) throw new Error('the sample has tags')
    const alike = tags.filter(({ digest }) => digest === one.digest).map(({ name }) => name)
    const part = await plan(alike)
    expect(part.frees.sizeBytes).toBeGreaterThan(0)
    expect(part.frees.sizeBytes).toBeLessThan(whole.frees.sizeBytes)
    expect(part.tags.every(({ mirrored }) => mirrored)).toBe(true)
    await must('POST', '/repositories/acme/mirrored/tags/delete', { tags: alike })
    expect((await list()).map(({ name }) => name)).toEqual(all.filter((name) => !alike.includes(name)))
    const { exclusions } = JSON.parse(
      (await kagami.call('GET', '/mirrors/acme/mirrored/exclusions', { login: OWNER })).text,
    )
    expect(exclusions.map(({ tag }: { tag: string }) => tag).sort()).toEqual([...alike].sort())
    // The content can be pulled by its digest for as long as it can be taken back.
    const headers = { authorization: authorization(OWNER) }
    const pulled = await fetch(`${kagami.url}/v2/acme/mirrored/manifests/${one.digest}`, { headers })
    expect(pulled.status).toBe(200)
  })
})
