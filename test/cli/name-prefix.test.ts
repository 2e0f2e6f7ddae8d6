import { afterAll, beforeAll, expect, test } from 'bun:test'
import { type CommandLineUser, signInOwner } from '../support/command-line.ts'
import { startWholeServer, type WholeServer } from '../support/whole-server.ts'

let vendor: WholeServer
let kagami: WholeServer
let owner: CommandLineUser
beforeAll(async () => {
  vendor = await startWholeServer({ withSample: true })
  kagami = await startWholeServer()
  owner = await signInOwner(kagami)
})
afterAll(async () => {
  await kagami?.stop()
  await vendor?.stop()
})

test('default names begin with the prefix of the upstream: its own, else by its address', async () => {
  const sample = vendor.server.sampleUrl ?? ''
  const whole = new URL(sample).origin
  for (const [name, url, prefix, source, destination] of [
    ['catalog', sample, [], 'nginx', 'acme/dhi-nginx'],
    ['whole', whole, [], 'dhi/nginx', 'acme/dhi-nginx-2'],
    ['bare', sample, ['--prefix', ''], 'nginx', 'acme/nginx'],
    ['own', whole, ['--prefix', 'hardened/'], 'dhi/nginx', 'acme/hardened/dhi-nginx'],
  ] as const) {
    const added = await owner.run(['upstream', 'add', name, url, ...prefix, '--json'])
    expect([name, added.status, added.stderr]).toEqual([name, 0, ''])
    // What is below a whole registry flattens as ever, and may meet a name that is taken.
    const as = name === 'whole' ? ['--as', 'dhi-nginx-2'] : []
    const started = await owner.run(['mirror', 'start', `${name}/${source}`, ...as, '--json', '--wait'])
    expect([name, JSON.parse(started.stdout).mirror.repository]).toEqual([name, destination])
  }
  const { upstreams } = JSON.parse((await owner.run(['upstream', 'list', '--json'])).stdout)
  expect(upstreams.map(({ name, prefix }: { name: string; prefix: string }) => [name, prefix])).toEqual([
    ['bare', ''],
    ['catalog', 'dhi-'],
    ['own', 'hardened/'],
    ['whole', ''],
  ])
})

test('a prefix that makes no name is refused, and a stopped mirror names the line that restarts it', async () => {
  const refused = await owner.run(['upstream', 'add', 'x', 'https://registry.example.com', '--prefix', 'Not A Name'])
  expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining('prefix: want the beginning')])
  await owner.run(['mirror', 'stop', 'acme/nginx'])
  const stopped = await owner.run(['mirror', 'sync', 'acme/nginx'])
  expect(stopped.stderr).toContain('mirror restart acme/nginx')
  await owner.run(['mirror', 'stop', 'acme/dhi-nginx-2'])
  const other = await owner.run(['mirror', 'sync', 'acme/dhi-nginx-2'])
  expect(other.stderr).toContain('mirror restart acme/dhi-nginx-2')
})
