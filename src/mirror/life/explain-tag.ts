/** Why a tag is, or is not, here, in words that people can act on. Pure: what is known comes from the database and from upstream. */
import { type TagExplanation, type TagState, tagStateSchema } from '../../api/explain.ts'
import type { Mirror } from '../../api/mirrors.ts'
import type { TagFacts } from '../../db/mirrors/explain.ts'
import type { Digest } from '../../oci/digest.ts'
import { parseDigestTag } from '../../oci/reference.ts'
import type { BudgetPause } from '../engine.ts'
import { decideTag } from '../pass/decide-tag.ts'
import type { Problem } from '../pass/problem.ts'

/** What upstream said of a tag that no pass has seen. */
export type Asked =
  | { readonly at: string; readonly digest: Digest | undefined }
  | { readonly at: string; readonly problem: Problem }
  /** Nothing is asked while the mirror rests. */
  | 'not asked'

export interface ExplainContext {
  readonly mirror: Pick<Mirror, 'repository' | 'source' | 'state' | 'reason' | 'remedy' | 'nextRunAt' | 'lastRun'>
  /** Digests that people deleted here. */
  readonly excluded: ReadonlySet<Digest>
  /** Nothing may be asked of its upstream until then. */
  readonly budgetWait?: BudgetPause | undefined
}

type Said = Pick<TagExplanation, 'state' | 'reason' | 'next'>

export function explainTag(facts: TagFacts, context: ExplainContext, asked?: Asked): TagExplanation {
  const { tag, local, seen } = facts
  const told = asked === undefined || asked === 'not asked' ? undefined : asked
  const upstream = seen?.upstream_digest ?? (told !== undefined && 'digest' in told ? told.digest : undefined)
  return {
    name: tag,
    upstream: upstream ?? null,
    local: local ?? null,
    checkedAt:
      told?.at ?? (seen?.upstream_digest === null && seen.state === 'pending' ? null : (seen?.checked_at ?? null)),
    ...(byPeople(facts, context) ?? (seen === undefined ? unseen(facts, context, asked) : bySight(facts, context))),
  }
}

/** What people decided stands before whatever passes saw. */
function byPeople({ tag, exclusion, pin, local, seen }: TagFacts, { mirror }: ExplainContext): Said | undefined {
  const release = `nothing, until: kagami tag release ${mirror.repository} ${tag}`
  if (exclusion !== undefined) {
    const who = exclusion.excluded_by === null ? '' : `, by ${nameOf(exclusion.excluded_by)}`
    return {
      state: 'excluded',
      reason: `${exclusion.reason}${who} since ${exclusion.excluded_at}${local === undefined ? '' : '; it stays here as it is'}`,
      next: release,
    }
  }
  if (pin === undefined) return undefined
  const moved = seen?.upstream_digest !== null && seen?.upstream_digest !== undefined && seen.upstream_digest !== local
  return {
    state: 'pinned',
    reason: `pinned to ${pin.digest} by ${nameOf(pin.pinned_by)} since ${pin.pinned_at}: ${pin.reason}${moved ? '; upstream has moved on' : ''}`,
    next: release,
  }
}

