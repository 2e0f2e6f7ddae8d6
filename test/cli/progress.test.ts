// Progress on a terminal: what a run does right now fits in, however narrow it is; over a server whose upstream holds a layer back.
import { afterAll, expect, setDefaultTimeout, test } from 'bun:test'
import { activityAnswerSchema } from '../../src/api/glance.ts'
import { type CurrentItem, type Progress, progressSchema } from '../../src/api/progress.ts'
import { currentText } from '../../src/cli/current-text.ts'
import { createProgressView } from '../../src/cli/progress.ts'
import type { Terminal } from '../../src/cli/terminal.ts'
import { signInOwner } from '../support/command-line.ts'
import { heldLayer } from '../support/held-layer.ts'
import { authorization, OWNER, startWholeServer } from '../support/whole-server.ts'

setDefaultTimeout(60_000)

const closers: (() => unknown)[] = []
afterAll(async () => {
  for (const close of closers.reverse()) await close()
})

const DIGEST = `sha256:${'a'.repeat(64)}`
const item = (change: Partial<CurrentItem>): CurrentItem => ({
  ...{ doing: 'copying-blob', tag: '3.12-slim', digest: DIGEST, sizeBytes: 24_100_000 },
  ...change,
})
const moment = (change: Partial<Progress>): Progress => ({
  ...{ at: '2026-01-01T00:00:00.000Z', mirror: 'acme/dhi-python', runId: 'r-1', phase: 'copying', outcome: 'running' },
  ...{
    tags: { done: 3, total: 14 },
    manifests: { done: 26, total: 104 },
    bytes: { done: 1_200_000, total: 30_000_000 },
  },
  ...{ failed: 0, leftOut: 0, ahead: null, current: item({}) },
  ...change,
})

function painted(columns: number, moments: readonly Progress[]): string[] {
  const lines: string[] = []
  const nothing = { print() {}, note() {}, readInput: async () => '' }
  const terminal: Terminal = { ...nothing, isInteractive: true, columns, paint: (line) => void lines.push(line) }
  const view = createProgressView(terminal)
  for (const one of moments) view.show(one)
  return lines
}

test('each thing that a run does has its words, and a digest stands in where there is no tag', () => {
  const text = (change: Partial<CurrentItem>) => currentText(item(change))
  expect(text({})).toBe('copying 24.1 MB of 3.12-slim')
  expect(text({ tag: null })).toBe('copying 24.1 MB of sha256:aaaaaaaaaaaa')
  expect(text({ doing: 'copying-attestation', sizeBytes: 12_000 })).toBe('copying an attestation of 3.12-slim (12 kB)')
  expect(text({ doing: 'copying-manifest' })).toBe('copying a manifest of 3.12-slim')
  expect(text({ doing: 'listing-tags', tag: null, digest: null })).toBe('listing the tags')
  expect(text({ doing: 'looking-up-tag', digest: null })).toBe('looking up 3.12-slim')
  expect(text({ doing: 'reading-image' })).toBe('reading 3.12-slim')
  expect(text({ doing: 'listing-attestations', tag: null })).toBe('listing attestations of sha256:aaaaaaaaaaaa')
  expect(text({ doing: 'planning', tag: null, digest: null })).toBe('planning')
  expect(text({ doing: 'publishing' })).toBe('publishing 3.12-slim')
  expect(text({ doing: 'removing', tag: null, digest: null })).toBe('removing what upstream has lost')
  expect(text({ doing: 'recording', tag: null, digest: null })).toBe('recording the outcome')
})

test('the line keeps what is done now, and loses what is missed least, the narrower the terminal is', () => {
  const last = moment({ at: '2026-01-01T00:00:10.000Z', bytes: { done: 11_200_000, total: 30_000_000 } })
  const lineOf = (columns: number) => painted(columns, [moment({}), last]).at(-1)
  expect(lineOf(200)).toBe(
    'acme/dhi-python  copying  [#######.............]  3/14 tags  26/104 manifests  11.2 MB of 30 MB  1 MB/s  19 seconds left  copying 24.1 MB of 3.12-slim',
  )
  expect(lineOf(80)).toBe('acme/dhi-python  37 %  19 seconds left  copying 24.1 MB of 3.12-slim')
  expect(lineOf(40)).toBe('37 %  copying 24.1 MB of 3.12-slim')
  const long = moment({ current: item({ tag: 't'.repeat(128) }) })
  for (const columns of [20, 40, 80, 120, 160])
    expect(painted(columns, [long])[0]?.length).toBeLessThan(Math.max(21, columns))
  // Once short, it stays short until the run is over.
  const lines = painted(120, [moment({}), long, moment({}), moment({ runId: 'r-2' })])
  expect(lines[2]?.length).toBeLessThan(lines[0]?.length ?? 0)
  expect(lines[3]).toBe(lines[0])
  expect(painted(200, [moment({ current: null })])[0]).toEndWith('1.2 MB of 30 MB')
  expect(painted(80, [moment({ phase: 'waiting', ahead: 2, current: null })])).toEqual([
    'acme/dhi-python  waiting for a place, 2 before it',
  ])
})

test('the API and the command line tell which layer is being copied while it is', async () => {
  const kagami = await startWholeServer()
  closers.push(() => kagami.stop())
  const upstream = heldLayer()
  closers.push(() => upstream.stop())
  const owner = await signInOwner(kagami)
  const body = { name: 'slow', url: upstream.url, organization: 'acme' }
  expect((await kagami.call('POST', '/upstreams', { login: OWNER, body })).status).toBeLessThan(300)
  await owner.run(['mirror', 'start', 'slow/app', '--as', 'app'])
  await upstream.isHeld
  const end = new AbortController()
  const response = await fetch(`${kagami.url}/api/v1/mirrors/acme/app/progress`, {
    headers: { authorization: authorization(OWNER) },
    signal: end.signal,
  })
  const [first = ''] = new TextDecoder().decode((await response.body?.getReader().read())?.value).split('\n')
  end.abort()
  expect(progressSchema.parse(JSON.parse(first))).toMatchObject({
    ...{ phase: 'copying', mirror: 'acme/app' },
    current: { doing: 'copying-blob', tag: upstream.tag, digest: upstream.layer.digest, sizeBytes: 140_000 },
  })
  // Where upstream is, nobody who may only look at the mirror is told.
  expect(first).not.toContain('127.0.0.1')
  const activity = (await kagami.call('GET', '/organizations/acme/activity', { login: OWNER })).as(activityAnswerSchema)
  expect(activity.runs.map(({ current }) => current?.tag)).toEqual([upstream.tag])
  expect((await owner.run(['organization', 'activity', 'acme'])).stdout).toMatch(
    /^acme\/app +copying 140 kB of 3.12-slim +0\/1 /m,
  )
  const seen = Promise.withResolvers<string>()
  const watching = owner.run(['mirror', 'watch', 'acme/app'], {
    isInteractive: true,
    columns: 60,
    onPaint: seen.resolve,
  })
  expect(await seen.promise).toBe('acme/app  49 %  copying 140 kB of 3.12-slim')
  upstream.release()
  const { painted, status } = await watching
  expect([status, painted.at(-1)]).toEqual([0, ''])
  for (const line of painted) expect(line.length).toBeLessThan(60)
  const ended = await owner.run(['mirror', 'watch', 'acme/app', '--json'])
  expect(JSON.parse(ended.stdout)).toMatchObject({ phase: 'ended', current: null })
})
