// For any state there and any files: what is exported is there already, and what is applied is there afterwards.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { stringify } from 'yaml'
import type { ConfiguredMirror, ConfiguredSubscription } from '../../src/api/configuration.ts'
import { changedSettings, type MirrorSettings, whimsOf } from '../../src/api/mirror-settings.ts'
import type { Mirror } from '../../src/api/mirrors.ts'
import type { Subscription } from '../../src/api/subscriptions.ts'
import type { Upstream, UpstreamField } from '../../src/api/upstreams.ts'
import { exportedState } from '../../src/cli/configuration/document.ts'
import { parseFiles, type Wanted, type WantedState, type WantedUpstream } from '../../src/cli/configuration/files.ts'
import {
  keyOf,
  type PresentState,
  planConfiguration,
  type Step,
  upstreamBody,
} from '../../src/cli/configuration/plan.ts'
import { planSubscriptions } from '../../src/cli/configuration/subscriptions.ts'
import { NO_TAGS } from '../../src/db/mirrors/mirror-tags.ts'

const time = '2026-01-01T00:00:00.000Z'
const place = { file: 'acme.yaml', line: 1, column: 1 }
const ORGANIZATION = 'acme'
const NAMES = ['dhi', 'hub', 'scout'] as const
const PASSWORDS = ['one', 'two']

interface KeptUpstream extends Upstream {
  readonly password: string | null
}
/** What a server holds. */
interface World {
  readonly upstreams: Map<string, KeptUpstream>
  readonly mirrors: Map<string, Mirror>
}

const scheduleArbitrary = fc.constantFrom({ every: '15m' }, { every: '2h' }, { cron: '0 4 * * *' })
const settingsArbitrary: fc.Arbitrary<MirrorSettings> = fc.oneof(
  fc.constant({}),
  scheduleArbitrary.map((schedule) => ({ schedule })),
  fc
    .constantFrom<NonNullable<MirrorSettings['selection']>>(
      { tags: ['3*'] },
      { tags: ['4*'], newest: 3 },
      { platforms: ['linux/amd64'] },
    )
    .map((selection) => ({ selection })),
  fc.constantFrom<MirrorSettings>({ vanished: 'untag', grace: '0' }, { settle: '10m' }),
)
const connectionArbitrary = fc.record({
  url: fc.constantFrom('https://dhi.io', 'https://a.example', 'https://a.example/dhi', 'http://b.example:5000'),
  login: fc.option(
    fc.record({ username: fc.constantFrom('me', 'robot: #1', 'yes', '007'), password: fc.constantFrom(...PASSWORDS) }),
    { nil: undefined },
  ),
  plainHttp: fc.option(fc.boolean(), { nil: undefined }),
  prefix: fc.option(fc.constantFrom('', 'dhi-', 'base/'), { nil: undefined }),
  maxRate: fc.option(fc.constantFrom<string[]>(['10/s'], ['100/h', '50MB/s'], []), { nil: undefined }),
})
const sourceArbitrary = fc.record({ upstream: fc.constantFrom(...NAMES), repository: fc.constantFrom('python', 'a/b') })
const REPOSITORIES = ['python', 'node', 'base/tool'] as const

/** Referrer sources are earlier ones of a fixed order: no circles. */
const wantedArbitrary: fc.Arbitrary<WantedState> = fc
  .record({
    upstreams: fc.array(fc.record({ connection: connectionArbitrary, takesReferrers: fc.boolean() }), {
      minLength: 3,
      maxLength: 3,
    }),
    order: fc.constantFrom([0, 1, 2], [2, 1, 0], [1, 2, 0]),
    mirrors: fc.uniqueArray(
      fc.record({ name: fc.constantFrom(...REPOSITORIES), source: sourceArbitrary, settings: settingsArbitrary }),
      { selector: ({ name }) => name },
    ),
  })
  .map(({ upstreams, order, mirrors }) => ({
    organizations: [ORGANIZATION],
    targets: [],
    subscriptions: [],
    upstreams: order.map((i): Wanted<WantedUpstream> => {
      const { connection, takesReferrers } = upstreams[i] as (typeof upstreams)[number]
      const { login, ...rest } = connection
      const config = {
        ...rest,
        username: login?.username,
        password: login?.password,
        ca: undefined,
        referrersFrom: takesReferrers && i > 0 ? NAMES[i - 1] : undefined,
      }
      return { organization: ORGANIZATION, name: NAMES[i] as string, place, config }
    }),
    mirrors: mirrors.map(({ name, source, settings }): Wanted<ConfiguredMirror> => {
      const config = { from: `${source.upstream}/${source.repository}`, ...settings }
      return { organization: ORGANIZATION, name, place, config }
    }),
  }))

