// Configuration as code on a whole server: the example of the documentation, applied, exported, changed and pruned.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { rootCertificates } from 'node:tls'
import { configurationJsonSchema } from '../../src/api/configuration.ts'
import { type CommandLineUser, commandLineUser, signInOwner } from '../support/command-line.ts'
import { emptyIndexPushed } from '../support/empty-index.ts'
import { OWNER, startWholeServer, type WholeServer } from '../support/whole-server.ts'

let kagami: WholeServer
let owner: CommandLineUser
let registry = ''
beforeAll(async () => {
  kagami = await startWholeServer()
  owner = await signInOwner(kagami)
  // An upstream that takes logins, and needs none: public repositories of an organization of this very server.
  registry = `${kagami.url}/source`
  await owner.run(['organization', 'create', 'source'])
  for (const name of ['python', 'nginx', 'node']) {
    await emptyIndexPushed(kagami.url, `source/${name}`, 'latest', OWNER)
    await owner.run(['repository', 'change', `source/${name}`, '--visibility', 'public'])
  }
  await owner.run(['upstream', 'add', 'sample', registry, '--shared'])
  await Bun.write(fileAt('certificates/proxy.pem'), CERTIFICATE)
  process.env.DHI_TOKEN = OWNER.password
  process.env.DHI_PASSWORD = OWNER.password
})
afterAll(async () => {
  delete process.env.DHI_TOKEN
  delete process.env.DHI_PASSWORD
  await kagami?.stop()
})

const [CERTIFICATE = ''] = rootCertificates

const fileAt = (name: string) => join(kagami.directory, 'files', name)
async function write(name: string, text: string): Promise<string> {
  await Bun.write(fileAt(name), text)
  return fileAt(name)
}

/** The example of docs/configuration-as-code.md, with the registries of this test. */
function example(): string {
  const page = readFileSync(join(import.meta.dir, '../../docs/configuration-as-code.md'), 'utf8')
  const [, yaml = ''] = /```yaml\n([\s\S]+?)```/.exec(page) ?? []
  return yaml
    .replace('https://dhi.io', registry)
    .replace('https://registry.scout.docker.com', registry)
    .replace('username: robot', `username: ${OWNER.username}`)
}

const apply = (file: string, ...flags: string[]) => owner.run(['apply', '-f', file, ...flags])
const stepsOf = ({ stdout }: { readonly stdout: string }): string[] =>
  JSON.parse(stdout).steps.map(
    ({ action, kind, name, outcome }: Record<string, string>) => `${action} ${kind} ${name}: ${outcome}`,
  )
/** All rows that an apply could write, as they are. */
async function written(): Promise<string> {
  const lists = ['/upstreams', '/mirrors', '/repositories'].map(async (path) => {
    const document = JSON.parse((await kagami.call('GET', `${path}?organization=acme`, { login: OWNER })).text)
    return JSON.stringify(document, (key, value) =>
      ['lastRun', 'tags', 'state', 'since', 'updatedAt', 'sizeBytes', 'nextRunAt'].includes(key) ? undefined : value,
    )
  })
  return (await Promise.all(lists)).join('\n')
}
const idle = async () => {
  for (const { id } of (await kagami.server.mirrors.list({ limit: 100 })).mirrors) {
    const { lastRun } = await kagami.server.mirrors.show(id)
    if (lastRun !== null) await kagami.server.mirrors.wait(lastRun.id)
  }
}

