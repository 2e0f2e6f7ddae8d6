/** What people set for one mirror; everything is optional, and what is left out has its default. */
import { Cron } from 'croner'
import { findDuration, parseDuration } from '../lib/duration.ts'
import { z } from './schema.ts'
import { changedSelection, selectionChangeSchema, selectionSchema } from './selection.ts'

/** `15m`, `7d` and the like, within bounds. */
export function durationSchema(least: string, most: string) {
  const [min, max] = [parseDuration(least), parseDuration(most)]
  return z
    .string()
    .refine((text) => {
      const ms = findDuration(text)
      return ms !== undefined && ms >= min && ms <= max
    }, `want a length of time from ${least} to ${most}, such as 90s, 15m, 2h, 7d or 2w`)
    .openapi({ example: '15m' })
}

function isCron(text: string): boolean {
  try {
    // A pattern that never comes (30 February) is none.
    return new Cron(text, { timezone: 'UTC', mode: '5-part' }).nextRun() !== null
  } catch {
    return false
  }
}

/** When passes begin: after each interval, with a tenth of jitter, or by the five fields of cron in UTC. */
export const scheduleSchema = z
  .union([
    z.strictObject({ every: durationSchema('1m', '30d') }),
    z.strictObject({
      cron: z.string().max(200).refine(isCron, 'want the five fields of cron (UTC), such as 0 4 * * 1-5'),
    }),
  ])
  .openapi('Schedule')

export const DEFAULT_SCHEDULE = { every: '15m' } as const

/** The longest time that a change of upstream may take to be visible here. */
export const objectiveSchema = durationSchema('1m', '365d')

/** As they are kept: only what differs from the defaults. */
export const mirrorSettingsSchema = z.strictObject({
  schedule: scheduleSchema.optional(),
  selection: selectionSchema.optional(),
  objective: objectiveSchema.optional(),
})

/** A change: what is left out stays, null is the default again. */
export const mirrorChangeSchema = z
  .strictObject({
    schedule: scheduleSchema.nullable().optional(),
    selection: selectionChangeSchema.nullable().optional(),
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
