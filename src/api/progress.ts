import { runOutcomeSchema } from './runs.ts'
import { digestSchema, idSchema, repositoryNameSchema, timeSchema, z } from './schema.ts'

export const progressPhaseSchema = z.enum(['waiting', 'listing', 'copying', 'publishing', 'ended'])

const partSchema = z.strictObject({ done: z.int().min(0), total: z.int().min(0).nullable() })

/** Of upstream's names: tags are at most so long (distribution-spec, "Pulling manifests"). */
const MAX_TAG_LENGTH = 128

export const currentItemSchema = z
  .strictObject({
    doing: z
      .enum([
        'listing-tags',
        'looking-up-tag',
        'reading-image',
        'listing-attestations',
        'planning',
        'copying-blob',
        'copying-manifest',
        'copying-attestation',
        'publishing',
        'removing',
        'recording',
      ])
      .openapi({
        description:
          '`looking-up-tag` asks upstream where a tag points, `reading-image` reads the manifests of one, `listing-attestations` asks what hangs ' +
          'on `digest`; `copying-attestation` is of anything that hangs on an image; `removing` takes away what upstream has lost, and ' +
          '`recording` writes down how the run went.',
      }),
    tag: z.string().max(MAX_TAG_LENGTH).nullable().openapi({
      description:
        'The tag that it is for, the first of them where several are; null where it is for none, or not known',
    }),
    digest: digestSchema.nullable(),
    sizeBytes: z.int().min(0).nullable(),
  })
  .openapi('CurrentItem', {
    description:
      'What a run does right now: of all that is under way the largest, else what began last. A moment has null for it while the run waits, and once it has ended.',
  })

export type CurrentItem = z.infer<typeof currentItemSchema>

/**
 * One moment of a run, one line of `mirror watch --json`. Totals are null until they are known, and grow while upstream
 * is still being listed. `outcome` is `running` until `phase` is `ended`. `tags` are upstream's but those that are excluded;
 * `leftOut` are the excluded and the diverged ones. While `phase` is `waiting`, for a place among the runs of the server, `ahead` says
 * how many come before it. `current` is what it does right now: of all that is under way the largest, or what began last; null while it
 * waits, once it has ended, and where nothing is known of it.
 */
export const progressSchema = z
  .strictObject({
    at: timeSchema,
    mirror: repositoryNameSchema,
    runId: idSchema,
    phase: progressPhaseSchema,
    outcome: runOutcomeSchema,
    tags: partSchema,
    manifests: partSchema,
    bytes: partSchema,
    failed: z.int().min(0),
    leftOut: z.int().min(0).default(0),
    ahead: z.int().min(0).nullable().default(null),
    current: currentItemSchema.nullable().default(null),
  })
  .openapi('Progress')

export type Progress = z.infer<typeof progressSchema>
