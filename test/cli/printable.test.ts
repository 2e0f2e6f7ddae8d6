// Whatever a server says, nothing but text reaches the terminal: a property over every list and every view (issue 7, row 18).

import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { DEFAULT_WHIMS } from '../../src/api/mirror-settings.ts'
import { printableLine, printableText } from '../../src/lib/printable.ts'
import { commandLineUser } from '../support/command-line.ts'
import { temporaryDirectory } from '../support/process.ts'

/** Everything that a terminal acts on, or that changes what a line seems to say. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const ACTS = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/

const evil = [
  '\u001b[31m',
  '\u001b]8;;http://evil.example\u0007click\u001b]8;;\u0007',
  '\u001b]52;c;ZXZpbA==\u0007',
  '\u009b2J',
  '\u009d0;title\u009c',
  '\u0090q\u009c',
  '\r',
  '\n',
  '\r\nacme/real  public',
  '\t',
  '\b\b\b',
  '\u0000',
  '\u007f',
  '\u0085',
  '\u202e',
  '\u2066',
  '\u200f',
  '\u2028',

  '名',
  '🦀',
  'x',
  '\\u001b',
]
const hostile = fc
  .array(fc.oneof(fc.constantFrom(...evil), fc.string({ unit: 'binary', maxLength: 8 })), { maxLength: 6 })
  .map((parts) => `t${parts.join('')}`)

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
  updatedAt: time,
})

/** What each path answers with `text` wherever the shape allows any text; and the lines that each command then prints. */
const answers: Record<string, (text: string) => unknown> = {
  'GET /catalog': (text) => ({
    entries: [{ upstream: 'hub', repository: 'python', title: text, mirrors: [] }],
    next: null,
  }),
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
        movedAt: time,
        mirrored: false,
        pinned: false,
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
    history: [{ tag: text, from: digest, to: digest, at: time, by: text, run: text || 'r', reason: text }],
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
  'GET /organizations': () => ({
    organizations: [
      {
        ...{ name: 'acme', role: 'owner', membersPull: 'none', repositories: 1, sizeBytes: 1, quotaBytes: null },
        createdAt: time,
      },
    ],
    next: null,
  }),
  'GET /organizations/acme/members': () => ({
    members: [{ username: 'owner', role: 'owner', createdAt: time }],
    next: null,
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
const commands: [args: string[], lines: number][] = [
  [['catalog', 'list', 'hub'], 2],
  [['mirror', 'list'], 2],
  [['mirror', 'show', 'acme/dhi-python'], 21],
  [['mirror', 'runs', 'acme/dhi-python'], 2],
  [['mirror', 'run', 'acme/dhi-python', 'r'], 14],
  [['mirror', 'sync', 'acme/dhi-python', '--dry-run'], 4],
  [['mirror', 'sync', 'acme/dhi-python', '--dry-run', '--verbose'], 6],
  [['subscription', 'list'], 2],
  [['subscription', 'show', 'hub'], 22],
  [['repository', 'list'], 2],
  [['repository', 'show', 'acme/app'], 10],
  [['tag', 'list', 'acme/app'], 10],
  [['tag', 'history', 'acme/app'], 2],
  [['mirror', 'explain', 'acme/app'], 9],
  [['token', 'list'], 2],
  [['organization', 'list'], 2],
  [['member', 'list', 'acme'], 2],
  [['upstream', 'list'], 2],
  [['sample', 'release'], 3],
]

describe('Hostile text', () => {
  const home = temporaryDirectory('printable')
  let text = ''
  let isRefused = false
  let server: Bun.Server<undefined>
  beforeAll(() => {
    server = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      fetch(request) {
        const path = decodeURIComponent(new URL(request.url).pathname.replace('/api/v1', ''))
        const made = answers[`${request.method} ${path}`]
        if (made === undefined) return new Response(`no ${request.method} ${path}`, { status: 500 })
        if (isRefused)
          return Response.json({ error: { code: 'CONFLICT', message: text, detail: text } }, { status: 409 })
        return Response.json(made(text))
      },
    })
  })
  afterAll(async () => {
    await server.stop(true)
    home.remove()
  })

  for (const [args, lines] of commands) {
    test(`${args.join(' ')}: only text, and no line more`, async () => {
      const user = commandLineUser(`http://127.0.0.1:${server.port}`, home.path, 'kgm_token')
      await fc.assert(
        fc.asyncProperty(hostile, fc.boolean(), async (made, refused) => {
          text = made
          isRefused = refused
          const plain = await user.run(args)
          for (const out of [plain.stdout, plain.stderr]) expect(out).not.toMatch(ACTS)
          if (refused) expect(plain.stderr.split('\n')).toHaveLength(2)
          else expect([plain.stderr, plain.stdout.split('\n').length]).toEqual(['', lines])

          const json = await user.run([...args, '--json'])
          for (const out of [json.stdout, json.stderr]) expect(out).not.toMatch(ACTS)
          const document = JSON.parse(json.stdout)
          if (refused) expect(document.error.message).toBe(text)
          // What crosses the wire as UTF-8 has no lone surrogates any more.
          else
            expect(JSON.stringify(document)).toContain(
              JSON.stringify(args[0] === 'organization' || args[0] === 'member' ? 'owner' : text),
            )
        }),
        { numRuns: 25 },
      )
    })
  }

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
})
