// Whatever a server says, nothing but text reaches the terminal: a property over every list and every view (issue 7, row 18).

import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { DEFAULT_WHIMS } from '../../src/api/mirror-settings.ts'
import { printableLine, printableText } from '../../src/lib/printable.ts'
import { ACTS, describePrintable, hostile, type Printed } from './hostile-text.ts'

const time = '2026-01-31T12:00:00.000Z'
const digest = `sha256:${'a'.repeat(64)}`
const run = (text: string) => ({
  id: text,
  trigger: 'sync',
  outcome: 'partial',
  startedAt: time,
  endedAt: time,
  counts: {
    tagsMoved: 1,
    tagsUnchanged: 0,
    manifests: 1,
    referrers: 0,
    blobs: 1,
    readBytes: 1,
    requests: 1,
    failed: 1,
    tagsExcluded: 1,
    tagsDiverged: 0,
    tagsPinned: 0,
    tagsHeld: 1,
    tagsUntagged: 1,
    referrersUnlinked: 1,
  },
  tags: [text],
  full: true,
  plan: { [text]: 1 },
  failures: [{ tag: text, digest, code: text, message: text }],
})
const mirror = (text: string) => ({
  id: text,
  organization: 'acme',
  repository: 'acme/dhi-python',
  source: { upstream: 'hub', repository: 'python' },
  subscription: text,
  state: 'degraded',
  reason: text,
  since: time,
  remedy: text,
  pauses: [{ cause: 'hand', reason: text, since: time, endsWhen: text }],
  selection: { referrers: [text.slice(0, 256)] },
  schedule: { every: '15m' },
  whims: DEFAULT_WHIMS,
  freshness: { behindSeconds: 1, objectiveSeconds: 1, checkedAt: time, missedSince: time, reason: text },
  settings: {},
  tags: {
    total: 1,
    published: 0,
    failed: 1,
    held: 1,
    diverged: 0,
    excluded: 1,
    absent: 0,
    unselected: 0,
    retained: 0,
    pinned: 0,
  },
  leftOut: [{ tag: text, state: 'excluded', reason: text }],
  waiting: null,
  lastRun: run(text),
  nextRunAt: time,
  createdAt: time,
})
const entry = (text: string) => ({
  repository: 'python',
  state: 'failed',
  listed: false,
  mirror: null,
  code: text,
  reason: text,
})
const subscription = (text: string) => ({
  id: text,
  organization: 'acme',
  upstream: 'hub',
  match: [text],
  except: [text],
  repositories: null,
  adopt: false,
  settings: { schedule: { every: '15m' } },
  mirrors: 1,
  state: 'degraded',
  reason: text,
  since: time,
  remedy: text,
  entries: {
    waiting: 0,
    initial: 0,
    active: 1,
    degraded: 0,
    paused: 0,
    stopped: 1,
    removed: 0,
    failed: 1,
    unmatched: 1,
    unlisted: 1,
  },
  failures: [entry(text)],
  left: [entry(text)],
  unmatched: [entry(text)],
  changing: true,
  listed: 1,
  readAt: time,
  nextReadAt: time,
  createdAt: time,
})
const repository = (text: string) => ({
  name: 'acme/app',
  visibility: 'private',
  mirror: text,
  tags: 1,
  sizeBytes: 1,
  pulls: 1,
  lastPulledAt: time,
  updatedAt: time,
})

const catalogEntry = (text: string) => ({
  upstream: 'hub',
  repository: 'python',
  title: text,
  description: text,
  kind: 'image',
  categories: [text],
  distributions: [text],
  compliance: ['cis'],
  support: 'active',
  supportedUntil: text,
  updatedAt: text,
  words: text,
  logo: text,
  mirrors: [],
})
const catalogVariant = (text: string) => ({
  ...{ name: text, definition: text, variant: text, flavor: text, distribution: text, tags: [text], platforms: [text] },
  ...{ compliance: ['cis'], packageManager: text, shell: text, user: text, released: text, endOfSupport: text },
  ...{ endOfLife: text, support: 'active', entitlement: text, mirrored: [{ repository: 'acme/app', tags: 1 }] },
})
const catalogState = (text: string) => ({
  ...{ upstream: 'hub', organization: null, source: 'given', entries: 1, given: 1, readAt: time, triedAt: time },
  ...{ nextAt: time, refreshing: false, problem: { code: text, message: text, since: time } },
  definitions: { from: 'url', url: text, entries: 1, readAt: time, problem: text, notes: [text] },
})

