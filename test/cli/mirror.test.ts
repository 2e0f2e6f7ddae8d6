import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { type CommandLineUser, signInOwner } from '../support/command-line.ts'
import { countingProxy } from '../support/proxy.ts'
import { startWholeServer, type WholeServer } from '../support/whole-server.ts'

let kagami: WholeServer
let owner: CommandLineUser
beforeAll(async () => {
  kagami = await startWholeServer({ withSample: true })
  await kagami.server.mirrors.wait(kagami.server.firstRun?.run.id ?? '')
  owner = await signInOwner(kagami)
})
afterAll(() => kagami.stop())

describe('kagami mirror', () => {
  test('start returns at once and prints the line that watches it', async () => {
    const ended = await owner.run(['mirror', 'start', 'sample/nginx'])
    expect(ended.status).toBe(0)
    expect(ended.stdout).toContain('kagami mirror watch acme/dhi-nginx')
    const watched = await owner.run(['mirror', 'watch', 'acme/dhi-nginx'])
    expect(watched.status).toBe(0)
    expect(watched.stdout).toContain('acme/dhi-nginx holds what sample/nginx has')
  })

  test('start --wait returns when everything is here; the document is the only thing on standard output', async () => {
    const ended = await owner.run(['mirror', 'start', 'sample/node', '--as', 'node', '--wait', '--json'])
    expect(ended.status).toBe(0)
    const document = JSON.parse(ended.stdout)
    expect(Object.keys(document).sort()).toEqual(['mirror', 'run'])
    expect(document.mirror).toMatchObject({ repository: 'acme/node', state: 'active', tags: { failed: 0 } })
    expect(document.run).toMatchObject({ trigger: 'start', outcome: 'done', failures: [] })
    // Which moments of a run are seen depends on how fast it is; the last one never.
    const told = ended.stderr.split('\n').filter((text) => text.startsWith('acme/node: '))
    for (const text of told) expect(text).toMatch(/^acme\/node: (waiting|listing|copying|ended)\b/)
    expect(told.at(-1)).toMatch(/^acme\/node: ended, 14\/14 tags, 104\/104 manifests, /)
  })

  test('sync paints its progress on a terminal, and writes plain lines elsewhere', async () => {
    const painted = await owner.run(['mirror', 'sync', 'acme/dhi-python', '--wait'], { isInteractive: true })
    expect(painted.status).toBe(0)
    expect(painted.painted.length).toBeGreaterThan(0)
    expect(painted.painted.at(-1)).toBe('')
    for (const line of painted.painted) expect(line.length).toBeLessThan(100)
    const plain = await owner.run(['mirror', 'sync', 'acme/dhi-python', '--wait'])
    expect(plain.painted).toEqual([])
    expect(plain.stderr).toContain('acme/dhi-python: ended')
  })

  test('watch --json prints one moment a line, the last of them the end', async () => {
    const ended = await owner.run(['mirror', 'watch', 'acme/dhi-python', '--json'])
    const moments = ended.stdout.split('\n').map((line) => JSON.parse(line))
    expect(moments.at(-1)).toMatchObject({ mirror: 'acme/dhi-python', phase: 'ended', outcome: 'done' })
  })

  test('a dry run prints the plan with its reasons and changes nothing', async () => {
    const start = await owner.run(['mirror', 'start', 'sample/nginx-chart', '--dry-run', '--json'])
    const { plan } = JSON.parse(start.stdout)
    expect(plan.items.length).toBeGreaterThan(0)
    for (const item of plan.items) {
      expect(Object.keys(item).sort()).toEqual(['action', 'digest', 'origin', 'reason', 'sizeBytes', 'tag'])
      expect(item.reason).not.toBe('')
    }
    expect((await owner.run(['mirror', 'show', 'acme/dhi-nginx-chart'])).status).toBe(1)
    const sync = await owner.run(['mirror', 'sync', 'acme/dhi-python', '--dry-run', '--verbose'])
    expect(sync.stdout).toMatch(/^ACTION +TAG +DIGEST +SIZE +ORIGIN +REASON/)
  })

  test('a dry run has one line an image and ends in a sentence', async () => {
    const { stdout } = await owner.run(['mirror', 'start', 'sample/nginx-chart', '--dry-run'])
    const [heading, first, ...rest] = stdout.split('\n')
    expect(heading).toMatch(/^IMAGE +ACTION +TAGS +PLATFORMS +ATTESTATIONS +SIZE +REQUESTS/)
    expect(first).toMatch(/^sha256:\w{12} +fetch +\d/)
    expect(rest.at(-1)).toMatch(
      /^\d+ images? with \d+ tags? and \d+ attestations? would be fetched, .+B in about \d+ requests[.;]/,
    )
    const nothing = await owner.run(['mirror', 'sync', 'acme/dhi-python', '--dry-run'])
    expect(nothing.stdout).toMatch(/^Nothing would be fetched; \d+ tags are in step\.$/)
  })

  test('a plan from a file is done, or refused where it is no plan, of something else, or over', async () => {
    const file = join(kagami.directory, 'plan.json')
    const begin = ['mirror', 'start', 'sample/nginx-chart', '--as', 'planned']
    await Bun.write(file, (await owner.run([...begin, '--dry-run', '--json'])).stdout)
    const other = await owner.run(['mirror', 'start', 'sample/python', '--as', 'planned', '--plan', file])
    expect([other.status, other.stderr]).toEqual([2, expect.stringContaining('is of sample/nginx-chart')])
    const elsewhere = await owner.run(['mirror', 'start', 'sample/nginx-chart', '--as', 'other', '--plan', file])
    expect([elsewhere.status, elsewhere.stderr]).toEqual([1, expect.stringContaining('does not hold any more')])
    expect((await owner.run([...begin, '--plan', file, '--dry-run'])).status).toBe(2)
    expect((await owner.run([...begin, '--plan', file, '--wait'])).status).toBe(0)
    const again = await owner.run(['mirror', 'sync', 'acme/planned', '--plan', file])
    expect([again.status, again.stderr]).toEqual([1, expect.stringContaining('and would not now')])
    await Bun.write(file, '{"plan": {}}')
    const none = await owner.run(['mirror', 'sync', 'acme/planned', '--plan', file])
    expect([none.status, none.stderr]).toEqual([
      1,
      expect.stringContaining('is no plan, want the document of --dry-run --json'),
    ])
    await owner.run(['mirror', 'stop', 'acme/planned', '--delete', '--confirm', 'acme/planned'])
  })

  test('a release of the sample names the line that brings it in, and that line does', async () => {
    const released = await owner.run(['sample', 'release'])
    expect(released.stdout).toContain('release 2')
    const line = released.stdout.split('\n').find((text) => text.includes('mirror sync acme/dhi-python'))
    expect(line).toBeDefined()
    const args = (line ?? '').trim().split(' ').slice(1)
    const synced = await owner.run([...args, '--json'])
    expect(JSON.parse(synced.stdout).run.counts.tagsMoved).toBeGreaterThan(0)
    const again = await owner.run([...args, '--json'])
    expect(JSON.parse(again.stdout).run.counts).toMatchObject({ tagsMoved: 0, manifests: 0, blobs: 0, failed: 0 })
  })

  test('stop is fine when it is stopped already; adopt restarts it, never an active one', async () => {
    for (let i = 0; i < 2; i++) expect((await owner.run(['mirror', 'stop', 'acme/dhi-nginx'])).status).toBe(0)
    expect((await owner.run(['mirror', 'sync', 'acme/dhi-nginx', '--wait'])).status).toBe(1)
    expect((await owner.run(['mirror', 'start', 'sample/nginx', '--adopt', '--wait'])).status).toBe(0)
    const active = await owner.run(['mirror', 'start', 'sample/nginx', '--adopt'])
    expect([active.status, active.stderr]).toEqual([1, expect.stringContaining('CONFLICT')])
  })
})

test('a run that gets wrong bytes ends with 1; the document is still printed, and says what failed', async () => {
  const sample = new URL(kagami.server.sampleUrl ?? '')
  const liar = await countingProxy(sample.origin, {
    onRequest: (request) => (request.kind === 'blob-get' ? { flipByteAt: 0 } : undefined),
  })
  try {
    await owner.run(['upstream', 'add', 'liar', `${liar.url}${sample.pathname}`])
    const ended = await owner.run(['mirror', 'start', 'liar/nginx', '--as', 'lies', '--wait', '--json'])
    expect(ended.status).toBe(1)
    const { mirror, run } = JSON.parse(ended.stdout)
    expect(run.outcome).toBe('failed')
    expect(run.failures.length).toBeGreaterThan(0)
    expect(mirror).toMatchObject({ state: 'degraded', tags: { published: 0 } })
    const people = await owner.run(['mirror', 'watch', 'acme/lies'])
    expect([people.status, people.stdout]).toEqual([1, expect.stringContaining('Failures:')])
    const used = await owner.run(['upstream', 'remove', 'liar', '--json'])
    expect([used.status, JSON.parse(used.stdout).error.code]).toEqual([1, 'CONFLICT'])
  } finally {
    await liar.stop()
  }
})
