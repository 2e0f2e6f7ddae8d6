import { digestSchema, idSchema, timeSchema, z } from './schema.ts'

/** `change`: something has changed here, `drift`: what is at a target is looked at anew; both are of replications alone, `hint` of mirrors. */
export const runTriggerSchema = z.enum(['start', 'sync', 'hint', 'schedule', 'change', 'drift'])
export const runOutcomeSchema = z.enum(['running', 'done', 'partial', 'failed', 'stopped'])

/**
 * `readBytes` were read from upstream; `requests` were sent to it, authentication included. `tagsExcluded`, `tagsDiverged`
 * and `tagsPinned` were left as they are, because people keep the mirror from them, moved them here or took them back; `tagsHeld` wait
 * for attestations, or for a callback; `tagsUntagged` and `referrersUnlinked` were taken away, as upstream has lost them for long enough.
 * Of replications `requests` were sent to the target, `sentBytes` with them; of the mounts that were tried, `mounts` spared an upload.
 */
export const runCountsSchema = z
  .strictObject({
    tagsMoved: z.int().min(0),
    tagsUnchanged: z.int().min(0),
    manifests: z.int().min(0),
    referrers: z.int().min(0),
    blobs: z.int().min(0),
    readBytes: z.int().min(0),
    requests: z.int().min(0),
    failed: z.int().min(0),
    tagsExcluded: z.int().min(0),
    tagsDiverged: z.int().min(0),
    tagsPinned: z.int().min(0),
    tagsHeld: z.int().min(0),
    tagsUntagged: z.int().min(0),
    referrersUnlinked: z.int().min(0),
    sentBytes: z.int().min(0).optional(),
    mountsTried: z.int().min(0).optional(),
    mounts: z.int().min(0).optional(),
  })
  .openapi('RunCounts')

/** One thing that a run could not do; `tag` and `digest` are null where the failure is not about one. */
export const runFailureSchema = z
  .strictObject({
    tag: z.string().nullable(),
    digest: digestSchema.nullable(),
    code: z.string(),
    message: z.string(),
  })
  .openapi('RunFailure')

/**
 * One execution of a mirror, asked for at `startedAt`. `beganAt`: it had its place; null while it waits, or where it never did. `waitedSeconds`
 * until then and `runningSeconds` since are null until they are known, and in runs of before they were told apart.
 * `endedAt` is null while it runs, `tags` those that it was limited to, null for all. `full`: it looked at
 * everything anew. `plan` are the totals that it set out with, null when it did not come so far.
 */
export const runSchema = z
  .strictObject({
    id: idSchema,
    trigger: runTriggerSchema,
    outcome: runOutcomeSchema,
    startedAt: timeSchema,
    beganAt: timeSchema.nullable().default(null),
    endedAt: timeSchema.nullable(),
    waitedSeconds: z.number().min(0).nullable().default(null),
    runningSeconds: z.number().min(0).nullable().default(null),
    counts: runCountsSchema,
    failures: z.array(runFailureSchema),
    tags: z.array(z.string()).nullable(),
    full: z.boolean(),
    plan: z.record(z.string(), z.int().min(0)).nullable(),
  })
  .openapi('Run')

/**
 * What a run did, or could not do. `moved` and `removed`: a tag, `from` where it pointed before, `to` where since `at`; `published`:
 * something was attached to what tags point at already; `unlinked`: an attestation that upstream no longer lists was taken away; `failed`, with its `code`; `diverged`: people moved it here; `left-out`:
 * upstream itself does not have it. The moves come first.
 */
export const runItemSchema = z
  .strictObject({
    action: z.enum(['moved', 'removed', 'published', 'unlinked', 'failed', 'diverged', 'drifted', 'left-out']),
    tag: z.string().nullable(),
    from: digestSchema.nullable(),
    to: digestSchema.nullable(),
    digest: digestSchema.nullable(),
    code: z.string().nullable(),
    message: z.string().nullable(),
    at: timeSchema.nullable(),
  })
  .openapi('RunItem')

export type RunOutcome = z.infer<typeof runOutcomeSchema>
export type RunCounts = z.infer<typeof runCountsSchema>
export type RunFailure = z.infer<typeof runFailureSchema>
export type RunItem = z.infer<typeof runItemSchema>
export type Run = z.infer<typeof runSchema>
