/** Limits that people set for an upstream, and what is known of those that it has itself. */
import { findRate } from '../lib/rate.ts'
import { nameSchema, timeSchema, z } from './schema.ts'

const rateSchema = z
  .string()
  .max(40)
  .refine((text) => findRate(text) !== undefined, 'want requests or bytes in a time, such as 10/s, 100/h or 50MB/s')
  .openapi({ example: '10/s' })

/** All of them hold. */
export const maxRateSchema = z
  .array(rateSchema)
  .max(4)
  .refine((list) => new Set(list).size === list.length, 'want each rate once')

const count = z.int().min(0)

export const prioritySchema = z.enum(['asked', 'hinted', 'new', 'recheck'])

/**
 * What one registry and login are asked for, by this server, and what the registry said of it. `requests` and `inFlight`: those of your
 * organization, of a shared upstream all; `mostInFlight`: of all servers on the database together, `share` of these by this one at the moment,
 * 0 while it asks for nothing; `windows`: how many of these each kind of request may be at the moment, as far as this server has asked since it
 * started, with the milliseconds that the last answers took; `pauses`: it asked for none until then;
 * `allowances`: what it says is left, `kind` being what it counts; `waiting`: requests of your organizations that wait for their turn.
 */
export const budgetSchema = z
  .strictObject({
    requests: count,
    inFlight: count,
    mostInFlight: count,
    share: count.default(0),
    windows: z
      .array(
        z.strictObject({
          kind: z.enum([
            'manifest-get',
            'manifest-head',
            'manifest-put',
            'blob',
            'blob-head',
            'upload-begin',
            'upload-part',
            'upload-end',
            'tags',
            'referrers',
            'token',
            'other',
          ]),
          requests: count,
          answerMs: count.nullable(),
        }),
      )
      .default([]),
    pauses: z.array(z.strictObject({ kind: z.string(), until: timeSchema, reason: z.string() })),
    allowances: z.array(
      z.strictObject({
        kind: z.string(),
        limit: count.nullable(),
        remaining: count,
        windowSeconds: count.nullable(),
        until: timeSchema.nullable(),
        source: z.string().nullable(),
        at: timeSchema,
      }),
    ),
    waiting: z.array(z.strictObject({ repository: z.string(), priority: prioritySchema, requests: count })),
  })
  .openapi('Budget')

const needShape = {
  requests: count,
  needed: count,
  kind: z.string().nullable(),
  left: count.nullable(),
  until: timeSchema.nullable(),
}

/**
 * What a run of a plan asks upstream for, its own listing included: `needed` of the requests that the registry counts, `left` of them until
 * `until`; null where it tells no allowance. `referrers`: the same of the upstream that attestations come from, null where that is the same
 * one; what is asked of it is not counted in the others.
 */
export const forecastSchema = z
  .strictObject({
    ...needShape,
    referrers: z
      .strictObject({ upstream: nameSchema, ...needShape })
      .nullable()
      .default(null),
  })
  .openapi('Forecast')

export type Budget = z.infer<typeof budgetSchema>
export type Forecast = z.infer<typeof forecastSchema>