describe('kagami apply', () => {
  test('--dry-run shows the plan and changes nothing', async () => {
    const file = await write('acme.yaml', example())
    const before = await written()
    const planned = await apply(file, '--dry-run')
    expect([planned.status, planned.stderr]).toEqual([0, ''])
    expect(planned.stdout).toMatch(
      /^ACTION +KIND +NAME +WHERE +WHY\ncreate +upstream +acme\/scout +.*acme\.yaml:\d+ +reads /,
    )
    expect(planned.stdout).toEndWith('\n6 to create.')
    expect(await written()).toBe(before)
  })

  test('says nothing and does nothing without a word', async () => {
    const before = await written()
    const asked = await apply(fileAt('acme.yaml'))
    expect([asked.status, asked.stderr]).toEqual([2, expect.stringContaining('Nothing was done: say --yes to do it.')])
    expect(await written()).toBe(before)
  })

  test('does what the example of the documentation says: upstreams first, the source of referrers before all', async () => {
    const applied = await apply(fileAt('acme.yaml'), '--yes', '--json')
    expect(applied.status).toBe(0)
    expect(stepsOf(applied)).toEqual([
      'create upstream scout: done',
      'create upstream dhi: done',
      'create mirror dhi-python: done',
      'create mirror dhi-nginx: done',
      'create mirror base/node: done',
      'create subscription dhi: done',
    ])
    expect(applied.stdout + applied.stderr).not.toContain(OWNER.password)
    const shown = JSON.parse((await owner.run(['mirror', 'show', 'acme/dhi-nginx', '--json'])).stdout).mirror
    expect([shown.source, shown.settings]).toEqual([
      { upstream: 'dhi', repository: 'nginx' },
      { schedule: { cron: '0 4 * * 1-5' } },
    ])
    await idle()
    expect((await owner.run(['mirror', 'sync', 'acme/base/node', '--wait'])).status).toBe(0)
  })

  test('a second apply has nothing to do, asks nothing and writes nothing', async () => {
    await idle()
    const before = await written()
    const again = await apply(fileAt('acme.yaml'))
    expect([again.status, again.stdout.split('\n').at(-1)]).toEqual([
      0,
      'Nothing to change: 2 upstreams, 3 mirrors and 1 subscription are as the files say.',
    ])
    expect(await written()).toBe(before)
  })

  test('what is exported is a file without a secret, and nothing to do', async () => {
    const exported = await owner.run(['export', '--org', 'acme'])
    expect(exported.stdout).toStartWith('# yaml-language-server: $schema=./kagami-config.schema.json\n')
    expect(exported.stdout).toContain('password: env:DHI_PASSWORD')
    expect(exported.stdout).not.toContain(OWNER.password)
    const file = await write('exported.yaml', exported.stdout)
    expect((await apply(file, '--prune')).stdout).toContain('Nothing to change')
    const json = await write('exported.json', (await owner.run(['export', '--org', 'acme', '--json'])).stdout)
    expect((await apply(json, '--prune')).stdout).toContain('Nothing to change')
    const shared = await write('shared.yaml', (await owner.run(['export', '--shared'])).stdout)
    expect((await apply(shared)).stdout).toContain('Nothing to change: 1 upstream')
  })

  test('changes what differs, and says what: another password too, without showing it', async () => {
    process.env.DHI_TOKEN = 'another one'
    const text = example()
      .replace('every: 15m', 'every: 2h')
      .replace('from: dhi/nginx', 'from: dhi/python')
      .replace(/\n {4}schedule:\n {6}cron.*/, '')
    const file = await write('acme.yaml', text)
    const planned = await apply(file, '--dry-run')
    expect(planned.stdout).toMatch(/change +upstream +acme\/dhi .* other password$/m)
    expect(planned.stdout).toMatch(/change +mirror +acme\/dhi-python .* other schedule$/m)
    expect(planned.stdout).toMatch(
      /change +mirror +acme\/dhi-nginx .* from dhi\/python instead of dhi\/nginx; other schedule$/m,
    )
    process.env.DHI_TOKEN = OWNER.password
    const applied = await apply(file, '--yes')
    expect([applied.status, applied.stdout]).toEqual([0, '2 done, 4 unchanged.'])
    expect((await apply(file)).stdout).toContain('Nothing to change')
  })

  test('a step that fails ends what needs it and nothing else: exit status 1, with the list', async () => {
    const file = await write(
      'broken.yaml',
      `organization: acme
upstreams:
  dead: {url: 'http://127.0.0.1:1'}
mirrors:
  of-dead: {from: dead/app}
  absent: {from: sample/no-such-repository}
  tool: {from: sample/node}
`,
    )
    const applied = await apply(file, '--yes')
    expect(applied.status).toBe(1)
    expect(applied.stdout).toStartWith('1 done, 0 unchanged, 2 failed, 1 skipped because of them:\n')
    expect(applied.stdout).toContain('create upstream acme/dead: ')
    expect(applied.stdout).toContain('create mirror acme/absent: ')
    expect(applied.stdout).toContain('create mirror acme/of-dead: needs the upstream acme/dead, which failed')
    const json = await apply(file, '--yes', '--json')
    expect([json.status, stepsOf(json).at(-1)]).toEqual([1, 'unchanged mirror tool: unchanged'])
  })

  test('a stopped mirror that a file has is restarted', async () => {
    await owner.run(['mirror', 'stop', 'acme/tool'])
    expect((await owner.run(['export', '--org', 'acme'])).stdout).toContain(
      '# Stopped, and therefore left out: acme/tool',
    )
    const file = await write('tool.yaml', 'organization: acme\nmirrors:\n  tool: {from: sample/node}\n')
    expect(stepsOf(await apply(file, '--yes', '--json'))).toEqual(['restart mirror tool: done'])
  })

  test('--prune stops and removes what no file has, after a word of its own; repositories stay', async () => {
    const file = await write('acme.yaml', example())
    await apply(file, '--yes')
    await owner.run(['upstream', 'add', 'old', registry, '--org', 'acme'])
    await owner.run(['mirror', 'start', 'old/python', '--org', 'acme', '--as', 'old'])
    expect((await apply(file)).stdout).toContain('3 things not in the files stay')
    const before = await written()
    const refused = await apply(file, '--prune', '--yes')
    expect([refused.status, refused.stderr]).toEqual([2, expect.stringContaining('--confirm is missing, want "acme"')])
    expect((await apply(file, '--prune', '--yes', '--confirm', 'source')).status).toBe(2)
    expect(await written()).toBe(before)
    const pruned = await apply(file, '--prune', '--yes', '--confirm', 'acme', '--json')
    expect([pruned.status, stepsOf(pruned).filter((step) => step.startsWith('remove'))]).toEqual([
      0,
      ['remove mirror old: done', 'remove mirror tool: done', 'remove upstream old: done'],
    ])
    expect((await owner.run(['repository', 'show', 'acme/old'])).status).toBe(0)
    expect((await apply(file, '--prune')).stdout).toContain('Nothing to change')
  })

  test('a subscription changes and ends as the files say', async () => {
    const file = await write('acme.yaml', example().replace("'golang*'", "'nginx*'").replace('every: 1h', 'every: 3h'))
    const planned = await apply(file, '--dry-run')
    expect(planned.stdout).toMatch(/change +subscription +acme\/dhi .* other match, schedule$/m)
    expect((await apply(file, '--yes')).stdout).toBe('1 done, 5 unchanged.')
    expect((await apply(file)).stdout).toContain('Nothing to change')
    const without = await write('acme.yaml', example().replace(/\nsubscriptions:[\s\S]*$/, ''))
    const ended = await apply(without, '--prune', '--yes', '--confirm', 'acme', '--json')
    expect([ended.status, stepsOf(ended)]).toEqual([0, expect.arrayContaining(['remove subscription dhi: done'])])
    await write('acme.yaml', example())
    expect((await apply(fileAt('acme.yaml'), '--yes')).stdout).toBe('1 done, 5 unchanged.')
  })

  test('wrong files do nothing, and every problem is told with its place', async () => {
    const before = await written()
    await write('wrong/a.yaml', 'organization: acme\nmirrors:\n  x: {form: sample/node}\n  y: {from: nowhere/node}\n')
    await write(
      'wrong/b.yaml',
      'organization: acme\nupstreams:\n  z: {url: z.example, username: a, password: hunter2}\n',
    )
    const refused = await apply(fileAt('wrong'), '--yes', '--json')
    const { error } = JSON.parse(refused.stdout)
    expect([refused.status, error.code]).toEqual([1, 'CONFIG_INVALID'])
    expect(
      error.detail.map(({ file, line, path }: Record<string, unknown>) => [String(file).slice(-6), line, path]),
    ).toEqual([
      ['a.yaml', 3, 'mirrors.x.from'],
      ['a.yaml', 3, 'mirrors.x.form'],
      ['b.yaml', 3, 'upstreams.z.password'],
    ])
    expect(refused.stdout + refused.stderr).not.toContain('hunter2')
    await write('wrong/a.yaml', 'organization: acme\nmirrors:\n  y: {from: nowhere/node}\n')
    await write('wrong/b.yaml', 'organization: acme\n')
    const absent = await apply(fileAt('wrong'), '--yes')
    expect([absent.status, absent.stderr]).toEqual([
      1,
      expect.stringMatching(/a\.yaml:3:3: mirrors\.y\.from: there is no upstream nowhere, /),
    ])
    expect(await written()).toBe(before)
  })

  test('the files come by standard input too', async () => {
    const applied = await owner.run(['apply', '-f', '-'], {
      input: example().replaceAll('file:certificates', `file:${fileAt('certificates')}`),
    })
    expect(applied.stdout).toContain('Nothing to change')
  })

  test('a member who may not change upstreams is refused before anything is done', async () => {
    const editor = await kagami.addUser('editor', { acme: 'editor' })
    const line = commandLineUser(kagami.url, kagami.directory)
    await line.run(['login', '--username', 'editor', '--password-stdin'], { input: editor.password })
    const refused = await line.run(['apply', '-f', fileAt('acme.yaml'), '--yes'])
    expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining('DENIED')])
    expect((await line.run(['export', '--shared'])).stderr).toContain('DENIED')
  })
})

test('kagami schema prints the schema of the documentation', async () => {
  const printed = JSON.parse((await owner.run(['schema'])).stdout)
  expect(printed).toEqual(JSON.parse(JSON.stringify(configurationJsonSchema())))
  const keys = Object.keys(printed.properties.mirrors.anyOf[0].additionalProperties.properties)
  expect(keys).toEqual(expect.arrayContaining(['from', 'adopt', 'schedule']))
})
