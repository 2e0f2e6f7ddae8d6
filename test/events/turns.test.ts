// Whose turn it is: organizations one after the other, and a place at once for whoever has none.
import { expect, test } from 'bun:test'
import type { WebhookRow } from '../../src/db/schema.ts'
import type { LoadedDelivery } from '../../src/db/webhooks/deliveries.ts'
import { type Endpoint, newEndpoint } from '../../src/events/endpoint.ts'
import type { Opened } from '../../src/events/signing.ts'
import {
  createTurns,
  MAX_FLIGHTS,
  MAX_ORGANIZATION_FLIGHTS,
  MOST_FLIGHTS,
  RESERVED_FLIGHTS,
  type Turns,
} from '../../src/events/turns.ts'

const OPENED: Opened = { headers: {}, veil: (text) => text, sign: () => ({}) }

/** @param count of its deliveries, each of a tag of its own */
function endpoint(organization: string, name: string, count: number): Endpoint {
  const webhook = { id: `${organization}/${name}`, organization_id: organization, enabled: 1 } as WebhookRow
  const line = Array.from({ length: count }, (_, i) => ({ id: `${webhook.id}/${i}`, tag: `t${i}` }) as LoadedDelivery)
  return { ...newEndpoint(webhook, OPENED), line }
}

function turnsOf(...endpoints: readonly Endpoint[]): Turns {
  const turns = createTurns(() => {})
  for (const one of endpoints) turns.add(one)
  return turns
}

/** Begins what may begin. @returns whose it was, in that order */
function begin(turns: Turns, most = Number.POSITIVE_INFINITY): string[] {
  const begun: string[] = []
  while (begun.length < most) {
    const next = turns.next()
    if (next === undefined) break
    begun.push(next.endpoint.webhook.organization_id)
  }
  return begun
}

const hanging = (organization: string, webhooks: number) =>
  Array.from({ length: webhooks }, (_, i) => endpoint(organization, `w${i}`, 16))

test('organizations take turns, however many webhooks each has', () => {
  const turns = turnsOf(...hanging('a', 5), endpoint('b', 'w', 3), ...hanging('c', 2))
  expect(begin(turns, 9).join('')).toBe('abcabcabc')
})

test('so do the webhooks of one', () => {
  const turns = turnsOf(...hanging('a', 3))
  const names = Array.from({ length: 6 }, () => turns.next()?.endpoint.webhook.id)
  expect(names).toEqual(['a/w0', 'a/w1', 'a/w2', 'a/w0', 'a/w1', 'a/w2'])
})

test('one alone has half of the places, two together leave some over', () => {
  const turns = turnsOf(...hanging('a', 50))
  expect(begin(turns).length).toBe(MAX_ORGANIZATION_FLIGHTS)
  for (const one of hanging('b', 50)) turns.add(one)
  begin(turns)
  expect(turns.flights()).toBeGreaterThanOrEqual(MAX_FLIGHTS - RESERVED_FLIGHTS)
  turns.add(endpoint('c', 'w', 16))
  expect(begin(turns)).toEqual(Array(16).fill('c'))
})

test('whoever has nothing under way begins at once, whatever hundreds of others do', () => {
  const others = Array.from({ length: 400 }, (_, i) => `o${i}`)
  const turns = turnsOf(...others.flatMap((name) => hanging(name, 2)))
  const begun = begin(turns)
  expect(new Set(begun).size).toBe(400)
  expect(begun.length).toBeLessThanOrEqual(MOST_FLIGHTS)
  const mine = endpoint('mine', 'w', 2)
  turns.add(mine)
  expect(begin(turns)).toEqual(['mine'])
  turns.over(mine, false)
  expect(begin(turns)).toEqual(['mine'])
})
