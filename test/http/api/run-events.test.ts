// Runs as server-sent events: who comes back, to whichever server, misses no end.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { type Progress, progressSchema } from '../../../src/api/progress.ts'
import type { Run } from '../../../src/api/runs.ts'
import { wantsEvents } from '../../../src/http/api/event-stream.ts'
import { parseEventId, runEvents } from '../../../src/http/api/run-events.ts'
import type { MirrorAndRun } from '../../../src/mirror/engine.ts'
import { type ReceivedEvent, readEvents } from '../../support/event-stream.ts'
import { havePostgres, postgres } from '../../support/postgres.ts'
import { temporaryDirectory } from '../../support/process.ts'
import {
  authorization,
  describeOnEachDatabase,
  type Login,
  OWNER,
  startWholeServer,
  type WholeServer,
} from '../../support/whole-server.ts'

const MIRROR = '/mirrors/acme/dhi-python'

function open(
  server: WholeServer,
  o: { run?: string; after?: string | undefined; login?: Login } = {},
): Promise<Response> {
  const query = o.run === undefined ? '' : `?run=${o.run}`
  return fetch(`${server.url}/api/v1${MIRROR}/progress${query}`, {
    headers: {
      accept: 'text/event-stream',
      authorization: authorization(o.login ?? OWNER),
      ...(o.after === undefined ? {} : { 'last-event-id': o.after }),
    },
  })
}

/** Events up to the first that is wanted. */
async function until(response: Response, wanted: (event: ReceivedEvent) => boolean): Promise<ReceivedEvent[]> {
  const seen: ReceivedEvent[] = []
  for await (const event of readEvents(response)) {
    seen.push(event)
    if (wanted(event)) break
  }
  return seen
}

const runOf = ({ data }: ReceivedEvent): string => progressSchema.parse(JSON.parse(data)).runId

describeOnEachDatabase('events of runs', (startServer) => {
  let kagami: WholeServer
  let first: MirrorAndRun
  beforeAll(async () => {
    kagami = await startServer({ withSample: true })
    if (kagami.server.firstRun === undefined) throw new Error('no first run')
    first = kagami.server.firstRun
    await kagami.server.mirrors.wait(first.run.id)
  })
  afterAll(() => kagami.stop())

  async function sync(): Promise<string> {
    const { run } = await kagami.server.mirrors.sync(first.mirror.id)
    await kagami.server.mirrors.wait(run.id)
    return run.id
  }

  test('the present moment comes first, then each run to its end, in the form of the standard', async () => {
    const response = await open(kagami)
    expect([response.status, response.headers.get('content-type'), response.headers.get('cache-control')]).toEqual([
      200,
      'text/event-stream',
      'no-store',
    ])
    const events = readEvents(response)
    const present = (await events.next()).value as ReceivedEvent
    expect([present.event, runOf(present)]).toEqual(['end', first.run.id])
    const id = await sync()
    for await (const event of events) {
      expect(runOf(event)).toBe(id)
      if (event.event === 'end') break
    }
  })

  test('a run that was asked for ends the stream, and whoever has seen its end need not come back', async () => {
    const response = await open(kagami, { run: first.run.id })
    const events = await Array.fromAsync(readEvents(response))
    expect(events.map(({ event }) => event)).toEqual(['end'])
    expect((await open(kagami, { run: first.run.id, after: events[0]?.id })).status).toBe(204)
    expect((await open(kagami, { run: 'no-such-run' })).status).toBe(404)
  })

  test('who was away gets each end that was missed, in order, once; who saw the last one gets nothing twice', async () => {
    const seen = (await until(await open(kagami), ({ event }) => event === 'end')).at(-1)
    const missed = [await sync(), await sync()]
    const back = await until(await open(kagami, { after: seen?.id }), (event) => runOf(event) === missed[1])
    expect(back.map((event) => [event.event, runOf(event)])).toEqual(missed.map((id) => ['end', id]))
    const again = readEvents(await open(kagami, { after: back.at(-1)?.id }))
    const next = again.next()
    const id = await sync()
    expect(runOf((await next).value as ReceivedEvent)).toBe(id)
    await again.return(undefined)
  })

  test('an id that is none of ours begins anew', async () => {
    for (const after of ['nonsense', `gone.ended.0`]) {
      const [event] = await until(await open(kagami, { after }), () => true)
      expect(event?.event).toBe('end')
    }
  })

  test('they break off when the rights end, and are refused afterwards', async () => {
    const guest = await kagami.addUser('guest', { acme: 'member' })
    const response = await open(kagami, { login: guest })
    const ended = Array.fromAsync(readEvents(response)).then(
      () => 'ended',
      () => 'broken off',
    )
    expect((await kagami.call('DELETE', '/organizations/acme/members/guest', { login: OWNER })).status).toBe(204)
    expect(await ended).toBe('broken off')
    expect((await open(kagami, { login: guest })).status).toBe(403)
  })
})

