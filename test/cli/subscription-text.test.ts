// A subscription as people read it: its settings in words, as those of a mirror are told.
import { expect, test } from 'bun:test'
import type { Subscription } from '../../src/api/subscriptions.ts'
import { subscriptionText } from '../../src/cli/subscription-text.ts'

const entries = { waiting: 0, initial: 0, active: 1, degraded: 0, paused: 0, stopped: 0, removed: 0, failed: 0 }
const SUBSCRIPTION: Subscription = {
  ...{ id: 'one', organization: 'acme', upstream: 'hub', match: ['n*'], except: [], repositories: null, adopt: false },
  ...{
    mirrors: 1,
    cause: null,
    state: 'active',
    reason: null,
    since: '2026-01-01T00:00:00.000Z',
    remedy: null,
    settings: {},
  },
  ...{ entries: { ...entries, unmatched: 0, unlisted: 0 }, failures: [], left: [], unmatched: [], changing: false },
  ...{ listed: 4, readAt: null, nextReadAt: null, createdAt: '2026-01-01T00:00:00.000Z' },
}

test('settings are words', () => {
  const settings: Subscription['settings'] = {
    schedule: { every: '1h' },
    selection: { tags: ['3.*'], newest: 2 },
    vanished: 'untag',
    withoutReferrers: 'publish',
  }
  expect(subscriptionText({ ...SUBSCRIPTION, settings }, 'kagami').split('\n')).toContain(
    'Settings      every 1h; tags 3.*; the newest 2; vanished untag; without referrers publish',
  )
  expect(subscriptionText(SUBSCRIPTION, 'kagami')).not.toContain('Settings')
})
