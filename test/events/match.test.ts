// Which webhooks are told of which events: properties of the plan, whatever the webhooks and events are.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { WebhookRow } from '../../src/db/schema.ts'
import { type LoggedEvent, planDeliveries, tagFilterOf } from '../../src/events/match.ts'

function webhook(id: string, o: Partial<WebhookRow> = {}): WebhookRow {
  return {
    id,
    organization_id: 'o',
    repository_id: 'r',
    owner_id: 'r',
    name: id,
    url: 'https://a.example/',
    repositories: '[]',
    events: '["tag.moved","tag.restored"]',
    tags: '[]',
    changed_only: 0,
    header_names: '[]',
    sealed_headers: null,
    sealed_secret: '',
    sealed_old_secret: null,
    old_secret_until: null,
    format: 'hub',
    after_id: null,
    plain_http: 0,
    coalesce_moves: 0,
    initial_sync: 'summary',
    enabled: 1,
    disabled_reason: null,
    failing_since: null,
    from_seq: 0,
    created_by: 'user:owner',
    created_at: '',
    updated_at: '',
    ...o,
  }
}

function event(seq: number, kind: string, payload: object = {}, o: Partial<LoggedEvent> = {}): LoggedEvent {
  const whole = { repository: 'acme/dhi-python', ...payload }
  return {
    seq,
    id: `e${seq}`,
    kind,
    organization_id: 'o',
    repository_id: 'r',
    actor: 'user:owner',
    at: '2026-01-31T12:00:00.000Z',
    payload: JSON.stringify(whole),
    ...o,
  }
}

const plan = (events: readonly LoggedEvent[], webhooks: readonly WebhookRow[], tags: readonly string[] = []) =>
  planDeliveries(events, {
    webhooks,
    nameOf: (id) => webhooks.find((one) => one.id === id)?.name,
    repositoryOf: () => undefined,
    tagsOf: () => tags,
    newestOf: (_, webhook) => tags.find(tagFilterOf(webhook)),
  })

const shown = (deliveries: ReturnType<typeof plan>) =>
  deliveries.map(({ webhook: { id }, event: { seq }, tag, start }) => `${id} ${seq} ${tag} ${start}`)

