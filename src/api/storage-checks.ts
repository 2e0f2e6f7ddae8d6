/** Checks of all that is stored, for operators. */
import { timeSchema, z } from './schema.ts'

const count = z.int().min(0)

/** Findings of each kind, and repositories and tags of each, that one answer names; the counts are of all. */
export const MAX_FINDINGS_SHOWN = 500
export const MAX_PLACES_SHOWN = 20

/** Bytes a second that a check reads beside a server, unless another rate is given. */
export const DEFAULT_CHECK_RATE = 100 * 1024 * 1024

/**
 * Content that is not what it should be. `kind`: `reference` is content that a published manifest names and that its repository lacks.
 * `why`: why it could not be repaired; null: nobody has tried.
 */
export const storageFindingSchema = z
  .strictObject({
    kind: z.enum(['blob', 'manifest', 'reference']),
    digest: z.string(),
    damage: z.enum(['missing', 'short', 'corrupt']),
    foundAt: timeSchema,
    why: z.string().nullable(),
    repositoryCount: count,
    repositories: z.array(z.strictObject({ name: z.string(), tags: z.array(z.string()), tagCount: count })),
  })
  .openapi('StorageFinding')

/**
 * A check and what is damaged now. `checked`: blobs and manifests, with their `bytes`. `missing` and `corrupt` (which holds what is short) are
 * the first 500 each and empty while the check is under way; the counts are of all.
 */
export const storageCheckSchema = z
  .strictObject({
    id: z.string(),
    state: z.enum(['running', 'done', 'failed']),
    phase: z.enum(['blobs', 'manifests', 'references', 'repair', 'done']),
    repair: z.boolean(),
    startedBy: z.string(),
    startedAt: timeSchema,
    endedAt: timeSchema.nullable(),
    error: z.string().nullable(),
    checked: count,
    bytes: count,
    repaired: count,
    missingCount: count,
    corruptCount: count,
    missing: z.array(storageFindingSchema),
    corrupt: z.array(storageFindingSchema),
  })
  .openapi('StorageCheck')

export const storageCheckStartSchema = z
  .strictObject({
    repair: z.boolean().default(false).describe('Fetch anew what a mirror can'),
    rateBytes: z.int().min(1).optional().describe('Bytes a second that are read at most; 100 MiB when left out'),
  })
  .openapi('StorageCheckStart')

export const storageCheckAnswerSchema = z.strictObject({ check: storageCheckSchema })

export const lastStorageCheckAnswerSchema = z.strictObject({ check: storageCheckSchema.nullable() })

export type StorageCheck = z.infer<typeof storageCheckSchema>
export type StorageFinding = z.infer<typeof storageFindingSchema>