/** What each path answers with `text` wherever the shape allows any text; and the lines that each command then prints. */
const answers: Record<string, (text: string) => unknown> = {
  'GET /catalog': (text) => ({
    entries: [catalogEntry(text)],
    next: null,
    reading: false,
  }),
  'GET /catalog/hub/python': (text) => ({
    entry: {
      ...catalogEntry(text),
      ...{ overview: text, guides: text, homeUrl: text, tools: [{ name: text, description: text }] },
      ...{ alternatives: [text], variants: [catalogVariant(text)] },
    },
  }),
  'GET /catalog/hub': (text) => ({ catalog: catalogState(text) }),
  'GET /mirrors': (text) => ({ mirrors: [mirror(text)], next: null }),
  'GET /mirrors/acme/dhi-python': (text) => ({ mirror: mirror(text) }),
  'GET /mirrors/acme/dhi-python/runs': (text) => ({ runs: [run(text)], next: null }),
  'GET /mirrors/acme/dhi-python/runs/r': (text) => ({
    mirror: mirror(text),
    run: run(text),
    items: (['moved', 'failed'] as const).map((action) => ({
      ...{ action, tag: text, from: digest, to: digest, digest, code: text, message: text, at: time },
    })),
    next: null,
  }),
  'POST /mirrors/acme/dhi-python/sync': (text) => ({
    plan: {
      id: digest,
      repository: 'acme/dhi-python',
      source: { upstream: 'hub', repository: 'python' },
      full: false,
      acceptShrink: false,
      tags: null,
      images: [
        {
          digest,
          fingerprint: digest,
          tags: [{ tag: text, action: 'move', from: null, to: digest }],
          action: 'fetch',
          reason: text,
          platforms: [text],
          manifests: 1,
          attestations: 1,
          blobs: 1,
          sizeBytes: 1,
          requests: 3,
        },
      ],
      omitted: { images: 0, items: 0 },
      items: [{ action: text, tag: text, digest, sizeBytes: 1, origin: 'image', reason: text }],
      totals: { [text]: 1 },
      forecast: { requests: 1, needed: 1, kind: text, left: 1, until: null },
    },
  }),
  'GET /subscriptions': (text) => ({ subscriptions: [subscription(text)], next: null }),
  'GET /repositories': (text) => ({ repositories: [repository(text)], next: null }),
  'GET /repositories/acme/app': (text) => ({
    repository: {
      ...repository(text),
      description: text,
      immutableTags: { mode: 'patterns', patterns: [text] },
      allowSparse: false,
      keepSuperseded: { newest: 1, days: null, daysAfterPull: 1 },
      archivedAt: null,
      createdAt: time,
    },
  }),
  'GET /repositories/acme/app/tags': (text) => ({
    tags: [
      {
        name: text,
        digest,
        mediaType: text,
        sizeBytes: 1,
        platforms: [text, text],
        platformCount: 2,
        isPartial: false,
        referrers: 0,
        attested: ['signature', 'sbom', 'provenance', 'vex', 'scan', 'other'],
        movedAt: time,
        mirrored: false,
        pinned: false,
        configType: text,
        excluded: false,
        diverged: false,
        immutable: false,
        pulls: 1,
        lastPulledAt: time,
      },
    ],
    next: null,
  }),
  'GET /mirrors/acme/app/exclusions': (text) => ({
    exclusions: [{ tag: text, digest, reason: text, by: text, at: time }],
    next: null,
  }),
  'GET /mirrors/acme/app/pins': (text) => ({
    pins: [{ tag: text, digest, reason: text, by: text, since: time }],
    next: null,
  }),
  'GET /repositories/acme/app/history': (text) => ({
    history: [
      { tag: text, from: digest, to: digest, at: time, by: text, run: text || 'r', cause: 'mirrored', reason: text },
    ],
    next: null,
  }),
  'GET /organizations/acme/moves': (text) => ({
    moves: [
      {
        ...{ repository: 'acme/app', tag: text, from: digest, to: digest, at: time, by: text, run: text || 'r' },
        cause: 'mirrored',
        reason: text,
      },
    ],
    next: null,
  }),
  'GET /mirrors/acme/app/explain': (text) => ({
    tags: [
      { name: text, state: 'failed', upstream: digest, local: null, reason: text, checkedAt: time, next: text },
      { name: text, state: 'synced', upstream: digest, local: digest, reason: text, checkedAt: null, next: text },
    ],
    next: null,
  }),
  'GET /tokens': (text) => ({
    tokens: [{ id: text, label: text, scope: 'read', expiresAt: null, username: text, lastUsedAt: null }],
    next: null,
  }),
  'GET /organizations': (text) => ({
    organizations: [
      {
        displayName: text,
        ...{
          name: 'acme',
          role: 'owner',
          membersPull: 'none',
          repositories: 1,
          sizeBytes: 1,
          definitionsBytes: 1,
          quotaBytes: null,
        },
        createdAt: time,
      },
    ],
    next: null,
  }),
  'GET /organizations/acme/members': (text) => ({
    members: [
      { username: 'owner', role: 'owner', createdAt: time, displayName: text, teams: ['ops'], lastSeenAt: time },
    ],
    next: null,
  }),
  'GET /users': (text) => ({
    users: [
      {
        ...{ id: text, username: 'owner', displayName: text, email: text, operator: true, twoFactor: true },
        ...{ disabledAt: null, organizations: 1, createdAt: time, lastSeenAt: time },
      },
    ],
    next: null,
  }),
  'GET /operator/health': (text) => ({
    health: {
      ...{ at: time, version: text, startedAt: time, residentBytes: 1, mirrors: [{ state: 'active', mirrors: 1 }] },
      ...{ database: { engine: 'sqlite', sizeBytes: 1 }, servers: [{ id: text, isThis: true }], pauses: [] },
      storage: { blobs: 1, sizeBytes: 1, isWhole: false, freeBytes: 1, totalBytes: 2 },
      runs: { running: 1, waiting: 1 },
      deliveries: { pending: 1, failed: 1, oldestAt: time, disabledWebhooks: 1 },
      followers: [{ name: text, behind: 1, since: time }],
      upstreams: [
        {
          ...{ name: 'hub', organization: null },
          budget: { requests: 1, inFlight: 0, pauses: [{ kind: text, until: time, reason: text }], allowances: [] },
        },
      ],
    },
  }),
  'GET /operator/settings': (text) => ({
    settings: [
      {
        ...{ variable: text, key: text, value: text, isSecret: false, source: 'file', where: text },
        ...{ about: text, want: text },
      },
    ],
  }),
  'GET /upstreams': (text) => ({
    upstreams: [
      {
        name: 'hub',
        url: text,
        organization: 'acme',
        username: text,
        referrersFrom: null,
        plainHttp: false,
        ca: null,
        prefix: text,
        maxRate: [],
        createdAt: time,
      },
    ],
    next: null,
  }),
  'POST /sample/releases': (text) => ({
    sample: { release: 2, url: text, repositories: [{ name: text, tags: 1, movedTags: [text] }] },
  }),
}

