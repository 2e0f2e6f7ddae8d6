// Events and facts made by hand, for what is pure.
import type { ImageChanges, ImageMetadata } from '../../../src/api/webhook-payload.ts'
import type { DeliveredEvent } from '../../../src/events/payload/event.ts'
import type { DeliveryFacts } from '../../../src/events/payload/facts.ts'
import type { Digest } from '../../../src/oci/digest.ts'

export const OLD: Digest = `sha256:${'a'.repeat(64)}`
export const NEW: Digest = `sha256:${'b'.repeat(64)}`
export const NOTHING_CHANGED: ImageChanges = {
  vulnerabilities_fixed: [],
  packages_updated: [],
  packages_added: [],
  packages_removed: [],
  environment_variables_changed: [],
  labels_changed: [],
  configuration_changed: [],
}

export function madeEvent(o: Partial<DeliveredEvent> = {}): DeliveredEvent {
  return {
    seq: 41,
    id: '6f1c1f0e-6d0b-4d2a-9a51-5f4fbb1e7c55',
    kind: 'tag.moved',
    organizationId: 'o',
    repositoryId: 'r',
    actor: 'user:ada',
    at: '2026-11-24T08:00:00.999Z',
    payload: { repository: 'acme/app', tag: '1.0', from: OLD, to: NEW, runId: null },
    ...o,
  }
}

export function madeFacts(
  o: Partial<DeliveryFacts> & { readonly changes?: Partial<ImageChanges> } = {},
): DeliveryFacts {
  const { changes, ...facts } = o
  const entry: ImageMetadata = {
    schema_version: 1,
    change_categories: [],
    previous_version: { tag: '1.0', digest: OLD },
    changes: { ...NOTHING_CHANGED, ...changes },
  }
  return {
    publicUrl: 'https://kagami.example',
    callbackUrl: undefined,
    from: OLD,
    to: undefined,
    organization: 'acme',
    repository: {
      id: 'r',
      name: 'acme/app',
      description: '',
      isPrivate: true,
      isArchived: false,
      createdAt: '2026-11-01T00:00:00.000Z',
    },
    image: { mediaType: 'application/vnd.oci.image.manifest.v1+json', platforms: [], referrers: [] },
    run: undefined,
    movedWith: { tags: [], total: 0 },
    metadata: new Map(changes === undefined ? [] : [[NEW, entry]]),
    leftOut: undefined,
    details: {},
    ...facts,
  }
}
