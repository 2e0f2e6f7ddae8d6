// What is remembered of digests for a selection, and what of it is forgotten.
import { expect, test } from 'bun:test'
import type { Facts } from '../../../src/db/mirrors/mirror-facts.ts'
import { createLimiter } from '../../../src/lib/concurrency.ts'
import { createHeldBudget } from '../../../src/lib/held.ts'
import { NOTHING_KNOWN } from '../../../src/mirror/pass/known.ts'
import { createLearner } from '../../../src/mirror/pass/learn.ts'
import { policyOf } from '../../../src/mirror/pass/policy.ts'
import { type Digest, digestOf } from '../../../src/oci/digest.ts'
import { MediaType } from '../../../src/oci/media-types.ts'
import { memoryRepository } from '../../support/memory-repository.ts'

const at = (name: string): Digest => digestOf(name)
const root = (name: string) => ({ mediaType: MediaType.ociManifest, digest: at(name), size: 1 })

function learnerOf(facts: ReadonlyMap<Digest, Facts>) {
  const o = {
    readers: { image: memoryRepository().reader() },
    known: { ...NOTHING_KNOWN, facts: new Map(facts) },
    limiter: createLimiter(1),
    isFull: false,
    now: new Date(0),
    policy: policyOf('{}', { acceptShrink: false }),
    nextPassMs: 0,
    held: createHeldBudget().open(),
    selection: { newerThan: '2026-02-01', referrers: ['a/*'] },
  }
  return createLearner(o)
}

const facts = new Map<Digest, Facts>([
  [at('tagged'), { created: '2026-01-01T00:00:00.000Z' }],
  [at('moved away'), { created: null }],
  [at('met'), { types: ['a/b'] }],
  [at('left out'), { types: ['b/c'] }],
  [at('left out too'), { types: ['b/c'] }],
])

test('of images what no tag has any more is forgotten; of referrers nothing: a list may not have named them', async () => {
  const learner = learnerOf(facts)
  expect(await learner.refuseOld(root('tagged'), 'image')).toContain('newer')
  expect(await learner.refuseType(root('met'), 'image')).toBeUndefined()
  expect(learner.outlived()).toEqual([at('moved away')])
})
