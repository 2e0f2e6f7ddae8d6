// Whatever a server says of targets and replications, nothing but text reaches the terminal.
import { describePrintable } from './hostile-text.ts'

const time = '2026-01-31T12:00:00.000Z'
const digest = `sha256:${'a'.repeat(64)}`
const page = (name: string, list: readonly unknown[]) => ({ [name]: list, next: null })

const run = (text: string) => ({
  ...{ id: text, trigger: 'sync', outcome: 'partial', startedAt: time, endedAt: time, tags: [text], full: true },
  counts: {
    ...{ tagsMoved: 1, tagsUnchanged: 0, manifests: 1, referrers: 0, blobs: 1, readBytes: 1, requests: 1, failed: 1 },
    ...{ tagsExcluded: 0, tagsDiverged: 1, tagsPinned: 0, tagsHeld: 1, tagsUntagged: 0, referrersUnlinked: 0 },
  },
  plan: { [text]: 1 },
  failures: [{ tag: text, digest, code: text, message: text }],
})
const replication = (text: string) => ({
  ...{ id: 'one', organization: 'acme', repository: 'acme/app', target: { target: 'out', repository: 'team/app' } },
  ...{ rule: null, state: 'paused', reason: text, since: time, remedy: text },
  pauses: [{ cause: 'public', reason: text, since: time, endsWhen: text }],
  ...{ schedule: { every: '1h' }, selection: { referrers: [text.slice(0, 256)] } },
  privacy: { checkedAt: time },
  drift: { mode: 'report', every: text, checkedAt: time, drifted: 1 },
  freshness: { behindSeconds: 1, objectiveSeconds: 1, checkedAt: time, missedSince: time, reason: text },
  settings: { after: 'scan' },
  tags: { total: 8, published: 1, failed: 1, waiting: 1, diverged: 1, immutable: 1, absent: 1, unselected: 1 },
  leftOut: [{ tag: text, state: 'diverged', reason: text }],
  ...{ waiting: null, lastRun: run(text), nextRunAt: time, createdAt: time },
})
const rule = (text: string) => ({
  ...{ id: 'some', organization: 'acme', target: 'out', match: [text], as: text, settings: {}, replications: 1 },
  ...{ reason: text, checkedAt: time, createdAt: time, createdBy: text },
})
const target = (text: string) => ({
  ...{ name: 'out', url: text, organization: 'acme', kind: 'other', signIn: { by: 'password' }, username: text },
  ...{ plainHttp: false, ca: null, maxRate: [], createdAt: time },
})
const budget = (text: string) => ({
  ...{ requests: 1, inFlight: 0, mostInFlight: 1, pauses: [{ kind: text, until: time, reason: text }] },
  ...{ allowances: [], waiting: [] },
})
const image = (text: string) => ({
  ...{ digest, fingerprint: digest, tags: [{ tag: text, action: 'move', from: null, to: digest }], action: 'fetch' },
  ...{ reason: text, platforms: [text], manifests: 1, attestations: 1, blobs: 1, sizeBytes: 1, requests: 3 },
})

const at = '/replications/acme/one'
const place = 'out/team/app'
describePrintable(
  'Hostile text in replications and targets',
  {
    'GET /targets': (text) => page('targets', [target(text)]),
    'GET /targets/out': (text) => ({ target: target(text), budget: budget(text) }),
    'GET /replications': (text) => page('replications', [replication(text)]),
    [`GET ${at}/explain`]: (text) =>
      page('tags', [
        { name: text, state: 'failed', local: digest, target: null, reason: text, checkedAt: time, next: text },
        { name: text, state: 'synced', local: digest, target: digest, reason: text, checkedAt: null, next: text },
      ]),
    [`GET ${at}/runs`]: (text) => page('runs', [run(text)]),
    [`GET ${at}/runs/r`]: (text) => ({
      ...{ replication: replication(text), run: run(text) },
      ...page(
        'items',
        ['moved', 'failed', 'drifted'].map((action) => ({
          ...{ action, tag: text, from: digest, to: digest, digest, code: text, message: text, at: time },
        })),
      ),
    }),
    [`POST ${at}/sync`]: (text) => ({
      plan: {
        ...{ id: digest, repository: 'acme/app', target: { target: 'out', repository: 'team/app' }, full: false },
        ...{ tags: null, images: [image(text)], omitted: { images: 0, items: 0 }, totals: { [text]: 1 } },
        items: [{ action: text, tag: text, digest, sizeBytes: 1, origin: 'image', reason: text }],
        forecast: { requests: 1, needed: 1, kind: text, left: 1, until: null },
      },
    }),
    [`POST ${at}/pause`]: (text) => ({ replication: replication(text) }),
    [`PATCH ${at}`]: (text) => ({ replication: replication(text) }),
    'GET /replication-rules': (text) => page('rules', [rule(text)]),
    'POST /replication-rules': (text) => ({
      plan: { matched: [{ repository: 'acme/app', to: text, action: 'start', reason: text }] },
    }),
  },
  [
    ['target', 'list'],
    ['target', 'show', 'out', '--org', 'acme'],
    ['replication', 'list'],
    ['replication', 'show', place],
    ['replication', 'explain', place],
    ['replication', 'runs', place],
    ['replication', 'run', place, 'r'],
    ['replication', 'sync', place, '--dry-run', '--verbose'],
    ['replication', 'pause', place],
    ['replication', 'change', place, '--drift', 'repair'],
    ['replication', 'rules'],
    ['replication', 'start', 'out', '--match', '*', '--org', 'acme', '--dry-run'],
  ].map((args) => ({ args })),
)
