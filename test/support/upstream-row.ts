// An upstream as a row, for tests that need one that nothing asks.
import type { NewUpstream } from '../../src/db/mirrors/upstreams.ts'

/** Shared, without login or certificates. */
export function upstreamRow(more: Partial<NewUpstream> = {}): NewUpstream {
  return {
    organization_id: null,
    name: 'hub',
    url: 'https://hub.example',
    username: null,
    sealed_password: null,
    ca: null,
    plain_http: 0,
    referrers_from: null,
    prefix: '',
    created_at: '2026-01-01T00:00:00.000Z',
    ...more,
  }
}
