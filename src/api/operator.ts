/** How an instance is, and what it goes by: for its operators. */
import { mirrorStateSchema, pauseCauseSchema } from './mirrors.ts'
import { budgetSchema } from './rates.ts'
import { nameSchema, timeSchema, z } from './schema.ts'

const count = z.int().min(0)

/** Upstreams with a budget of their own in the answer: the oldest of the instance. */
export const MAX_UPSTREAMS_SHOWN = 100

/** Blobs that are counted for one answer; beyond them `isWhole` is false. */
export const MAX_BLOBS_COUNTED = 100_000

/**
 * How the instance is, as the server that answers sees it. `servers`: those on the database that give signs of life, and this one;
 * `storage`: of the disk that holds the blobs, null where it tells no size; `followers`: readers of the one log of events, `behind` by about
 * so many of them, the oldest of `since`; `upstreams`: the oldest 100, `budget` null for one whose login cannot be read.
 */
export const instanceHealthSchema = z
  .strictObject({
    at: timeSchema,
    version: z.string(),
    startedAt: timeSchema,
    residentBytes: count,
    database: z.strictObject({ engine: z.enum(['sqlite', 'postgres']), sizeBytes: count.nullable() }),
    storage: z.strictObject({
      blobs: count,
      sizeBytes: count,
      isWhole: z.boolean().describe(`false: there are more than the ${MAX_BLOBS_COUNTED} that were counted`),
      freeBytes: count.nullable(),
      totalBytes: count.nullable(),
    }),
    servers: z.array(z.strictObject({ id: z.string(), isThis: z.boolean() })),
    mirrors: z.array(z.strictObject({ state: mirrorStateSchema, mirrors: count })),
    pauses: z.array(z.strictObject({ cause: pauseCauseSchema, mirrors: count })),
    runs: z.strictObject({ running: count, waiting: count }),
    deliveries: z.strictObject({
      pending: count,
      failed: count,
      oldestAt: timeSchema.nullable(),
      disabledWebhooks: count,
    }),
    followers: z.array(z.strictObject({ name: z.string(), behind: count, since: timeSchema.nullable() })),
    upstreams: z.array(
      z.strictObject({
        name: nameSchema,
        organization: nameSchema.nullable(),
        budget: budgetSchema.pick({ requests: true, inFlight: true, pauses: true, allowances: true }).nullable(),
      }),
    ),
  })
  .openapi('InstanceHealth')

/** `value`: null where nothing is set and nothing is taken instead, and for secrets, of which only `source` is told. */
export const instanceSettingSchema = z
  .strictObject({
    variable: z.string(),
    key: z.string().nullable().describe('In the settings file'),
    value: z.string().nullable(),
    isSecret: z.boolean(),
    source: z.enum(['default', 'environment', 'file']),
    where: z.string().nullable().describe('File, line and key'),
    about: z.string(),
    want: z.string(),
  })
  .openapi('InstanceSetting')

export const instanceHealthAnswerSchema = z.strictObject({ health: instanceHealthSchema })
export const instanceSettingsAnswerSchema = z
  .strictObject({ settings: z.array(instanceSettingSchema) })
  .openapi('InstanceSettings')

export type InstanceHealth = z.infer<typeof instanceHealthSchema>
export type InstanceSetting = z.infer<typeof instanceSettingSchema>
