// CloudEvents 1.0, read by the project's own SDK as a receiver reads them.
import { expect, test } from 'bun:test'
import { type CloudEvent, HTTP } from 'cloudevents'
import { hubPayloadSchema } from '../../../src/api/webhook-payload.ts'
import { renderDelivery } from '../../../src/events/payload/render.ts'
import { madeEvent, madeFacts, NEW } from './made-facts.ts'

/** As an HTTP server hands it over; the SDK throws for what the specification does not allow. */
function received(format: 'cloudevents' | 'cloudevents-binary', event = madeEvent(), facts = madeFacts()): CloudEvent {
  const { headers, body } = renderDelivery(event, facts, format)
  // What HTTP takes as headers at all.
  expect([...new Headers(headers)].length).toBe(Object.keys(headers).length)
  const found = HTTP.toEvent({ headers, body })
  if (Array.isArray(found)) throw new Error('want one event, got several')
  return found as CloudEvent
}

test('both modes tell the same event, and hold the payload of Docker Hub', () => {
  const [structured, binary] = [received('cloudevents'), received('cloudevents-binary')]
  for (const event of [structured, binary]) {
    expect(event.validate()).toBe(true)
    expect(event.toJSON()).toMatchObject({
      specversion: '1.0',
      id: madeEvent().id,
      type: 'kagami.tag.moved',
      source: 'https://kagami.example/api/v1/repositories/acme/app',
      subject: `1.0@${NEW}`,
      datacontenttype: 'application/json',
      sequence: '41',
      sequencetype: 'Integer',
    })
    expect(new Date(event.time ?? '').toISOString()).toBe('2026-11-24T08:00:00.999Z')
    expect(hubPayloadSchema.parse(event.data).push_data).toMatchObject({ tag: '1.0', pushed_at: 1795507200 })
  }
  expect(structured.data).toEqual(binary.data)
})

test('a header holds what a header may hold, whatever the text', () => {
  const tag = 'naïve "50%" \r\nce-type: other 鏡'
  const event = madeEvent({ payload: { repository: 'acme/app', tag, to: NEW } })
  const { headers } = renderDelivery(event, madeFacts(), 'cloudevents-binary')
  expect(headers['ce-subject']).toMatch(/^[\x21-\x7e]+$/)
  expect(headers['ce-subject']).not.toContain('"')
  expect(decodeURIComponent(headers['ce-subject'] ?? '')).toBe(`${tag}@${NEW}`)
  expect(received('cloudevents', event).subject).toBe(`${tag}@${NEW}`)
})

test('what is about an organization says so', () => {
  const event = madeEvent({ kind: 'subscription.paused', repositoryId: null, payload: { reason: 'budget' } })
  const facts = madeFacts({ repository: undefined, image: undefined, from: undefined })
  for (const format of ['cloudevents', 'cloudevents-binary'] as const) {
    const found = received(format, event, facts)
    expect(found.validate()).toBe(true)
    expect([found.source, found.subject, found.type]).toEqual([
      'https://kagami.example/api/v1/organizations/acme',
      undefined,
      'kagami.subscription.paused',
    ])
    const payload = hubPayloadSchema.parse(found.data)
    expect([payload.repository, payload.push_data, payload.kagami.details]).toEqual([
      undefined,
      undefined,
      { reason: 'budget' },
    ])
  }
})

test('source and id name one occurrence: an event that is told by tag has an id for each of them', () => {
  const idOf = (kind: string, tag: string | undefined, format: 'cloudevents' | 'cloudevents-binary') =>
    received(format, madeEvent({ kind, payload: { repository: 'acme/app', tag, to: NEW } })).id
  const { id } = madeEvent()
  for (const format of ['cloudevents', 'cloudevents-binary'] as const) {
    for (const kind of ['referrers.published', 'referrers.removed', 'mirror.synced']) {
      expect([undefined, '1.0', '1.1'].map((tag) => idOf(kind, tag, format))).toEqual([id, `${id}/1.0`, `${id}/1.1`])
    }
    expect(idOf('tag.moved', '1.0', format)).toBe(id)
  }
})