/** As the last pass saw it, corrected by what has happened here since. */
function bySight({ tag, local, seen }: TagFacts, context: ExplainContext): Said {
  const { mirror } = context
  if (seen === undefined) throw new Error('it was seen')
  const name = `${mirror.repository} ${tag}`
  const pass = nextPass(context, tag)
  const isMovedHere = local !== undefined && local !== seen.synced_digest && local !== seen.upstream_digest
  const state = stateOf(seen.state)
  switch (state) {
    case 'synced':
      if (local === undefined)
        return { state: 'pending', reason: 'it is not here any more, though the mirror brought it', next: pass }
      if (isMovedHere) return diverged(`points at ${local} here, which the mirror did not put there`, name)
      if (seen.reason === null)
        return { state, reason: 'in step: upstream had the same when it was last asked', next: pass }
      return { state, reason: `in step, but not with all that hangs on it: ${seen.reason}`, next: pass }
    case 'pending':
      if (isMovedHere) return diverged(`points at ${local} here, which the mirror did not put there`, name)
      return {
        state,
        reason: seen.reason ?? waiting(context, 'upstream has it, and no run has brought it here yet'),
        next: pass,
      }
    case 'pinned':
      return { state: 'pending', reason: 'released: no pass has looked at it since', next: pass }
    case 'excluded':
      return {
        state,
        reason: seen.reason ?? 'kept away by people',
        next: `comes when upstream moves it to something else; or now: kagami tag release ${name}`,
      }
    case 'diverged':
      return diverged(seen.reason ?? 'moved here by people', name)
    case 'failed':
      return {
        state,
        reason: seen.reason ?? 'it failed, and nobody said why',
        next: `tried again: ${pass}; to do without it: kagami tag exclude ${name}`,
      }
    case 'immutable':
      return {
        state,
        reason: `upstream has moved it, and the repository's rule holds it: ${seen.reason ?? 'the tag is immutable'}`,
        next: `nothing while the rule holds: kagami repository show ${mirror.repository}; to do without what upstream has: kagami tag exclude ${name}`,
      }
    case 'held':
      return { state, reason: seen.reason ?? 'held for its attestations', next: heldUntil(context, tag, seen.reason) }
    case 'unselected':
    case 'retained': {
      const reason = seen.reason ?? 'not selected'
      const change = `while the selection leaves it out: kagami mirror change ${mirror.repository}`
      return local === undefined
        ? { state, reason, next: `nothing ${change}` }
        : { state, reason, next: `it stays as it is ${change}; to remove it: kagami tag delete ${name}` }
    }
    case 'absent':
      return local === undefined
        ? {
            state,
            reason: 'upstream no longer has it, and it is not here',
            next: `comes if upstream has it again: ${pass}`,
          }
        : {
            state,
            reason: 'kept here, though upstream no longer has it',
            next: untagging(seen.reason) ?? `it stays; to remove it: kagami tag delete ${name}`,
          }
    default:
      return { state, reason: seen.reason ?? `the last pass left it ${state}`, next: pass }
  }
}

/** A digest that waits does so whoever asks for it; what waits for a source is tried again, or published without. */
function heldUntil(context: ExplainContext, tag: string, reason: string | null): string {
  const { repository } = context.mirror
  if (/^held until /.test(reason ?? '')) {
    const sooner = `; without waiting: kagami mirror change ${repository} --settle 0`
    return `comes when nothing has been attached for so long: ${nextPass(context, tag, false)}${sooner}`
  }
  const without = `; without its attestations: kagami mirror change ${repository} --without-referrers publish`
  return `tried again: ${nextPass(context, tag)}${without}`
}

/** Where the mirror untags what upstream has lost, as `pass/vanished.ts` says it. */
function untagging(reason: string | null): string | undefined {
  const [, time] = /untagged from (\S+) on$/.exec(reason ?? '') ?? []
  return time === undefined ? undefined : `untagged at ${time}, unless upstream has it again before`
}

function stateOf(state: string): TagState {
  const { data } = tagStateSchema.safeParse(state)
  return data ?? 'pending'
}

function diverged(reason: string, name: string): Said {
  return {
    state: 'diverged',
    reason,
    next: `it stays as people left it; to take what upstream has: kagami tag release ${name} --take-upstream`,
  }
}