const mirrorOf = (
  name: string,
  source: Mirror['source'],
  settings: MirrorSettings,
  state: Mirror['state'],
): Mirror => ({
  id: name,
  organization: ORGANIZATION,
  repository: `${ORGANIZATION}/${name}`,
  source,
  state,
  reason: null,
  since: time,
  remedy: null,
  pauses: [],
  subscription: null,
  schedule: settings.schedule ?? { every: '15m' },
  selection: settings.selection ?? {},
  whims: whimsOf(settings),
  freshness: { behindSeconds: 0, objectiveSeconds: null, checkedAt: null, missedSince: null, reason: null },
  settings,
  tags: NO_TAGS,
  leftOut: [],
  waiting: null,
  lastRun: null,
  nextRunAt: null,
  createdAt: time,
})

const worldArbitrary: fc.Arbitrary<World> = fc
  .record({
    upstreams: fc.uniqueArray(fc.record({ name: fc.constantFrom(...NAMES, 'old'), connection: connectionArbitrary }), {
      selector: ({ name }) => name,
    }),
    mirrors: fc.uniqueArray(
      fc.record({
        name: fc.constantFrom(...REPOSITORIES, 'old'),
        source: sourceArbitrary,
        settings: settingsArbitrary,
        state: fc.constantFrom('active', 'degraded', 'paused', 'stopped' as const),
      }),
      { selector: ({ name }) => name },
    ),
  })
  .map(({ upstreams, mirrors }) => ({
    upstreams: new Map(
      upstreams.map(({ name, connection: { login, url, plainHttp, prefix, maxRate } }) => [
        name,
        {
          name,
          url,
          organization: ORGANIZATION,
          username: login?.username ?? null,
          password: login?.password ?? null,
          referrersFrom: null,
          plainHttp: plainHttp ?? false,
          ca: null,
          prefix: prefix ?? '',
          maxRate: maxRate ?? [],
          isMaxRateSet: maxRate !== undefined,
          ceilings: [],
          createdAt: time,
        },
      ]),
    ),
    mirrors: new Map(
      mirrors.map(({ name, source, settings, state }) => [
        `${ORGANIZATION}/${name}`,
        mirrorOf(name, source, settings, state),
      ]),
    ),
  }))

const FIELDS = ['url', 'username', 'password', 'ca', 'plainHttp', 'referrersFrom', 'prefix', 'maxRate'] as const

/** A limit that nobody has set is another one than none. */
const setValueOf = (kept: KeptUpstream, field: (typeof FIELDS)[number]) =>
  field === 'maxRate' && !kept.isMaxRateSet ? null : kept[field]

/** As the API would tell it. */
function presentOf(world: World, wanted: WantedState): PresentState {
  const changes = new Map<string, readonly UpstreamField[]>()
  for (const one of wanted.upstreams) {
    const kept = world.upstreams.get(one.name)
    if (kept === undefined) continue
    const body = { ...upstreamBody(one.config), username: one.config.username ?? null }
    changes.set(
      keyOf('upstream', one),
      FIELDS.filter((field) => JSON.stringify(setValueOf(kept, field)) !== JSON.stringify(body[field])),
    )
  }
  const none = { targets: [], targetChanges: new Map(), subscriptions: [] }
  return { upstreams: [...world.upstreams.values()], mirrors: [...world.mirrors.values()], ...none, changes }
}

