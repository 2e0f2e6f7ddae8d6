import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type CommandLineUser, signInOwner } from '../support/command-line.ts'
import { type DockerRegistry, startDockerRegistry } from '../support/docker-registry.ts'
import { startWholeServer, type WholeServer } from '../support/whole-server.ts'

const PUSH = { username: 'robot', password: 'secret of the robot' }

let kagami: WholeServer
let owner: CommandLineUser
let registry: DockerRegistry
let secured: DockerRegistry
beforeAll(async () => {
  kagami = await startWholeServer()
  owner = await signInOwner(kagami)
  registry = await startDockerRegistry({ credentials: PUSH })
  secured = await startDockerRegistry({ tls: true })
})
afterAll(async () => {
  await registry?.stop()
  await secured?.stop()
  await kagami?.stop()
})

const login = ['--username', PUSH.username, '--password-stdin']
const target = (args: readonly string[], input: string = PUSH.password) => owner.run(['target', ...args], { input })

describe('kagami target', () => {
  test('add says what it found; a refused login adds nothing, until it is to be for later', async () => {
    const wrong = await target(['add', 'dock', registry.url, ...login], 'wrong')
    expect([wrong.status, wrong.stdout]).toEqual([1, ''])
    expect(wrong.stderr).toContain('refuses the login of robot')
    expect(wrong.stderr).toContain('Nothing was added; --no-check adds it all the same. (TARGET_DENIED)')
    const none = await target(['add', 'dock', registry.url])
    expect(none.stdout).toContain('it wants one: kagami target change dock --username USER --password-stdin')
    const given = await target(['change', 'dock', ...login])
    expect(given.stdout).toMatch(/^Changed target dock, http:\/\/127\.0\.0\.1:\d+\n/)
    expect(given.stdout).toMatch(/^ {2}Login {6}accepted, as robot$/m)
    expect(given.stdout + given.stderr).not.toMatch(/upstream|secret/)
    const later = await target(['add', 'later', 'http://127.0.0.1:1', '--no-check'])
    expect([later.status, later.stdout]).toEqual([0, 'Added target later, http://127.0.0.1:1'])
  })

  test('a certificate is trusted where it is given', async () => {
    expect((await target(['add', 'tls', secured.url])).stderr).toContain('certificate')
    const added = await target(['add', 'tls', secured.url, '--ca-file', secured.caFile ?? ''])
    expect([added.status, added.stdout]).toEqual([0, expect.stringContaining('Login      none')])
    expect((await target(['change', 'tls', '--no-ca-file'])).stderr).toContain('Nothing was changed')
  })

  test('show, list and --json tell all but the password', async () => {
    const shown = await target(['show', 'dock'])
    for (const line of [/^Name +dock$/m, /^Kind +other$/m, /^Signs in +robot$/m, /^Requests +\d+ since/m]) {
      expect(shown.stdout).toMatch(line)
    }
    const document = JSON.parse((await target(['show', 'dock', '--json'])).stdout)
    expect(Object.keys(document)).toEqual(['target', 'budget'])
    const changed = JSON.parse(
      (await target(['change', 'dock', '--kind', 'harbor', '--max-rate', '9/s', '--json'])).stdout,
    )
    expect(changed).toMatchObject({
      target: { kind: 'harbor', maxRate: ['9/s'] },
      check: null,
      changes: ['kind', 'maxRate'],
    })
    const back = JSON.parse((await target(['change', 'dock', '--no-kind', '--no-max-rate', '--json'])).stdout)
    expect(back).toMatchObject({ target: { kind: 'other', maxRate: [] } })
    const added = JSON.parse((await target(['add', 'json', registry.url, ...login, '--json'])).stdout)
    expect(added).toMatchObject({ target: { name: 'json', username: 'robot' }, check: { login: 'accepted' } })
    const list = await target(['list'])
    expect(list.stdout).toMatch(/^dock .* acme +other +robot/m)
    const all = [shown, list].map(({ stdout, stderr }) => stdout + stderr).join('') + JSON.stringify([document, added])
    expect(all).not.toContain(PUSH.password)
  })

  test('ways to sign in are named with what belongs to them', async () => {
    const ecr = 'https://123456789012.dkr.ecr.eu-central-1.amazonaws.com'
    const role = 'arn:aws:iam::123456789012:role/push'
    const shared = await target(['add', 'ours', ecr, '--shared', '--sign-in', 'ecr', '--role', role, '--no-check'])
    expect(shared.status).toBe(0)
    expect((await target(['show', 'ours', '--shared'])).stdout).toContain(
      `by Amazon ECR as the server itself, as role ${role}`,
    )
    const own = await target(['add', 'own', ecr, '--sign-in', 'ecr', '--no-check'])
    expect([own.status, own.stderr]).toEqual([1, expect.stringContaining('only a shared target does (--shared)')])
    const keys = ['--sign-in', 'ecr', '--username', 'AKIA', '--password-stdin', '--no-check']
    expect((await target(['add', 'own', ecr, ...keys])).status).toBe(0)
    expect((await target(['list'])).stdout).toContain('by Amazon ECR with the keys of AKIA')
    const tenant = ['--sign-in', 'azure', '--tenant', 'acme.example', ...login, '--no-check']
    expect((await target(['add', 'az', 'https://acme.azurecr.io', '--kind', 'azure', ...tenant])).status).toBe(0)
  })

  test('remove forgets it and leaves what is there', async () => {
    expect((await target(['remove', 'json'])).stdout).toBe('Removed target json; what was sent there stays.')
    const gone = await target(['show', 'json'])
    expect([gone.status, gone.stderr]).toEqual([1, expect.stringContaining('there is no target json')])
  })

  test('wrong use ends with 2 and the usage', async () => {
    for (const args of [
      ['add', 'x', registry.url, '--password-stdin'],
      ['add', 'x', registry.url, '--region', 'eu-west-1'],
      ['add', 'x', registry.url, '--sign-in', 'google', '--role', 'x'],
      ['add', 'x', registry.url, '--sign-in', 'ecr', '--tenant', 'x'],
      ['add', 'x', registry.url, '--sign-in', 'magic'],
      ['add', 'x', registry.url, '--kind', 'magic'],
      ['add', 'x', registry.url, '--shared', '--org', 'acme'],
      ['change', 'dock'],
      ['change', 'dock', '--no-check'],
      ['change', 'dock', '--no-credential', ...login],
    ]) {
      const ended = await target(args, 'x')
      expect([args, ended.status, ended.stdout]).toEqual([args, 2, ''])
      expect(ended.stderr).toContain('Usage: kagami')
    }
  })

  test('files of apply hold them, and export gives such a file back without secrets', async () => {
    const directory = join(kagami.directory, 'files')
    await Bun.write(join(directory, 'password'), PUSH.password)
    const file = join(directory, 'acme.yaml')
    const write = (maxRate: string) =>
      writeFileSync(
        file,
        `organization: acme\ntargets:\n  coded:\n    url: ${registry.url}/team\n    username: robot\n    password: file:password\n    maxRate: [${maxRate}]\n`,
      )
    write('5/s')
    const apply = (...more: string[]) => owner.run(['apply', '-f', file, '--yes', '--json', ...more])
    const steps = async (...more: string[]) =>
      JSON.parse((await apply(...more)).stdout).steps.map((step: Record<string, string>) =>
        [step.action, step.kind, step.name, step.outcome].join(' '),
      )
    expect(await steps()).toEqual(['create target coded done'])
    expect(await steps()).toEqual(['unchanged target coded unchanged'])
    write('6/s')
    expect(await steps()).toEqual(['change target coded done'])
    const exported = await owner.run(['export'])
    expect(exported.stdout).toContain('password: env:CODED_PASSWORD')
    expect(exported.stdout).toContain('tenant: acme.example')
    expect(exported.stdout).not.toContain(PUSH.password)
    const pruned = await steps('--prune', '--confirm', 'acme')
    expect(pruned).toContain('remove target later done')
    expect(pruned).not.toContain('remove target ours done')
  })
})
