/** Which part of an upstream repository a mirror takes; what is left out limits nothing. */
import { findDuration } from '../lib/duration.ts'
import { findPlatformChoice } from '../oci/platform-choice.ts'
import { findPatternFault } from '../oci/tag-patterns.ts'
import { findVersionRange } from '../oci/tag-version.ts'
import { z } from './schema.ts'

/** The instant before which an image is too old; undefined when the text is neither an age nor a date. */
export function findCutoff(text: string, now: Date): Date | undefined {
  const age = findDuration(text)
  if (age !== undefined) return new Date(now.getTime() - age)
  if (!/^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2}))?$/.test(text)) return undefined
  const date = new Date(text)
  return Number.isNaN(date.getTime()) ? undefined : date
}

const globs = z
  .array(
    z
      .string()
      .min(1)
      .max(200)
      .regex(
        /^!?[A-Za-z0-9_.*?[\]!-]+$/,
        'want a glob over tags: letters, digits, _ . -, with * ? [a-z], and ! before one that leaves out',
      ),
  )
  .min(1)
  .max(50)

const expressions = z
  .array(z.string().min(1))
  .min(1)
  .superRefine((patterns, context) => {
    const fault = findPatternFault(patterns)
    if (fault !== undefined) context.addIssue({ code: 'custom', message: fault })
  })

const range = z
  .string()
  .max(200)
  .refine((text) => findVersionRange(text) !== undefined, 'want a range of versions, such as ">=3.11 <4" or ^1.2')

const newerThan = z
  .string()
  .max(40)
  .refine(
    (text) => findCutoff(text, new Date(0)) !== undefined,
    'want an age such as 90d, or a date such as 2026-01-31',
  )

const platforms = z
  .array(
    z
      .string()
      .refine(
        (text) => findPlatformChoice(text) !== undefined,
        'want OS/ARCHITECTURE, such as linux/amd64 or linux/arm/v7',
      ),
  )
  .min(1)
  .max(50)

const referrers = z.array(z.string().min(1).max(256)).max(50)

const MOST_NEWEST = 1_000_000
const WANT_NEWEST = `want a whole number from 1 to ${MOST_NEWEST}`

const fields = {
  tags: globs.describe('Tags that one of these globs matches; one that begins with ! leaves out'),
  tagsRegex: expressions.describe('Or one of these expressions (RE2, of the whole name)'),
  semver: range.describe('Of these, versions in a range, such as ">=3.11 <4"; 3.13-slim counts as 3.13'),
  newest: z
    .int(WANT_NEWEST)
    .min(1, WANT_NEWEST)
    .max(MOST_NEWEST, WANT_NEWEST)
    .describe('Of these, the newest N of each pattern, by version'),
  newerThan: newerThan.describe('Of these, images created since: an age such as 90d, or a date'),
  platforms: platforms.describe('Entries of indexes, such as linux/amd64'),
  referrers: referrers.describe('Artifact or predicate types (globs); an empty list takes none'),
}

/**
 * `tags` and `tagsRegex` are patterns over whole names: a tag that one of them matches, and none with `!` before it, is taken; `semver`,
 * `newest` (of each pattern, by version) and `newerThan` then narrow that. `platforms` choose among the entries of indexes, which stay
 * as they are; `referrers` are artifact types and predicate types, globs allowed, and an empty list takes none.
 */
export const selectionSchema = z
  .strictObject({
    tags: fields.tags.optional(),
    tagsRegex: fields.tagsRegex.optional(),
    semver: fields.semver.optional(),
    newest: fields.newest.optional(),
    newerThan: fields.newerThan.optional(),
    platforms: fields.platforms.optional(),
    referrers: fields.referrers.optional(),
  })
  .openapi('Selection')

/** What is left out stays, null takes that limit away. */
export const selectionChangeSchema = z
  .strictObject({
    tags: fields.tags.nullable().optional(),
    tagsRegex: fields.tagsRegex.nullable().optional(),
    semver: fields.semver.nullable().optional(),
    newest: fields.newest.nullable().optional(),
    newerThan: fields.newerThan.nullable().optional(),
    platforms: fields.platforms.nullable().optional(),
    referrers: fields.referrers.nullable().optional(),
  })
  .openapi('SelectionChange')

export type Selection = z.infer<typeof selectionSchema>
export type SelectionChange = z.infer<typeof selectionChangeSchema>

/** The selection after a change; undefined when nothing limits it any more. */
export function changedSelection(
  before: Selection | undefined,
  change: SelectionChange | null | undefined,
): Selection | undefined {
  if (change === null) return undefined
  const merged = Object.entries({ ...before, ...change }).filter(([, value]) => value !== null && value !== undefined)
  return merged.length === 0 ? undefined : selectionSchema.parse(Object.fromEntries(merged))
}

/** Whether two selections take the same. */
export function isSameSelection(a: Selection | undefined, b: Selection | undefined): boolean {
  const text = (one: Selection | undefined) =>
    JSON.stringify(Object.entries(one ?? {}).sort(([x], [y]) => (x < y ? -1 : 1)))
  return text(a) === text(b)
}
