import { expect, test } from 'bun:test'
import { DEFAULT_WHIMS } from '../../src/api/mirror-settings.ts'
import type { Mirror } from '../../src/api/mirrors.ts'
import type { Run } from '../../src/api/runs.ts'
import { mirrorTable, mirrorText, outcomeText } from '../../src/cli/mirror-text.ts'
import { NO_TAGS } from '../../src/db/mirrors/mirror-tags.ts'
import { NO_COUNTS } from '../../src/mirror/life/run-end.ts'

const at = '2026-01-01T00:00:00.000Z'
const run = (change: Partial<Run> = {}): Run => ({
  id: 'r',
  trigger: 'sync',
  outcome: 'done',
  startedAt: at,
  beganAt: at,
  waitedSeconds: 0,
  runningSeconds: null,
  endedAt: at,
  counts: NO_COUNTS,
  failures: [],
  tags: null,
  full: false,
  plan: null,
  ...change,
})
const mirror = (change: Partial<Mirror> = {}): Mirror => ({
  id: 'm',
  organization: 'acme',
  repository: 'acme/app',
  subscription: null,
  source: { upstream: 'hub', repository: 'app' },
  state: 'active',
  reason: null,
  since: at,
  remedy: null,
  pauses: [],
  schedule: { every: '15m' },
  selection: {},
  whims: DEFAULT_WHIMS,
  freshness: { behindSeconds: 0, objectiveSeconds: null, checkedAt: null, missedSince: null, reason: null },
  settings: {},
  tags: { ...NO_TAGS, total: 3, published: 3 },
  leftOut: [],
  waiting: null,
  lastRun: run(),
  nextRunAt: null,
  createdAt: at,
  ...change,
})

test('a failure of the whole run stands without a tag, one about content with its digest', () => {
  const digest = `sha256:${'ab'.repeat(32)}`
  const failures = [
    { tag: null, digest: null, code: 'UPSTREAM_UNAVAILABLE', message: 'hub: connection refused' },
    { tag: null, digest, code: 'DIGEST_INVALID', message: 'other bytes' },
    { tag: '1', digest, code: 'DIGEST_INVALID', message: 'other bytes' },
  ]
  const lines = outcomeText(mirror(), run({ outcome: 'failed', failures }), 'kagami').split('\n')
  expect(lines.slice(-4)).toEqual([
    'Failures:',
    '  hub: connection refused (UPSTREAM_UNAVAILABLE)',
    '  sha256:abababababab: other bytes (DIGEST_INVALID)',
    '  1: other bytes (DIGEST_INVALID)',
  ])
})

test('what is left out is told with its reason, wherever "n of n" would say that all is here', () => {
  const leftOut: Mirror['leftOut'] = [
    { tag: 'old', state: 'excluded', reason: 'schema version 1' },
    { tag: 'latest', state: 'diverged', reason: 'points elsewhere' },
  ]
  const counts = { ...NO_COUNTS, tagsUnchanged: 2, tagsExcluded: 1, tagsDiverged: 1 }
  const lastRun = run({ counts })
  const some = mirror({
    tags: { ...NO_TAGS, total: 3, published: 2, excluded: 4, diverged: 1, absent: 1 },
    leftOut,
    lastRun,
  })
  expect(mirrorTable([some])).toContain('2/3 (1 diverged, 4 excluded, 1 gone at upstream)')
  for (const text of [mirrorText(some, 'bin/kagami'), outcomeText(some, lastRun, 'bin/kagami')]) {
    expect(text).toContain('0 tags moved, 2 unchanged, 1 excluded, 1 diverged')
    expect(text).toContain(
      [
        'Left to people:',
        '  old: excluded, schema version 1',
        '  latest: diverged, points elsewhere',
        '  and 3 more',
        'Give one back to the mirror: bin/kagami tag release acme/app TAG',
        'Take what upstream has instead of a diverged one: bin/kagami tag release acme/app TAG --take-upstream',
      ].join('\n'),
    )
  }
  expect(outcomeText(some, lastRun, 'kagami')).toStartWith(
    'acme/app holds what hub/app has, without 2 tags left to people',
  )
  expect(outcomeText(mirror(), run(), 'kagami')).toStartWith('acme/app holds what hub/app has after')
})

test('what upstream itself does not have is left out of a good run, no failure of it', () => {
  const failures = [{ tag: '1', digest: null, code: 'MANIFEST_UNKNOWN', message: 'published without it' }]
  const text = outcomeText(mirror(), run({ failures }), 'kagami')
  expect(text).toContain('Left out:\n  1: published without it')
  expect(text).not.toContain('Failures')
})

test('a run of single tags speaks of these only', () => {
  const text = outcomeText(
    mirror({ reason: 'of another run' }),
    run({ tags: ['1', '2'], outcome: 'partial' }),
    'kagami',
  )
  expect(text).toStartWith('acme/app holds a part of 1, 2 of hub/app')
  expect(text).not.toContain('of another run')
})

test('a mirror says how far it is behind, and that it misses its objective', () => {
  const reason = 'upstream has had since noon what is not here yet: the objective of 30m is missed'
  const freshness = { behindSeconds: 7200, objectiveSeconds: 1800, checkedAt: null, missedSince: at, reason }
  expect(mirrorTable([mirror({ freshness })])).toContain('2 hours !')
  expect(mirrorText(mirror({ freshness }), 'kagami')).toContain(
    `Behind      2 hours, objective 30 minutes; upstream was never looked at; ${reason}`,
  )
  expect(mirrorText(mirror(), 'kagami')).toContain('Behind      nothing that is known; upstream')
})