/** No pass has seen it; perhaps upstream was asked just now. */
function unseen(
  { tag, local, isOfBefore = false }: TagFacts,
  context: ExplainContext,
  asked: Asked = 'not asked',
): Said {
  const { mirror, excluded } = context
  const pass = nextPass(context, tag)
  const whence = isOfBefore ? 'came from the source that was mirrored before' : 'was pushed by people'
  const own = local === undefined ? '' : `; what is here ${whence}`
  const fallback = parseDigestTag(tag)
  if (fallback !== undefined && fallback.suffix === undefined) {
    const reason = `it lists the referrers of ${fallback.subject} for old clients: they are mirrored themselves, it is not`
    return { state: 'absent', reason: reason + own, next: `nothing: ask about its subject` }
  }
  if (asked === 'not asked') {
    const why = `the mirror is ${mirror.state}${mirror.reason === null ? '' : `: ${mirror.reason}`}`
    return { state: 'absent', reason: `no pass has seen it, and upstream is not asked while ${why}${own}`, next: pass }
  }
  if ('problem' in asked) {
    return {
      state: 'failed',
      reason: `no pass has seen it, and upstream could not be asked: ${asked.problem.message}${own}`,
      next: pass,
    }
  }
  if (asked.digest === undefined) {
    return { state: 'absent', reason: `upstream has no such tag${own}`, next: `comes once upstream has it: ${pass}` }
  }
  const decision = decideTag(
    asked.digest,
    { local: local as Digest | undefined, synced: undefined, state: undefined },
    excluded,
  )
  if (decision.action !== 'skip') {
    const reason =
      decision.action === 'keep'
        ? 'upstream has the same as people pushed here'
        : 'new at upstream: no pass has seen it yet'
    return { state: 'pending', reason: waiting(context, reason), next: `comes with ${pass}` }
  }
  if (decision.state === 'diverged') return diverged(decision.reason, `${mirror.repository} ${tag}`)
  const release = `kagami tag release ${mirror.repository} ${asked.digest}`
  return {
    state: decision.state,
    reason: decision.reason,
    next: `comes when upstream moves it to something else; or: ${release}`,
  }
}

function isRunning({ mirror: { lastRun } }: ExplainContext): boolean {
  return lastRun?.outcome === 'running'
}

function waiting(context: ExplainContext, reason: string): string {
  const { mirror } = context
  if (mirror.state === 'paused' || mirror.state === 'stopped') {
    return `${reason}; the mirror is ${mirror.state}${mirror.reason === null ? '' : `: ${mirror.reason}`}`
  }
  const { budgetWait } = context
  if (budgetWait !== undefined) return `${reason}; ${waitText(context, budgetWait)}`
  return isRunning(context) ? `${reason}; a run is under way` : reason
}

/** What the registry said goes with it. */
function waitText({ mirror }: ExplainContext, { until, reason }: BudgetPause): string {
  const who = mirror.lastRun?.outcome === 'running' ? 'the run under way waits' : 'requests wait'
  return `${who} for the budget of ${mirror.source.upstream} until ${until}: ${reason}`
}

/** When a pass looks at the tag again, and how to have it sooner, where that is of use. */
function nextPass(context: ExplainContext, tag: string, isSooner = true): string {
  const { mirror } = context
  const goOn = mirror.remedy === null ? '' : `; to go on: kagami ${mirror.remedy}`
  const why = mirror.reason === null ? '' : ` (${mirror.reason})`
  if (mirror.state === 'stopped') return `nothing while the mirror is stopped${why}${goOn}`
  if (mirror.nextRunAt === null && mirror.state === 'paused') return `nothing while the mirror is paused${why}${goOn}`
  const { budgetWait } = context
  const held =
    budgetWait === undefined ? '' : `, from ${budgetWait.until} on: see kagami upstream show ${mirror.source.upstream}`
  if (isRunning(context))
    return `the run under way since ${mirror.lastRun?.startedAt}${held}: kagami mirror watch ${mirror.repository}`
  const now = isSooner ? `; now: kagami mirror sync ${mirror.repository} --tag ${tag}` : ''
  const isHeld = budgetWait !== undefined && (mirror.nextRunAt ?? '') < budgetWait.until
  const at = mirror.nextRunAt === null ? 'the next pass, not planned yet' : `the next pass at ${mirror.nextRunAt}`
  const planned = isHeld ? `${at}${held}` : at
  return mirror.state === 'paused' ? `${planned}, the mirror being paused${why}${goOn}` : `${planned}${now}`
}

/** `user:ada` is ada. */
function nameOf(actor: string): string {
  return actor.replace(/^user:/, '')
}