/** Lines on standard output; a list has a heading and one row. */
const commands: Printed[] = [
  { args: ['catalog', 'list', 'hub'], lines: 2 },
  { args: ['catalog', 'show', 'hub/python'], lines: 11 },
  { args: ['catalog', 'status', 'hub'], lines: 9 },
  { args: ['mirror', 'list'], lines: 2 },
  { args: ['mirror', 'show', 'acme/dhi-python'], lines: 21 },
  { args: ['mirror', 'runs', 'acme/dhi-python'], lines: 2 },
  { args: ['mirror', 'run', 'acme/dhi-python', 'r'], lines: 14 },
  { args: ['mirror', 'sync', 'acme/dhi-python', '--dry-run'], lines: 4 },
  { args: ['mirror', 'sync', 'acme/dhi-python', '--dry-run', '--verbose'], lines: 6 },
  { args: ['subscription', 'list'], lines: 2 },
  { args: ['subscription', 'show', 'hub'], lines: 22 },
  { args: ['repository', 'list'], lines: 2 },
  { args: ['repository', 'show', 'acme/app'], lines: 12 },
  { args: ['tag', 'list', 'acme/app'], lines: 10 },
  { args: ['tag', 'history', 'acme/app'], lines: 2 },
  { args: ['mirror', 'explain', 'acme/app'], lines: 9 },
  { args: ['token', 'list'], lines: 2 },
  { args: ['organization', 'list'], lines: 2, shown: 'owner' },
  { args: ['organization', 'moves', 'acme'], lines: 2 },
  { args: ['member', 'list', 'acme'], lines: 2, shown: 'owner' },
  { args: ['user', 'list'], lines: 2 },
  { args: ['operator', 'health'], lines: 11 },
  { args: ['operator', 'settings'], lines: 2 },
  { args: ['upstream', 'list'], lines: 2 },
  { args: ['sample', 'release'], lines: 3 },
]

describePrintable('Hostile text', answers, commands)

test('a JSON document with its controls spelled out is the same document', () => {
  fc.assert(
    fc.property(fc.jsonValue(), hostile, (value, key) => {
      const document = { [key]: value, key }
      const printed = printableText(JSON.stringify(document, null, 2))
      expect(printed).not.toMatch(ACTS)
      expect(JSON.stringify(JSON.parse(printed))).toBe(JSON.stringify(document))
      expect(printableLine(key)).not.toMatch(/\n/)
    }),
  )
})
