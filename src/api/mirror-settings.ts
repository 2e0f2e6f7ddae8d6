/** What people set for one mirror; everything is optional, and what is left out has its default. */
import { findDuration, parseDuration } from '../lib/duration.ts'
import { lazily } from '../lib/lazily.ts'
import { z } from './schema.ts'
import { changedSelection, selectionChangeSchema, selectionSchema } from './selection.ts'

const croner = lazily(() => require('croner') as typeof import('croner'))

/** `15m`, `7d` and the like, within bounds; or `0` for none, where that is said. The pattern is for editors. */
export function durationSchema(least: string, most: string, o: { readonly isNoneToo?: boolean } = {}) {
  const [min, max] = [parseDuration(least), parseDuration(most)]
  const isNoneToo = o.isNoneToo === true
  const error = `want a length of time from ${least} to ${most}, such as 90s, 15m, 2h, 7d or 2w${isNoneToo ? '; or 0' : ''}`
  return z
    .string()
    .regex(isNoneToo ? /^(?:0|\d{1,6}[smhdw])$/ : /^\d{1,6}[smhdw]$/, error)
    .refine((text) => {
      const ms = findDuration(text)
      // What the pattern refuses has been told.
      return ms === undefined || (ms >= min && ms <= max) || text === '0'
    }, error)
    .openapi({ example: '15m' })
}

function isCron(text: string): boolean {
  try {
    // A pattern that never comes (30 February) is none.
    return new (croner().Cron)(text, { timezone: 'UTC', mode: '5-part' }).nextRun() !== null
  } catch {
    return false
  }
}

/** When passes begin: after each interval, with a tenth of jitter, or by the five fields of cron in UTC. */
export const scheduleSchema = z
  .union(
    [
      z.strictObject({ every: durationSchema('1m', '30d').describe('Time between two passes, a tenth more or less') }),
      z.strictObject({
        cron: z
          .string()
          .max(200)
          .refine(isCron, 'want the five fields of cron (UTC), such as 0 4 * * 1-5')
          .describe('The five fields of cron, in UTC'),
      }),
    ],
    { error: 'want either every, a time such as 15m, or cron, five fields such as 0 4 * * 1-5' },
  )
  .openapi('Schedule')

export const DEFAULT_SCHEDULE = { every: '15m' } as const

/**
 * What the mirror does about upstream's whims (docs/upstreams-whims.md).
 * `vanished`, `grace`: a tag or attestation that upstream no longer lists is kept, or taken away once it has been gone for so long; `brake`: the
 * share of the mirror's tags, and of its attestations, in percent, that one run may take away. `settle`: a new digest waits until its attestations have stopped arriving for
 * so long. `withoutReferrers`: what happens while referrers cannot be listed. `recheck`: the time within which the referrers of digests
 * that have not changed for a day are asked for again; `0`: in every pass.
 */
const whims = {
  vanished: z.enum(['keep', 'untag']).describe('Tags that upstream no longer lists'),
  grace: durationSchema('1m', '365d', { isNoneToo: true }).describe(
    'How long a tag has to be away before it is untagged; 0: at once',
  ),
  brake: z.int().min(1).max(100).describe('The share of its tags, in percent, that one run may untag'),
  settle: durationSchema('10s', '7d', { isNoneToo: true }).describe(
    'Holds a new digest until no attestation has come for so long; 0: not at all',
  ),
  withoutReferrers: z.enum(['hold', 'publish']).describe('While referrers cannot be listed'),
  recheck: durationSchema('1m', '7d', { isNoneToo: true }).describe(
    'Asks for referrers of old digests within this time; 0: in every pass',
  ),
} as const

export const whimsSchema = z.strictObject(whims).openapi('Whims')

export type Whims = z.infer<typeof whimsSchema>

export const DEFAULT_WHIMS: Whims = {
  vanished: 'keep',
  grace: '7d',
  brake: 10,
  settle: '0',
  withoutReferrers: 'hold',
  recheck: '1h',
}

/** The settings of a mirror about upstream's whims, with the defaults of those that nobody set. */
export function whimsOf(settings: MirrorSettings): Whims {
  const given = Object.keys(DEFAULT_WHIMS).map((key) => [key, settings[key as keyof Whims]])
  return { ...DEFAULT_WHIMS, ...Object.fromEntries(given.filter(([, value]) => value !== undefined)) }
}
/** The longest time that a change of upstream may take to be visible here. */
export const objectiveSchema = durationSchema('1m', '365d').describe(
  'The longest that a change of upstream may take to be here',
)

/** As they are kept: only what differs from the defaults. */
export const mirrorSettingsSchema = z.strictObject({
  schedule: scheduleSchema.optional(),
  selection: selectionSchema.optional(),
  ...z.strictObject(whims).partial().shape,
  objective: objectiveSchema.optional(),
})

/** A change: what is left out stays, null is the default again. */
export const mirrorChangeSchema = z
  .strictObject({
    schedule: scheduleSchema.nullable().optional(),
    selection: selectionChangeSchema.nullable().optional(),
    vanished: whims.vanished.nullable().optional(),
    grace: whims.grace.nullable().optional(),
    brake: whims.brake.nullable().optional(),
    settle: whims.settle.nullable().optional(),
    withoutReferrers: whims.withoutReferrers.nullable().optional(),
    recheck: whims.recheck.nullable().optional(),
    objective: objectiveSchema.nullable().optional(),
  })
  .openapi('MirrorChange')

export type MirrorSettings = z.infer<typeof mirrorSettingsSchema>
export type MirrorChange = z.infer<typeof mirrorChangeSchema>
export type Schedule = z.infer<typeof scheduleSchema>

/** The settings after a change. */
export function changedSettings(before: MirrorSettings, change: MirrorChange): MirrorSettings {
  const merged = { ...before, ...change, selection: changedSelection(before.selection, change.selection) }
  return mirrorSettingsSchema.parse(
    Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== null && value !== undefined)),
  )
}