describe('the plan', () => {
  test('takes what the webhook names, of its own repository, after its beginning', () => {
    const events = [
      event(1, 'tag.moved', { tag: 'a' }),
      event(2, 'tag.removed', { tag: 'a' }),
      event(3, 'tag.moved', { tag: 'a' }, { repository_id: 'other' }),
      event(4, 'tag.pushed', { tag: 'b' }),
      event(5, 'tag.moved', { tag: 'c' }, { organization_id: 'elsewhere' }),
    ]
    expect(shown(plan(events, [webhook('w')]))).toEqual(['w 1 a line', 'w 4 b line'])
    expect(shown(plan(events, [webhook('w', { from_seq: 1 })]))).toEqual(['w 4 b line'])
    expect(shown(plan(events, [webhook('w', { changed_only: 1, tags: '["a","b"]' })]))).toEqual(['w 1 a line'])
    const wide = webhook('w', { repository_id: null, repositories: '["dhi-*"]' })
    expect(shown(plan(events, [wide]))).toEqual(['w 1 a line', 'w 3 a line', 'w 4 b line'])
    expect(shown(plan(events, [{ ...wide, repositories: '["node"]' }]))).toEqual([])
  })

  test('the first pass of a mirror is told tag by tag, as one, or not at all', () => {
    const events = [
      event(1, 'tag.moved', { tag: 'a', initial: true }),
      event(2, 'referrers.published', { roots: ['d'], initial: true }),
      event(3, 'mirror.synced', { tags: 1 }),
      event(4, 'tag.moved', { tag: 'a' }),
    ]
    const kinds = { events: '["tag.moved","referrers.published"]' }
    const of = (initial: WebhookRow['initial_sync']) =>
      plan(events, [webhook('w', { ...kinds, initial_sync: initial })], ['a']).map(({ event: { seq } }) => seq)
    expect([of('each'), of('summary'), of('none')]).toEqual([[1, 2, 4], [3, 4], [4]])
  })

  test('what stands for a first pass is the newest tag that a webhook takes; behind a gate, the one that the gate looks at', () => {
    const events = [event(1, 'mirror.synced', { tags: 3 })]
    const told = (...webhooks: WebhookRow[]) => {
      const planned = plan(events, webhooks, ['3-dev', '3', '2'])
      return planned.map((one) => `${one.webhook.id} ${one.tag} ${one.start}${one.why === null ? '' : `: ${one.why}`}`)
    }
    const of = (id: string, tags: string, after: string | null = null) => webhook(id, { tags, after_id: after })
    expect(told(of('w', '[]'))).toEqual(['w 3-dev line'])
    expect(told(of('w', '["!*-dev"]'))).toEqual(['w 3 line'])
    expect(told(of('w', '["4*"]'))).toEqual(['w null line'])
    const wait = 'waits: it waits until the receiver of scan says success'
    expect(told(of('scan', '["2"]'), of('w', '[]', 'scan'))).toEqual(['scan 2 line', `w 2 ${wait}`])
    expect(told(of('scan', '["4"]'), of('w', '[]', 'scan'))).toEqual(['scan null line', `w null ${wait}`])
    expect(told(of('scan', '[]'), of('w', '["3"]', 'scan'))).toEqual([
      'scan 3-dev line',
      'w 3 dead: not started, because scan is told of another tag',
    ])
  })

  test('attestations are told of the tags that stand for what they hang on', () => {
    const events = [event(1, 'referrers.published', { subject: 'd' })]
    const one = webhook('w', { events: '["referrers.published"]', tags: '["v*"]' })
    expect(shown(plan(events, [one], ['v1', 'main', 'v2']))).toEqual(['w 1 v1 line', 'w 1 v2 line'])
    expect(shown(plan(events, [one]))).toEqual([])
    expect(shown(plan(events, [{ ...one, tags: '[]' }]))).toEqual(['w 1 null line'])
  })

  test('what waits for another webhook says so; where nothing will come, it is dead with the reason', () => {
    const scan = webhook('scan', { tags: '["v*"]' })
    const deploy = webhook('deploy', { after_id: 'scan' })
    const last = webhook('last', { after_id: 'deploy' })
    const events = [event(1, 'tag.moved', { tag: 'v1' }), event(2, 'tag.moved', { tag: 'main' })]
    // In whatever order they come from the database.
    const planned = plan(events, [last, deploy, scan])
    expect(shown(planned).sort()).toEqual([
      'deploy 1 v1 waits',
      'deploy 2 main dead',
      'last 1 v1 waits',
      'last 2 main dead',
      'scan 1 v1 line',
    ])
    expect(planned.find((one) => one.webhook.id === 'deploy' && one.tag === 'main')?.why).toBe(
      'not started, because scan takes no such event',
    )
    const alone = planDeliveries(events, {
      webhooks: [deploy],
      nameOf: () => 'scan',
      repositoryOf: () => undefined,
      tagsOf: () => [],
      newestOf: () => undefined,
    })
    expect(alone[0]?.why).toBe('not started, because scan is disabled')
  })

  test('each event has one delivery a webhook and tag, in the order of the log, and a ring ends', () => {
    const kinds = fc.constantFrom('tag.moved', 'tag.pushed', 'tag.removed', 'tag.restored', 'referrers.published')
    const anyEvent = fc.record({ kind: kinds, tag: fc.constantFrom('a', 'b'), repository: fc.constantFrom('r', 's') })
    const ids = ['0', '1', '2', '3']
    const anyWebhook = fc.record({
      repository_id: fc.constantFrom('r', null),
      after_id: fc.constantFrom(null, ...ids),
      tags: fc.constantFrom('[]', '["a"]', '["!b"]'),
      events: fc.constantFrom('["tag.moved"]', '["tag.removed","referrers.published"]'),
    })
    fc.assert(
      fc.property(fc.array(anyEvent), fc.array(anyWebhook, { maxLength: 4 }), (events, webhooks) => {
        const log = events.map(({ kind, tag, repository }, i) =>
          event(i + 1, kind, { tag }, { repository_id: repository }),
        )
        const rows = webhooks.map((one, i) => webhook(String(i), { repositories: '["**"]', ...one }))
        const planned = plan(log, rows, ['a', 'b'])
        const keys = planned.map((one) => `${one.webhook.id} ${one.event.seq} ${one.tag}`)
        expect(new Set(keys).size).toBe(keys.length)
        const seqs = planned.map((one) => one.event.seq)
        expect(seqs).toEqual([...seqs].sort((a, b) => a - b))
        for (const {
          webhook: { id, after_id },
          event: { seq },
          tag,
          start,
        } of planned) {
          if (after_id === null) expect(start).toBe('line')
          else if (start !== 'dead') {
            expect(planned.some((one) => one.webhook.id === after_id && one.event.seq === seq && one.tag === tag)).toBe(
              true,
            )
          }
          expect(after_id === id ? start : 'dead').toBe('dead')
        }
      }),
    )
  })
})
