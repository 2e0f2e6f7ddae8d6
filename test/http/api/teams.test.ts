// What members of teams, and tokens of the organization, do through the registry and the management API.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { emptyIndexPushed } from '../../support/empty-index.ts'
import { authorization, describeOnEachDatabase, type Login, type WholeServer } from '../../support/whole-server.ts'

describeOnEachDatabase('teams and tokens at work', (startServer) => {
  let kagami: WholeServer
  let owner: Login
  let member: Login
  beforeAll(async () => {
    kagami = await startServer({ withSample: true })
    owner = await kagami.addUser('olga', { beta: 'owner' })
    await kagami.call('DELETE', '/organizations/beta/members/owner', { login: owner })
    member = await kagami.addUser('mem', { other: 'member' })
    const { user } = JSON.parse((await kagami.call('GET', '/user', { login: member })).text)
    await must('PUT', `/organizations/beta/members/${user.id}`, { role: 'member' })
    await must('PATCH', '/organizations/beta', { membersPull: 'none' })
    for (const name of ['app', 'secret', 'team-one']) await must('POST', '/repositories', { name: `beta/${name}` })
    for (const name of ['app', 'secret', 'team-one']) await emptyIndexPushed(kagami.url, `beta/${name}`, 'v1', owner)
    await must('POST', '/organizations/beta/teams', { name: 'dev' })
    await must('PUT', '/organizations/beta/teams/dev/members/mem')
  })
  afterAll(() => kagami?.stop())

  const must = async (method: string, path: string, body?: unknown, login: Login | string = owner) => {
    const answer = await kagami.call(method, path, { login, body })
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.text}`)
    return answer.text === '' ? undefined : JSON.parse(answer.text)
  }
  const status = async (method: string, path: string, body?: unknown, login: Login | string = member) =>
    (await kagami.call(method, path, { login, body })).status
  const grant = (repository: string, permission: string, login: Login | string = owner) =>
    kagami.call('PUT', '/organizations/beta/teams/dev/grants', { login, body: { repository, permission } })
  const revoke = (repository: string) =>
    must('DELETE', `/organizations/beta/teams/dev/grants?repository=${encodeURIComponent(repository)}`)
  const registry = async (method: string, path: string, login: Login | string = member) =>
    fetch(`${kagami.url}/v2/${path}`, { method, headers: { authorization: authorization(login) } })

  test('read lists and pulls what it matches; write pushes, and makes what its pattern covers', async () => {
    await grant('team-*', 'read')
    const listed = (await must('GET', '/repositories', undefined, member)).repositories
    expect(listed.map((one: { name: string }) => one.name)).toEqual(['beta/team-one'])
    expect((await registry('GET', 'beta/team-one/tags/list')).status).toBe(200)
    expect((await registry('GET', 'beta/secret/tags/list')).status).toBe(403)
    await expect(emptyIndexPushed(kagami.url, 'beta/team-two', 'v1', member)).rejects.toThrow()
    await grant('team-*', 'write')
    await emptyIndexPushed(kagami.url, 'beta/team-two', 'v1', member)
    await expect(emptyIndexPushed(kagami.url, 'beta/new', 'v1', member)).rejects.toThrow()
    const catalog = (await (await registry('GET', '_catalog')).json()) as { repositories: string[] }
    expect(catalog.repositories).toEqual(['beta/team-one', 'beta/team-two'])
    expect(await status('DELETE', '/repositories/beta/team-two/tags/v1')).toBe(403)
    await grant('team-*', 'admin')
    expect(await status('DELETE', '/repositories/beta/team-two/tags/v1')).toBe(204)
    expect(await status('PATCH', '/repositories/beta/team-two', { description: 'ours' })).toBe(200)
    expect(await status('DELETE', '/repositories/beta/team-two?confirm=beta/team-two')).toBe(204)
    await revoke('team-*')
    expect((await registry('GET', 'beta/team-one/tags/list')).status).toBe(403)
  })

  test('an admin of a repository grants on it by name, and nothing wider', async () => {
    expect((await grant('app', 'read', member)).status).toBe(403)
    await grant('app', 'admin')
    expect((await grant('app', 'admin', member)).status).toBe(200)
    for (const wider of ['ap*', '*', 'secret', 'not-yet']) {
      const answer = await grant(wider, 'read', member)
      expect([wider, answer.code, answer.message]).toEqual([
        wider,
        'DENIED',
        'you may not grant teams anything in beta',
      ])
    }
    await revoke('app')
  })

  test('a blob is mounted only from what the pusher may pull', async () => {
    const blob = Buffer.from('secret bytes')
    const digest = `sha256:${new Bun.CryptoHasher('sha256').update(blob).digest('hex')}`
    const headers = { authorization: authorization(owner), 'content-type': 'application/octet-stream' }
    const made = await fetch(`${kagami.url}/v2/beta/secret/blobs/uploads/?digest=${digest}`, {
      method: 'POST',
      headers,
      body: blob,
    })
    expect(made.status).toBe(201)
    await grant('team-*', 'write')
    const mount = async (query: string) =>
      (await registry('POST', `beta/team-one/blobs/uploads/?mount=${digest}${query}`)).status
    // 202: an upload begins instead, as for a blob that is nowhere.
    expect([await mount('&from=beta/secret'), await mount('')]).toEqual([202, 202])
    await grant('secret', 'read')
    expect(await mount('&from=beta/secret')).toBe(201)
    await revoke('secret')
    await revoke('team-*')
  })

  test('managers of mirrors start, see and stop them; they take no repository that they may not write', async () => {
    const mirror = { organization: 'beta', upstream: 'sample', repository: 'nginx', as: 'hidden' }
    expect(await status('POST', '/mirrors', mirror)).toBe(403)
    await must('PATCH', '/organizations/beta/teams/dev', { manageMirrors: true })
    const { run } = await must('POST', '/mirrors', mirror, member)
    await kagami.server.mirrors.wait(run.id)
    expect(await status('GET', '/mirrors/beta/hidden')).toBe(200)
    expect((await registry('GET', 'beta/hidden/tags/list')).status).toBe(403)
    const { mirrors } = await must('GET', '/mirrors', undefined, member)
    expect(mirrors.map((one: { repository: string }) => one.repository)).toEqual(['beta/hidden'])
    expect(await status('POST', '/mirrors', { ...mirror, as: 'secret', adopt: true })).toBe(403)
    const whole = { organization: 'beta', upstream: 'sample', match: ['node'], dryRun: true }
    expect(await status('POST', '/subscriptions', whole)).toBe(200)
    expect(await status('POST', '/subscriptions', { ...whole, adopt: true })).toBe(403)
    expect(await status('POST', '/mirrors/beta/hidden/stop', {})).toBe(200)
    await must('PATCH', '/organizations/beta/teams/dev', { manageMirrors: false })
    expect(await status('GET', '/mirrors/beta/hidden')).toBe(403)
  })

  test('a token of the organization works in the API under its own name, within what it names', async () => {
    const all = { label: 'ci', allow: ['pull', 'push', 'delete', 'mirrors'], repositories: ['team-*', 'm-*'] }
    const { token, username } = await must('POST', '/organizations/beta/tokens', all)
    await emptyIndexPushed(kagami.url, 'beta/team-ci', 'v1', { username, password: token })
    const { history } = await must('GET', '/repositories/beta/team-ci/history', undefined, token)
    expect(history).toMatchObject([{ tag: 'v1', by: 'token:ci' }])
    const mirror = { organization: 'beta', upstream: 'sample', repository: 'nginx' }
    expect(await status('POST', '/mirrors', { ...mirror, as: 'x-nginx' }, token)).toBe(403)
    const { run } = await must('POST', '/mirrors', { ...mirror, as: 'm-nginx' }, token)
    await kagami.server.mirrors.wait(run.id)
    const { repositories } = await must('GET', '/repositories', undefined, token)
    expect(repositories.map((one: { name: string }) => one.name)).toEqual([
      'beta/m-nginx',
      'beta/team-ci',
      'beta/team-one',
    ])
    expect((await must('GET', '/organizations', undefined, token)).organizations).toMatchObject([
      { name: 'beta', role: null, repositories: 3, sizeBytes: null },
    ])
    expect(await status('DELETE', '/repositories/beta/team-ci/tags/v1', undefined, token)).toBe(204)
    for (const [method, path, body] of [
      ['GET', '/user', undefined],
      ['POST', '/tokens', { label: 'x' }],
      ['GET', '/organizations/beta/members', undefined],
      ['GET', '/organizations/beta/teams', undefined],
      ['GET', '/organizations/beta/tokens', undefined],
      ['POST', '/organizations/beta/tokens', all],
      ['PATCH', '/organizations/beta', { membersPull: 'all' }],
      ['PATCH', '/repositories/beta/team-one', { visibility: 'public' }],
      ['POST', '/subscriptions', { organization: 'beta', upstream: 'sample' }],
    ] as const) {
      expect([method, path, await status(method, path, body, token)]).toEqual([method, path, 403])
    }
  })

  test('an owner sets what members pull, and only operators set a quota', async () => {
    expect(await status('PATCH', '/organizations/beta', { membersPull: 'all' })).toBe(403)
    expect(await status('PATCH', '/organizations/beta', { quotaBytes: 1 }, owner)).toBe(403)
    expect(await status('PATCH', '/organizations/beta', { membersPull: 'all', quotaBytes: 1 }, owner)).toBe(403)
    expect((await must('GET', '/organizations/beta')).organization).toMatchObject({
      membersPull: 'none',
      quotaBytes: null,
    })
    expect((await kagami.call('PATCH', '/organizations/beta', { login: owner, body: {} })).message).toContain(
      'membersPull',
    )
    const changed = await must('PATCH', '/organizations/beta', { membersPull: 'all' })
    expect(changed.organization.membersPull).toBe('all')
    expect((await registry('GET', 'beta/secret/tags/list')).status).toBe(200)
  })
})