/** Does what the API does, and refuses what it refuses. */
function carryOut(world: World, steps: readonly Step[]): void {
  for (const { method, path, body: given } of steps.flatMap(({ calls }) => calls)) {
    const body = JSON.parse(JSON.stringify(given ?? {})) as Record<string, never>
    const [noun = '', ...rest] = path.slice(1).split('/')
    if (noun === 'upstreams') {
      const name: string = rest[0] ?? body.name ?? ''
      if (method === 'DELETE') {
        const isRead = [...world.mirrors.values()].some(
          (one) => one.source.upstream === name && one.state !== 'stopped',
        )
        const isSource = [...world.upstreams.values()].some((one) => one.referrersFrom === name)
        if (isRead || isSource) throw new Error(`${name} is read`)
        world.upstreams.delete(name)
        continue
      }
      if (body.referrersFrom && !world.upstreams.has(body.referrersFrom)) throw new Error('no such referrer source')
      const { check: _, maxRate, ...fields } = body as Record<string, unknown>
      const rate = { maxRate: maxRate ?? [], isMaxRateSet: Array.isArray(maxRate), ceilings: [] }
      const nothing = { username: null, password: null, ca: null, referrersFrom: null, organization: ORGANIZATION }
      const kept = { ...nothing, createdAt: time, ...rate, ...fields, name } as unknown as KeptUpstream
      world.upstreams.set(name, kept.password === null ? { ...kept, username: null } : kept)
      continue
    }
    const verb = rest[2]
    const repository =
      rest.length === 0 ? `${ORGANIZATION}/${body.as}` : rest.slice(0, 2).map(decodeURIComponent).join('/')
    const before = world.mirrors.get(repository)
    const name = repository.slice(ORGANIZATION.length + 1)
    if (verb === 'stop' && before !== undefined) world.mirrors.set(repository, { ...before, state: 'stopped' })
    else if (verb === 'restart' && before !== undefined) {
      world.mirrors.set(repository, { ...before, source: body as unknown as Mirror['source'] })
    } else if (method === 'PATCH' && before !== undefined) {
      world.mirrors.set(repository, { ...before, settings: changedSettings(before.settings, body) })
    } else {
      if (before !== undefined && (before.state !== 'stopped' || body.adopt !== true)) throw new Error('exists already')
      if (!world.upstreams.has(body.upstream ?? '')) throw new Error('no such upstream')
      const source = { upstream: body.upstream ?? '', repository: body.repository ?? '' }
      const settings = changedSettings(before?.settings ?? {}, body.settings ?? {})
      world.mirrors.set(repository, mirrorOf(name, source, settings, 'initial'))
    }
  }
}

const todo = (steps: readonly Step[]) => steps.filter(({ action }) => action !== 'unchanged')
const planOf = (wanted: WantedState, world: World, isPruned = false) =>
  planConfiguration(wanted, presentOf(world, wanted), { isPruned, check: false })

describe('for any state and any files', () => {
  test('what is exported is as the file says, with and without --prune', () => {
    fc.assert(
      fc.property(worldArbitrary, (world) => {
        const { document, variables } = exportedState(
          ORGANIZATION,
          [...world.upstreams.values()],
          [...world.mirrors.values()],
        )
        const text = stringify(document)
        for (const password of PASSWORDS) expect(text).not.toContain(password)
        const kept = [...world.upstreams.values()].filter(({ username }) => username !== null)
        for (const [i, variable] of variables.entries()) process.env[variable] = kept[i]?.password ?? ''
        const read = parseFiles([{ file: 'acme.yaml', directory: '.', text }])
        for (const variable of variables) delete process.env[variable]
        if ('problems' in read) throw new Error(JSON.stringify(read.problems))
        expect(todo(planOf(read.state, world))).toEqual([])
        expect(todo(planOf(read.state, world, true))).toEqual([])
      }),
      { numRuns: 200 },
    )
  })

  test('what is applied is there: a second apply has nothing to do, and nothing else was touched', () => {
    fc.assert(
      fc.property(wantedArbitrary, worldArbitrary, (wanted, first) => {
        const world = { upstreams: new Map(first.upstreams), mirrors: new Map(first.mirrors) }
        const untouched = world.mirrors.get('acme/old')
        carryOut(world, planOf(wanted, world))
        expect(todo(planOf(wanted, world))).toEqual([])
        expect(world.mirrors.get('acme/old')).toBe(untouched as Mirror)
      }),
      { numRuns: 300 },
    )
  })

  test('with --prune nothing else is left, but what is stopped', () => {
    fc.assert(
      fc.property(wantedArbitrary, worldArbitrary, (wanted, first) => {
        const world = { upstreams: new Map(first.upstreams), mirrors: new Map(first.mirrors) }
        carryOut(world, planOf(wanted, world, true))
        expect(todo(planOf(wanted, world, true))).toEqual([])
        expect([...world.upstreams.keys()].sort()).toEqual([...NAMES])
        const going = [...world.mirrors.values()].filter(({ state }) => state !== 'stopped')
        expect(going.map(({ repository }) => repository).sort()).toEqual(
          wanted.mirrors.map(({ name }) => `acme/${name}`).sort(),
        )
      }),
      { numRuns: 300 },
    )
  })
})

