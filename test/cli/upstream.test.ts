import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { type CommandLineUser, signInOwner } from '../support/command-line.ts'
import { OWNER, startWholeServer, type WholeServer } from '../support/whole-server.ts'

let kagami: WholeServer
let owner: CommandLineUser
let sample: string
beforeAll(async () => {
  kagami = await startWholeServer({ withSample: true })
  await kagami.server.mirrors.wait(kagami.server.firstRun?.run.id ?? '')
  sample = kagami.server.sampleUrl ?? ''
  owner = await signInOwner(kagami)
})
afterAll(() => kagami.stop())

/** Runs the printed line that holds `part`. */
async function paste(printed: string, part: string) {
  const line = printed.split('\n').find((text) => text.includes(part)) ?? ''
  return owner.run([...line.slice(line.indexOf('kagami ')).trim().split(' ').slice(1)])
}

describe('kagami upstream', () => {
  test('add says what it found, and the line that it prints works as it stands', async () => {
    const added = await owner.run(['upstream', 'add', 'mine', `${sample.replace('/dhi', '')}/v2/dhi/`])
    expect([added.status, added.stderr]).toEqual([0, ''])
    expect(added.stdout).toStartWith(`Added upstream mine, ${sample}\n`)
    expect(added.stdout).toMatch(/^ {2}Registry {3}127\.0\.0\.1:\d+ answers \(registry\/2\.0\)$/m)
    expect(added.stdout).toMatch(/^ {2}Login {6}none/m)
    expect(added.stdout).toMatch(/^ {2}Referrers {2}by the API$/m)
    expect((await paste(added.stdout, 'catalog list')).stdout).toContain('mine/python')
    const begun = await paste(added.stdout, 'mirror start')
    expect([begun.status, begun.stdout]).toEqual([0, expect.stringContaining('Mirroring mine/nginx to acme/dhi-nginx')])
    // Several mirrors of one source are ordinary: the line says another name where the first is taken.
    const second = await owner.run(['upstream', 'add', 'second', sample])
    const again = await paste(second.stdout, 'mirror start')
    expect([again.status, again.stderr]).toEqual([0, ''])
    expect(again.stdout).toContain('Mirroring second/nginx to acme/dhi-nginx-2')
  })

  test('a refused login and a dead address add nothing, until it is to be for later', async () => {
    const args = ['upstream', 'add', 'later', sample, '--username', 'nobody', '--password-stdin']
    const refused = await owner.run(args, { input: 'wrong' })
    expect([refused.status, refused.stdout]).toEqual([1, ''])
    expect(refused.stderr).toContain('refuses the login of nobody')
    expect(refused.stderr).toContain('Nothing was added; --no-check adds it all the same.')
    expect((await owner.run(['upstream', 'add', 'later', 'http://127.0.0.1:1'])).stderr).toContain('refused')
    const added = await owner.run([...args, '--no-check'], { input: 'wrong' })
    expect([added.status, added.stdout]).toEqual([0, expect.stringContaining('mirror start later/REPOSITORY')])
  })

  test('one that wants a login tells the line that gives it', async () => {
    const basic = `Basic ${Buffer.from('bob:hunter2').toString('base64')}`
    const registry = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      fetch: ({ headers }) =>
        headers.get('authorization') === basic
          ? Response.json({})
          : new Response('', { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } }),
    })
    try {
      const added = await owner.run(['upstream', 'add', 'locked', `http://127.0.0.1:${registry.port}`])
      expect(added.status).toBe(0)
      const line = added.stdout.split('\n').find((text) => text.includes('upstream change')) ?? ''
      expect(line).toContain('it wants one: kagami upstream change locked --username USER --password-stdin')
      const args = ['upstream', 'change', 'locked', '--username', 'bob', '--password-stdin']
      expect((await owner.run(args, { input: 'hunter2' })).stdout).toContain('accepted, as bob')
    } finally {
      await registry.stop(true)
    }
  })

  test('a login that is accepted is named', async () => {
    const given = await owner.run(
      ['upstream', 'add', 'self', `${kagami.url}/acme`, '--username', 'owner', '--password-stdin'],
      { input: OWNER.password },
    )
    expect(given.stdout).toMatch(/^ {2}Login {6}accepted, as owner$/m)
  })

  test('change takes each setting away and back, and tells what becomes of the mirrors', async () => {
    await owner.run(['mirror', 'start', 'self/dhi-python', '--as', 'copy', '--wait'])
    const change = (args: readonly string[], input = '') =>
      owner.run(['upstream', 'change', 'self', ...args], { input })
    const same = await change(['--password-stdin'], OWNER.password)
    expect(same.stdout).toContain('Login      accepted, as owner')
    expect(same.stdout).toContain('Read by acme/copy: nothing stops')
    expect(same.stdout).not.toContain('are others now')
    expect((await paste(same.stdout, 'mirror sync')).status).toBe(0)
    const wrong = await change(['--password-stdin'], 'wrong')
    expect([wrong.status, wrong.stderr]).toEqual([1, expect.stringContaining('Nothing was changed')])
    expect((await change(['--url', sample])).stderr).toContain('--no-credential')
    const moved = await change(['--url', sample, '--no-credential', '--referrers-from', 'mine'])
    expect(moved.stdout).toContain('Address or login are others now')
    const document = JSON.parse(
      (await change(['--no-referrers-from', '--no-ca-file', '--no-plain-http', '--json'])).stdout,
    )
    expect(document.upstream).toMatchObject({ url: sample, username: null, referrersFrom: null, plainHttp: false })
    expect(Object.keys(document).sort()).toEqual(['changes', 'check', 'isOtherSource', 'mirrors', 'upstream'])
  })

  test('wrong use ends with 2 and the usage', async () => {
    for (const args of [
      ['upstream', 'change'],
      ['upstream', 'change', 'mine'],
      ['upstream', 'change', 'mine', '--no-check'],
      ['upstream', 'change', 'mine', '--username', 'me'],
      ['upstream', 'change', 'mine', '--no-credential', '--username', 'me', '--password-stdin'],
      ['upstream', 'change', 'mine', '--shared', '--org', 'acme', '--plain-http'],
      ['upstream', 'add', 'x', sample, '--password-stdin'],
      ['repository', 'create', 'acme/x', '--visibility', 'secret'],
    ]) {
      const ended = await owner.run(args, { input: 'x' })
      expect([args, ended.status, ended.stdout]).toEqual([args, 2, ''])
      expect(ended.stderr).toContain('Usage: kagami')
    }
  })

  test('whoever owns several organizations gets lines with --org, that work', async () => {
    await owner.run(['organization', 'create', 'beta'])
    const named = await owner.run(['upstream', 'add', 'ours', sample, '--org', 'beta'])
    expect(named.stdout).toContain('mirror start ours/nginx --org beta')
    expect((await paste(named.stdout, 'catalog list')).stdout).toContain('ours/nginx')
    expect((await paste(named.stdout, 'mirror start')).stdout).toContain('to beta/dhi-nginx')
    const shared = await owner.run(['upstream', 'add', 'all', sample, '--shared'])
    expect(shared.stdout).toContain('mirror start all/nginx --org acme')
    const hub = await owner.run(['upstream', 'add', 'hub', 'docker.io', '--org', 'beta', '--no-check'])
    expect(hub.stdout).toContain('mirror start hub/library/alpine --org beta')
    const changed = await owner.run(['upstream', 'change', 'all', '--shared', '--plain-http'])
    expect(changed.status).toBe(0)
  })
})
