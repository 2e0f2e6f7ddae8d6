/** What a webhook posts, and what `webhook listen` shows: the body of Docker Hub's webhooks, and one object of our own in it. */
import { digestSchema, idSchema, timeSchema, z } from './schema.ts'

/** `hub`: as Docker Hub's. `cloudevents`: CloudEvents 1.0, structured. `cloudevents-binary`: the same in headers. `slack`: a message. */
export const payloadFormatSchema = z.enum(['hub', 'cloudevents', 'cloudevents-binary', 'slack'])

export type PayloadFormat = z.infer<typeof payloadFormatSchema>

const seconds = z.int().describe('UNIX time in seconds')

const packageSchema = z.strictObject({ name: z.string(), type: z.string(), version: z.string() })

const entryChangeSchema = z.strictObject({
  change: z.enum(['added', 'removed', 'changed']),
  key: z.string(),
  from_value: z.string().optional(),
  to_value: z.string().optional(),
})

/** What has changed from one image to the next, on one platform. Lists without an entry are there, and empty. */
const changesSchema = z.strictObject({
  vulnerabilities_fixed: z.array(
    z.strictObject({
      cve_id: z.string(),
      severity: z.string().describe('critical, high, medium, low or unknown, or what the report says'),
      package: z.string(),
      fixed_in_version: z.string().describe('empty when nobody says it'),
    }),
  ),
  packages_updated: z.array(
    z.strictObject({ name: z.string(), type: z.string(), old_version: z.string(), new_version: z.string() }),
  ),
  packages_added: z.array(packageSchema),
  packages_removed: z.array(packageSchema),
  environment_variables_changed: z.array(entryChangeSchema),
  labels_changed: z.array(entryChangeSchema),
  configuration_changed: z.array(entryChangeSchema),
})

export type ImageChanges = z.infer<typeof changesSchema>

/** One entry of `dhi_metadata`. */
const imageMetadataSchema = z.strictObject({
  schema_version: z.literal(1),
  change_categories: z.array(z.enum(['vulnerability_fix', 'version_upgrade', 'other'])),
  previous_version: z.strictObject({ tag: z.string(), digest: digestSchema }),
  changes: changesSchema,
})

export type ImageMetadata = z.infer<typeof imageMetadataSchema>

const kagamiSchema = z
  .strictObject({
    schemaVersion: z.literal(1),
    eventId: idSchema.describe('the same at every try; with `tag` it is what a receiver knows a repetition by'),
    seq: z.int().describe('grows with every event of the server'),
    kind: z.string().describe('tag.moved, tag.removed, referrers.published, mirror.paused and so on'),
    at: timeSchema,
    actor: z.string().describe('user:NAME, mirror:ID, subscription:ID or system'),
    organization: z.string(),
    repository: z.string().nullable().describe('ORGANIZATION/NAME; null: it is about the organization'),
    tag: z.string().nullable(),
    previousDigest: digestSchema.nullable().describe('where the tag pointed before; null: it was not there'),
    digest: digestSchema.nullable().describe('where the tag points now; null: it is gone'),
    mediaType: z.string().nullable(),
    platforms: z.array(z.strictObject({ platform: z.string(), digest: digestSchema })),
    referrers: z
      .array(
        z.strictObject({
          artifactType: z.string().nullable(),
          predicateType: z.string().nullable().describe('of attestations'),
          count: z.int(),
        }),
      )
      .describe('what is attached to the image and to its platforms when this is sent, by type'),
    run: z.strictObject({ id: idSchema, trigger: z.string(), startedAt: timeSchema }).nullable(),
    tagsMovedWith: z
      .array(z.string())
      .describe('other tags that moved to the same digest in the same moment; the first 200'),
    tagsMovedWithTotal: z.int(),
    changes: z.strictObject({
      state: z
        .enum(['told', 'none', 'left-out'])
        .describe('whether dhi_metadata is there; none: nothing to compare, or no difference'),
      reason: z.string().nullable().describe('why it, or a part of it, was left out'),
    }),
    details: z.record(z.string(), z.unknown()).describe('what else the event says'),
  })
  .openapi('WebhookKagami')

export type KagamiObject = z.infer<typeof kagamiSchema>

/** The body of format `hub`, and the `data` of CloudEvents. */
export const hubPayloadSchema = z
  .strictObject({
    callback_url: z.string().describe('takes the outcome; empty where none is awaited'),
    push_data: z
      .strictObject({
        images: z.array(z.string()).describe('always empty, as at Docker Hub'),
        media_type: z.string(),
        pushed_at: seconds,
        pusher: z.string(),
        tag: z.string(),
      })
      .optional()
      .describe('only of a tag that was pushed or moved: what else happens is no push'),
    repository: z
      .strictObject({
        comment_count: z.int(),
        date_created: seconds,
        description: z.string(),
        dockerfile: z.string(),
        full_description: z.string(),
        is_official: z.boolean(),
        is_private: z.boolean(),
        is_trusted: z.boolean(),
        name: z.string(),
        namespace: z.string(),
        owner: z.string(),
        repo_name: z.string(),
        repo_url: z.string(),
        star_count: z.int(),
        status: z.string(),
      })
      .optional(),
    dhi_metadata: z
      .record(digestSchema, imageMetadataSchema)
      .optional()
      .describe('by the digest of the manifest of each platform that tells a difference'),
    kagami: kagamiSchema,
  })
  .openapi('WebhookPayload')

export type HubPayload = z.infer<typeof hubPayloadSchema>

/** For editors and for receivers in other languages: docs/reference/webhook-payload.schema.json. */
export function webhookPayloadJsonSchema(): object {
  const schema = z.toJSONSchema(hubPayloadSchema, {
    io: 'output',
    // Fields may be added: a receiver that refuses what it does not know would break.
    override: ({ jsonSchema }) => {
      if (jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties
    },
  })
  return { title: 'Kagami webhook payload', ...schema }
}