test('an organization that the files do not speak for is left alone by --prune', () => {
  const other = {
    ...mirrorOf('old', { upstream: 'hub', repository: 'a' }, {}, 'active'),
    organization: 'beta',
    repository: 'beta/old',
  }
  const maps = { changes: new Map(), targetChanges: new Map() }
  const present = { upstreams: [], targets: [], mirrors: [other], subscriptions: [], ...maps }
  const wanted = { organizations: ['acme'], upstreams: [], targets: [], mirrors: [], subscriptions: [] }
  expect(planConfiguration(wanted, present, { isPruned: true, check: false })).toEqual([])
})

describe('subscriptions', () => {
  const choice = fc.record({
    upstream: fc.constantFrom('dhi', 'hub'),
    match: fc.subarray(['a*', 'b*']),
    adopt: fc.boolean(),
    settings: settingsArbitrary,
  })
  type Choice = typeof choice extends fc.Arbitrary<infer T> ? T : never
  const none = { active: 0, initial: 0, waiting: 0, degraded: 0, paused: 0, stopped: 0, removed: 0, failed: 0 }
  const subscriptionOf = (id: number, { upstream, match, adopt, settings }: Choice): Subscription => ({
    id: String(id),
    organization: ORGANIZATION,
    upstream,
    match,
    except: [],
    repositories: null,
    adopt,
    settings,
    mirrors: 0,
    state: 'active',
    cause: null,
    reason: null,
    since: time,
    remedy: null,
    entries: { ...none, unmatched: 0, unlisted: 0 },
    failures: [],
    left: [],
    unmatched: [],
    changing: false,
    listed: null,
    readAt: null,
    nextReadAt: null,
    createdAt: time,
  })

  test('are changed rather than made anew, and are as the file says afterwards', () => {
    fc.assert(
      fc.property(fc.array(choice, { maxLength: 4 }), fc.array(choice, { maxLength: 4 }), (given, there) => {
        const wanted = given.map(({ upstream, match, adopt, settings }): Wanted<ConfiguredSubscription> => {
          return { organization: ORGANIZATION, name: upstream, place, config: { upstream, match, adopt, ...settings } }
        })
        let present = there.map((one, i) => subscriptionOf(i, one))
        const { steps, unmanaged } = planSubscriptions(wanted, present)
        const live = (name: string) => present.filter(({ upstream }) => upstream === name).length
        for (const name of ['dhi', 'hub']) {
          const asked = wanted.filter((one) => one.name === name).length
          const made = steps.filter((step) => step.name === name && step.action === 'create').length
          expect(made).toBe(Math.max(0, asked - live(name)))
        }
        present = present.filter(({ id }) => unmanaged.every((one) => one.id !== id))
        for (const { calls, name } of steps) {
          for (const { method, path, body } of calls) {
            const change = body as Partial<Subscription>
            const settings = (before: MirrorSettings) => changedSettings(before, change.settings ?? {})
            if (method === 'POST') {
              const upstream = name as 'dhi'
              const made = {
                upstream,
                match: [...(change.match ?? [])],
                adopt: change.adopt ?? false,
                settings: settings({}),
              }
              present.push(subscriptionOf(100 + present.length, made as Choice))
            } else {
              const changed = (one: Subscription) => ({ ...one, ...change, settings: settings(one.settings) })
              present = present.map((one) => (path.endsWith(`/${one.id}`) ? changed(one) : one))
            }
          }
        }
        const again = planSubscriptions(wanted, present)
        expect([again.steps.filter(({ action }) => action !== 'unchanged'), again.unmanaged]).toEqual([[], []])
      }),
      { numRuns: 300 },
    )
  })
})
