// Targets through the API, against Debian's docker-registry with a login (htpasswd).
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  targetAnswerSchema,
  targetChangeAnswerSchema,
  targetListSchema,
  targetShowSchema,
} from '../../../src/api/targets.ts'
import { openDatabase } from '../../../src/db/engine/engine.ts'
import { newId } from '../../../src/lib/ids.ts'
import { type DockerRegistry, startDockerRegistry } from '../../support/docker-registry.ts'
import { fakeCloud, withEnvironment } from '../../support/fake-clouds.ts'
import { temporaryDirectory } from '../../support/process.ts'
import { describeOnEachDatabase, type Login, OWNER, type WholeServer } from '../../support/whole-server.ts'

const PUSH = { username: 'robot', password: 'secret of the robot' }

describeOnEachDatabase('targets', (startServer) => {
  let kagami: WholeServer
  let registry: DockerRegistry
  let editor: Login
  let member: Login
  let stranger: Login
  let docker: ReturnType<typeof temporaryDirectory>
  beforeAll(async () => {
    docker = temporaryDirectory('docker-home')
    kagami = await startServer({ env: { KAGAMI_DOCKER_CONFIG: join(docker.path, 'config.json') } })
    registry = await startDockerRegistry({ credentials: PUSH })
    editor = await kagami.addUser('editor', { acme: 'editor' })
    member = await kagami.addUser('member', { acme: 'member' })
    stranger = await kagami.addUser('stranger', { beta: 'owner' })
  })
  afterAll(async () => {
    await registry?.stop()
    await kagami?.stop()
    docker?.remove()
  })

  const add = (body: object, login: Login | undefined = OWNER) =>
    kagami.call('POST', '/targets', { login, body: { organization: 'acme', ...body } })
  const at = (name: string, organization: string | null) =>
    `/targets/${name}${organization === null ? '' : `?organization=${organization}`}`
  const change = (name: string, body: object, organization: string | null = 'acme', login: Login = OWNER) =>
    kagami.call('PATCH', at(name, organization), { login, body })
  const show = (name: string, organization: string | null = 'acme', login: Login = OWNER) =>
    kagami.call('GET', at(name, organization), { login })
  const list = async (login: Login) =>
    (await kagami.call('GET', '/targets', { login })).as(targetListSchema).targets.map(({ name }) => name)

  test('a login is tried before anything is kept, and its password is in no answer', async () => {
    const wrong = await add({ name: 'dock', url: registry.url, ...PUSH, password: 'wrong secret', check: true })
    expect([wrong.status, wrong.code]).toEqual([502, 'TARGET_DENIED'])
    expect(wrong.message).toContain('refuses the login of robot')
    const none = await add({ name: 'dock', url: 'http://127.0.0.1:1', check: true })
    expect([none.code, none.message]).toEqual(['TARGET_UNAVAILABLE', expect.not.stringContaining('upstream')])
    expect(await list(OWNER)).toEqual([])
    const added = await add({ name: 'dock', url: `${registry.url}/team`, ...PUSH, check: true, maxRate: ['50/s'] })
    expect(added.as(targetAnswerSchema)).toMatchObject({
      target: {
        ...{ name: 'dock', url: `${registry.url}/team`, organization: 'acme', kind: 'other' },
        ...{ signIn: { by: 'password' }, username: 'robot', plainHttp: false, ca: null, maxRate: ['50/s'] },
      },
      check: { login: 'accepted', host: new URL(registry.url).host },
    })
    const shown = await show('dock')
    expect(shown.as(targetShowSchema).budget.requests).toBeGreaterThanOrEqual(0)
    expect((await add({ name: 'dock', url: registry.url })).code).toBe('CONFLICT')
    for (const { text } of [wrong, added, shown]) expect(text).not.toContain('secret')
  })

  test('bad addresses are told as those of a target', async () => {
    for (const url of ['ftp://x', 'https://me:hunter2@x.example', 'https://x.example/app:1', 'http://x.example']) {
      const refused = await add({ name: 'bad', url })
      expect([url, refused.status, refused.code]).toEqual([url, 400, 'INVALID_REQUEST'])
      expect(refused.message).not.toMatch(/upstream|mirror|hunter2/)
    }
  })

  test('a password belongs to the address, the user and the way to sign in that it was given for', async () => {
    await add({ name: 'vault', url: 'https://vault.example.com/a', ...PUSH })
    for (const [what, reason] of [
      [{ url: 'https://evil.example.com' }, 'another registry'],
      [{ url: 'http://vault.example.com/a', plainHttp: true }, 'another registry'],
      [{ signIn: { by: 'ecr', region: 'eu-west-1' }, kind: 'ecr' }, 'the login is kept for password'],
      [{ username: 'other' }, 'a user name comes with its password'],
    ] as const) {
      const refused = await change('vault', what)
      expect([refused.status, refused.message]).toEqual([400, expect.stringContaining(reason)])
    }
    const moved = (await change('vault', { url: 'https://vault.example.com/b' })).as(targetChangeAnswerSchema)
    expect(moved).toMatchObject({
      changes: ['url'],
      isOtherPlace: true,
      repositories: [],
      target: { username: 'robot' },
    })
    const dry = await change('vault', { ...PUSH, maxRate: null, kind: 'harbor', dryRun: true })
    expect(dry.as(targetChangeAnswerSchema).changes).toEqual(['kind'])
    expect((await change('vault', { password: null })).as(targetChangeAnswerSchema).changes).toEqual([
      'username',
      'password',
    ])
    expect((await change('vault', {})).code).toBe('INVALID_REQUEST')
  })

  test('members see them, owners manage them, operators share; others cannot tell them from absent', async () => {
    await add({ name: 'all', url: registry.url, organization: null, ...PUSH })
    expect(await list(member)).toEqual(['all', 'dock', 'vault'])
    expect(await list(stranger)).toEqual(['all'])
    const seen = (await kagami.call('GET', '/targets', { login: stranger })).as(targetListSchema).targets[0]
    expect(seen).toMatchObject({ username: null, ca: null, signIn: { by: 'password' } })
    for (const login of [editor, member]) {
      expect((await add({ name: 'mine', url: 'https://x.example' }, login)).code).toBe('DENIED')
      expect((await show('dock', 'acme', login)).code).toBe('DENIED')
      expect((await change('dock', { kind: 'quay' }, 'acme', login)).code).toBe('DENIED')
    }
    expect((await add({ name: 'mine', url: 'https://x.example', organization: null }, stranger)).code).toBe('DENIED')
    // Of another organization, and in one's own.
    for (const organization of ['acme', 'beta', 'none', null]) {
      const answers = await Promise.all(
        ['dock', 'nothing'].flatMap((name) => [
          show(name, organization, stranger),
          change(name, { kind: 'quay' }, organization, stranger),
          kagami.call('DELETE', at(name, organization), { login: stranger }),
        ]),
      )
      const [there, absent] = [answers.slice(0, 3), answers.slice(3)].map((some) =>
        some.map(({ status, message }) => [status, message.replaceAll(/dock|nothing/g, 'NAME')]),
      )
      expect([organization, there]).toEqual([organization, absent])
    }
  })

  test("what the server itself is known as, no organization has it sign in by, nor docker's file", async () => {
    const ecr = 'https://123456789012.dkr.ecr.eu-central-1.amazonaws.com'
    for (const [url, by, kind] of [
      [ecr, 'ecr', 'ecr'],
      ['https://europe-docker.pkg.dev/p/r', 'google', 'google'],
      ['https://acme.azurecr.io', 'azure', 'azure'],
      [registry.url, 'docker', 'other'],
    ] as const) {
      const refused = await add({ name: 'ambient', url, kind, signIn: { by } })
      expect([by, refused.status, refused.message]).toEqual([by, 400, expect.stringContaining('--shared')])
      await add({ name: `shared-${by}`, url, kind, organization: null, signIn: { by } })
      expect((await show(`shared-${by}`, null)).as(targetShowSchema).target.signIn).toEqual({ by })
    }
    // Nor by taking the keys away.
    await add({ name: 'keys', url: ecr, signIn: { by: 'ecr' }, username: 'AKIA', password: 'x' })
    expect((await change('keys', { password: null })).message).toContain('--shared')
    // A cloud's token goes to that cloud's registries.
    const elsewhere = { name: 'elsewhere', url: 'https://evil.example', organization: null }
    expect((await add({ ...elsewhere, signIn: { by: 'google' } })).message).toContain('--kind google')
    expect((await add({ ...elsewhere, kind: 'ecr', signIn: { by: 'ecr' } })).message).toContain('--region')
    for (const signIn of [
      { by: 'ecr', region: 'x/../y' },
      { by: 'ecr', role: 'me' },
      { by: 'azure', tenant: 'a/b' },
    ]) {
      expect((await add({ ...elsewhere, signIn })).status).toBe(400)
    }
  })

  test("a shared target signs in by docker's config.json and its helpers, as they are at the moment", async () => {
    const host = new URL(registry.url).host
    const config = join(docker.path, 'config.json')
    const check = async () => {
      const answer = await change('shared-docker', { signIn: { by: 'docker' }, check: true }, null)
      return answer.status === 200 ? answer.as(targetChangeAnswerSchema).check?.login : answer.code
    }
    writeFileSync(config, JSON.stringify({ credHelpers: { [host]: 'keeper' } }))
    const program = join(docker.path, 'docker-credential-keeper')
    writeFileSync(program, `#!/bin/sh\necho '${JSON.stringify({ Username: PUSH.username, Secret: PUSH.password })}'\n`)
    chmodSync(program, 0o755)
    expect(await check()).toBe('TARGET_DENIED')
    using _ = withEnvironment({ PATH: `${docker.path}:${process.env.PATH}` })
    expect(await check()).toBe('accepted')
  })

  test('a cloud login is tried too, and keys are in no answer', async () => {
    await using aws = fakeCloud(() =>
      Response.json(
        {
          authorizationData: [
            {
              authorizationToken: Buffer.from(`${PUSH.username}:${PUSH.password}`).toString('base64'),
              expiresAt: Date.now() / 1000 + 3600,
            },
          ],
        },
        { headers: { 'content-type': 'application/x-amz-json-1.1' } },
      ),
    )
    using _ = withEnvironment({ AWS_ENDPOINT_URL_ECR: aws.url })
    const keys = { username: 'AKIAEXAMPLE', password: 'the secret access key' }
    const signIn = { by: 'ecr', region: 'eu-west-1' } as const
    const added = await add({ name: 'amazon', url: registry.url, kind: 'ecr', signIn, ...keys, check: true })
    expect(added.as(targetAnswerSchema)).toMatchObject({
      target: { kind: 'ecr', signIn },
      check: { login: 'accepted' },
    })
    expect(added.text).not.toMatch(/secret/)
    expect((await show('amazon')).as(targetShowSchema).budget.inFlight).toBe(0)
  })

  test('one that is written to is not removed; a stopped replication does not hold it', async () => {
    await kagami.call('POST', '/repositories', { login: OWNER, body: { name: 'acme/app' } })
    const db = await openDatabase(kagami.database)
    try {
      const [organization, repository, target] = await Promise.all([
        db.read.selectFrom('organizations').select('id').where('name', '=', 'acme').executeTakeFirstOrThrow(),
        db.read.selectFrom('repositories').select('id').where('name', '=', 'acme/app').executeTakeFirstOrThrow(),
        db.read.selectFrom('targets').select('id').where('name', '=', 'dock').executeTakeFirstOrThrow(),
      ])
      const row = {
        ...{ id: newId(), organization_id: organization.id, repository_id: repository.id, target_id: target.id },
        ...{ target_repository: 'base/app', rule_id: null, state: 'active' as const, reason: null, settings: '{}' },
        ...{ since: '2026-01-01T00:00:00.000Z', created_at: '2026-01-01T00:00:00.000Z', next_run_at: null },
        ...{ full_due: 0 as const, changed_since: null, looked_at: null, succeeded_at: null, drift_checked_at: null },
        drifted: 0,
      }
      await db.write((tx) => tx.insertInto('replications').values(row).execute())
      const remove = () => kagami.call('DELETE', at('dock', 'acme'), { login: OWNER })
      const refused = await remove()
      expect([refused.status, refused.code]).toEqual([409, 'CONFLICT'])
      expect(refused.message).toContain('the replication dock/base/app of acme/app')
      const changed = (await change('dock', { url: `${registry.url}/other` })).as(targetChangeAnswerSchema)
      expect(changed.repositories).toEqual(['acme/app'])
      const due = await db.read.selectFrom('replications').select('full_due').executeTakeFirstOrThrow()
      expect(due.full_due).toBe(1)
      await db.write((tx) => tx.updateTable('replications').set({ state: 'stopped' }).execute())
      expect((await remove()).status).toBe(204)
      expect((await show('dock')).status).toBe(404)
    } finally {
      await db.close()
    }
  })
})
