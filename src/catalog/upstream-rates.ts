/** The limits that an upstream's requests keep to: those that people set, or else those that its registry documents. */
import { maxRateOf } from '../db/mirrors/upstreams.ts'
import type { UpstreamRow } from '../db/schema.ts'
import { findRate } from '../lib/rate.ts'
import { type Ceiling, ceilingsOf } from '../net/registry-ceilings.ts'
import type { Rates } from '../net/request-budget.ts'
import { parseUpstreamUrl } from '../remote/upstream.ts'

type Limited = Pick<UpstreamRow, 'organization_id' | 'url' | 'username' | 'max_rate' | 'has_own_rate'>

/** No organization's id. */
const EVERYBODY = '*'

/** What holds because nobody has set anything. */
export function ceilingsFor(upstream: Omit<Limited, 'organization_id' | 'max_rate'>): Ceiling[] {
  if (upstream.has_own_rate === 1) return []
  return ceilingsOf(parseUpstreamUrl(upstream.url).base.hostname, upstream.username === null, 'read')
}

/**
 * What people set binds the upstream that they set it for; its owner's upstreams of the same registry, login and limit share its count.
 * What a registry documents is counted for all who share the login.
 */
export function ratesOf(upstream: Limited): Rates {
  const { organization_id } = upstream
  const read = (text: string, kinds?: Ceiling['kinds']) => {
    const rate = findRate(text)
    return rate === undefined ? [] : [{ ...rate, ...(kinds === undefined ? {} : { kinds }) }]
  }
  if (upstream.has_own_rate === 1) {
    return { owner: organization_id ?? '', list: maxRateOf(upstream).flatMap((text) => read(text)) }
  }
  return { owner: EVERYBODY, list: ceilingsFor(upstream).flatMap(({ rate, kinds }) => read(rate, kinds)) }
}
