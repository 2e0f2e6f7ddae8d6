import { ATTESTED } from '../oci/attested.ts'
import { listQuerySchema, listSchema } from './lists.ts'
import { digestSchema, timeSchema, z } from './schema.ts'

/** Kinds of what is attached to an image. */
export const attestedSchema = z
  .enum(ATTESTED)
  .describe(
    '`signature`: cosign, Sigstore bundle, Notation; `sbom`: SPDX, CycloneDX; `provenance`: SLSA; `vex`: OpenVEX; `scan`: a report of vulnerabilities; `other`: anything else',
  )
  .openapi('Attested')

export const attestedListSchema = z
  .array(attestedSchema)
  .describe(
    'what hangs on the manifest or on at least one of its platforms, as it says of itself. That it is present, not that it is true or was verified: no signature is checked. What hangs on an attestation does not count, so a signed SBOM alone makes no `signature`.',
  )

/**
 * `sizeBytes`: everything below the tag as its descriptors say, counted once, referrers not included. `platforms`: the first
 * of `platformCount`. `referrers`: those of the manifest and of its platform manifests. `isPartial`: there is more below the
 * tag than was looked at, the numbers are lower bounds. `mirrored`: an active mirror owns the tag. `pinned`: people took it back,
 * and the mirror leaves it there. `excluded`: people keep the mirror from it; `diverged`: people moved it here, so that the mirror leaves it.
 * `immutable`: the repository's rules let nobody move or delete it. `pulls`: how often clients asked for it by its name (HEAD too: Docker and
 * containerd name it by nothing else), the last time at `lastPulledAt` (null: never).
 */
export const tagSchema = z
  .strictObject({
    name: z.string(),
    digest: digestSchema,
    mediaType: z.string(),
    configType: z.string().nullable().describe('media type of the config: what it is; null for an index'),
    sizeBytes: z.int().min(0),
    platforms: z.array(z.string()),
    platformCount: z.int().min(0),
    isPartial: z.boolean(),
    referrers: z.int().min(0),
    attested: attestedListSchema,
    movedAt: timeSchema,
    mirrored: z.boolean(),
    pinned: z.boolean(),
    excluded: z.boolean(),
    diverged: z.boolean(),
    immutable: z.boolean(),
    pulls: z.int().min(0),
    lastPulledAt: timeSchema.nullable(),
  })
  .openapi('Tag')

/**
 * Where a tag points, or pointed at the time `at` that was asked for (null: now). `since` and `until`: when it was moved there, and on from there
 * (null: it is there still). `available`: the content can be pulled by the digest; `digestPulledAt`: when it last was fetched, by whatever name.
 */
export const tagAtSchema = z
  .strictObject({
    name: z.string(),
    digest: digestSchema,
    at: timeSchema.nullable(),
    since: timeSchema,
    until: timeSchema.nullable(),
    available: z.boolean(),
    pinned: z.boolean(),
    pulls: z.int().min(0),
    lastPulledAt: timeSchema.nullable(),
    digestPulledAt: timeSchema.nullable(),
  })
  .openapi('TagAt')

export const tagAtAnswerSchema = z.strictObject({ tag: tagAtSchema })

/** `attested`: only tags that have it; `lacks`: only those that have not. */
export const tagQuerySchema = listQuerySchema.extend({
  attested: attestedSchema.optional(),
  lacks: attestedSchema.optional(),
})

export const tagListSchema = listSchema('tags', tagSchema).openapi('TagList')

/** The most tags that are deleted by one request. */
export const MAX_DELETED = 100

/** All of them, or none. `dryRun` says what would become of them, and changes nothing. */
export const tagsDeleteSchema = z
  .strictObject({
    tags: z.array(z.string()).min(1).max(MAX_DELETED),
    dryRun: z.boolean().default(false),
  })
  .openapi('TagsDelete')

/**
 * `heldBy`: the first of the other tags at the same content, of `holders`. `refused`: why it cannot be deleted. `mirrored`: the mirror of the
 * repository knows it, and does not bring it back until it is released.
 */
export const deletedTagSchema = z.strictObject({
  name: z.string(),
  digest: digestSchema,
  heldBy: z.array(z.string()),
  holders: z.int().min(0),
  refused: z.string().nullable(),
  mirrored: z.boolean(),
})

/**
 * `frees`: what nothing else of the repository needs once the tags are gone; what other repositories have in common with it is counted all
 * the same. `isPartial`: there is more below the tags than was looked at. It can be restored until `keptUntil`, by the history of the tags.
 */
export const tagsDeletedSchema = z
  .strictObject({
    tags: z.array(deletedTagSchema),
    frees: z.strictObject({
      sizeBytes: z.int().min(0),
      manifests: z.int().min(0),
      blobs: z.int().min(0),
      isPartial: z.boolean(),
    }),
    keptUntil: timeSchema,
    deleted: z.boolean(),
  })
  .openapi('TagsDeleted')

export type TagsDeleted = z.infer<typeof tagsDeletedSchema>
export type Tag = z.infer<typeof tagSchema>
