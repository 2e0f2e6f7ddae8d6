import { expect, test } from 'bun:test'
import type { Run, RunItem } from '../../src/api/runs.ts'
import { moreText, runTable, runText } from '../../src/cli/run-text.ts'
import { NO_COUNTS } from '../../src/mirror/life/run-end.ts'

const digest = (letter: string) => `sha256:${letter.repeat(64)}`
const run: Run = {
  id: 'r-1',
  trigger: 'sync',
  outcome: 'partial',
  startedAt: '2026-01-01T00:00:00.000Z',
  beganAt: '2026-01-01T00:00:30.000Z',
  waitedSeconds: 30,
  runningSeconds: 90,
  endedAt: '2026-01-01T00:02:00.000Z',
  counts: { ...NO_COUNTS, tagsMoved: 1, failed: 1, readBytes: 2_000_000, requests: 12 },
  failures: [],
  tags: ['1', '2'],
  full: true,
  plan: { tagsMoved: 2, sizeBytes: 3_000_000, tagsFailed: 0 },
}
const item = (change: Partial<RunItem>): RunItem => ({
  ...{ action: 'moved', tag: null, from: null, to: null, digest: null, code: null, message: null, at: null },
  ...change,
})

test('a list of runs says when, why, how long, and what came of it', () => {
  const [heading, row] = runTable([run], 'acme/app', 'kagami').split('\n')
  expect(heading?.split(/ {2,}/)).toEqual([
    'RUN',
    'BEGAN',
    'BY',
    'OUTCOME',
    'WAITED',
    'TOOK',
    'MOVED',
    'FAILED',
    'READ',
    'REQUESTS',
  ])
  expect(row).toMatch(/^r-1 .* sync, full, of 2 tags {2}partial {2}30 seconds {2}2 minutes {2}1 {6}1 {7}2 MB {2}12$/)
  expect(runTable([], 'acme/app', 'kagami mirror sync acme/app')).toBe(
    'acme/app has not run yet. Begin: kagami mirror sync acme/app',
  )
})

test('one run shows its plan, each move from where to where, and each failure to its end, on lines of their own', () => {
  const items = [
    item({ tag: '1', from: digest('a'), to: digest('b'), at: '2026-01-01T00:01:00.000Z' }),
    item({ action: 'failed', tag: '2', code: 'DENIED', message: `no\u001b[31m\n${'x'.repeat(300)}` }),
    item({ action: 'failed', code: 'UPSTREAM_UNAVAILABLE', message: 'hub: down' }),
  ]
  const lines = runText(['Mirror', 'acme/app'], run, items).split('\n')
  expect(lines).toContain('Waited   30 seconds')
  expect(lines).toContain('Planned  2 tags moved, 3 MB')
  expect(lines).toContain('Read     2 MB in 12 requests')
  expect(lines.find((line) => line.startsWith('1 '))).toBe(
    '1    sha256:aaaaaaaaaaaa  sha256:bbbbbbbbbbbb  2026-01-01T00:01:00.000Z',
  )
  expect(lines.at(-2)).toStartWith('failed: 2: no')
  expect(lines.at(-2)).toEndWith(`${'x'.repeat(300)} (DENIED)`)
  expect(lines.at(-1)).toBe('failed: the run: hub: down (UPSTREAM_UNAVAILABLE)')
})

test('a page says how to go on', () => {
  expect(moreText('kagami mirror runs acme/app --limit 2', 'x~1')).toBe(
    'There is more: kagami mirror runs acme/app --limit 2 --after x~1',
  )
  expect(moreText('kagami', null)).toBe('')
})