describe.skipIf(!havePostgres)('events of runs, with two servers', () => {
  test('the other server tells of a run as it goes, and of its end to who comes over from the one that is gone', async () => {
    const directory = temporaryDirectory('events')
    const env = { KAGAMI_DATABASE: await (await postgres()).freshDatabase() }
    const one = await startWholeServer({ withSample: true, env, directory: directory.path })
    const other = await startWholeServer({ env, directory: directory.path })
    const { mirror, run } = one.server.firstRun as MirrorAndRun
    await one.server.mirrors.wait(run.id)
    const live = readEvents(await open(other))
    expect(runOf((await live.next()).value as ReceivedEvent)).toBe(run.id)
    const second = await one.server.mirrors.sync(mirror.id)
    for await (const event of live) if (event.event === 'end' && runOf(event) === second.run.id) break
    const third = await one.server.mirrors.sync(mirror.id)
    await one.server.mirrors.wait(third.run.id)
    await one.stop()
    const after = `${second.run.id}.running.0`
    const back = await until(await open(other, { after }), (event) => runOf(event) === third.run.id)
    expect(back.map((event) => [event.event, runOf(event)]).slice(-2)).toEqual([
      ['end', second.run.id],
      ['end', third.run.id],
    ])
    await other.stop()
    directory.remove()
  })
})

describe('what was missed', () => {
  const run = (id: string, endedAt: string | null) => ({ id, endedAt }) as Run
  const moment = (runId: string, phase: Progress['phase']) =>
    ({ runId, phase, at: '2026-01-01T00:10:00.000Z' }) as Progress
  const at = (minute: number) => `2026-01-01T00:0${minute}:00.000Z`

  async function told(runs: readonly Run[], after: string, moments: readonly Progress[], runId?: string) {
    async function* live() {
      yield* moments
    }
    const o = {
      runs: async () => ({ runs }),
      runId,
      seen: parseEventId(after),
      endOf: ({ id }: Run) => moment(id, 'ended'),
    }
    return (await Array.fromAsync(runEvents(o, live()))).map(({ event, id }) => `${event} ${id.split('.')[0]}`)
  }

  test('is every end after what was seen, also of a run that began before and ended after, in the order of the ends', async () => {
    const runs = [run('d', null), run('c', at(5)), run('b', at(3)), run('a', at(4)), run('z', at(1))]
    const seen = `b.running.${Date.parse(at(2))}`
    expect(await told(runs, seen, [moment('d', 'copying')])).toEqual(['end b', 'end a', 'end c', 'progress d'])
    expect(await told(runs, `b.ended.${Date.parse(at(3))}`, [moment('c', 'ended')])).toEqual(['end a', 'end c'])
    expect(await told(runs, seen, [moment('b', 'copying'), moment('b', 'ended')], 'b')).toEqual(['end b'])
    // A clock that goes after by minutes loses nothing that began later.
    expect(await told(runs, `b.ended.${Date.parse(at(9))}`, [moment('d', 'listing')])).toEqual(['end c', 'progress d'])
  })

  test('ids are read strictly', () => {
    expect(parseEventId('a-1.ended.12')).toEqual({ runId: 'a-1', isEnded: true, atMs: 12 })
    for (const bad of [undefined, '', 'a', 'a.gone.1', 'a.ended.x', `${'a'.repeat(65)}.ended.1`]) {
      expect(parseEventId(bad)).toBeUndefined()
    }
  })

  test('events are for those who ask for them', () => {
    expect(['text/event-stream', 'text/html, text/event-stream;q=0.9', 'TEXT/EVENT-STREAM'].every(wantsEvents)).toBe(
      true,
    )
    expect([undefined, '*/*', 'application/json', 'text/event-streams'].some(wantsEvents)).toBe(false)
  })
})
