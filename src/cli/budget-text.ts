/** An upstream and what is left of its budget, as people read them. */
import type { Budget, Forecast } from '../api/rates.ts'
import type { Upstream } from '../api/upstreams.ts'
import { age, count } from './format.ts'
import { lines, properties } from './table.ts'

export function upstreamText({
  upstream,
  budget,
  hook,
}: {
  readonly upstream: Upstream
  readonly budget: Budget
  readonly hook?: { readonly createdAt: string } | null
}): string {
  const text = properties([
    ['Name', upstream.name],
    ['URL', upstream.url],
    ['Organization', upstream.organization ?? '(shared)'],
    ['User', upstream.username ?? '-'],
    ['Referrers from', upstream.referrersFrom ?? undefined],
    ['Limit', limitText(upstream)],
    ...budgetFacts(budget),
    ['Hook', hook == null ? undefined : `made ${age(hook.createdAt, '-')}`],
    ['Added', age(upstream.createdAt, '-')],
  ])
  return withBudgetLines(text, budget)
}

/** How much is asked of a registry at the moment. */
export function budgetFacts(budget: Budget): (readonly [string, string | undefined])[] {
  return [
    [
      'Requests',
      `${budget.requests} since the server started, ${budget.inFlight} of at most ${budget.mostInFlight} under way${partText(budget)}`,
    ],
    ['At once', budget.windows.length === 0 ? undefined : budget.windows.map(windowText).join(', ')],
  ]
}

/** And what it lets be asked, and who waits for that. */
export function withBudgetLines(text: string, budget: Budget): string {
  const rest = [
    ...budget.pauses.map(({ kind, until, reason }) => `No ${kind} before ${until}: ${reason}.`),
    ...budget.allowances.map(allowanceText),
    ...budget.waiting.map(
      ({ repository, priority, requests }) => `${repository}: ${count(requests, 'request')} waiting (${WHY[priority]})`,
    ),
  ]
  return rest.length === 0 ? text : `${text}\n${lines(rest)}`
}

/** What people set, or what holds because nobody has. */
function limitText({ maxRate, ceilings }: Upstream): string {
  if (maxRate.length > 0) return maxRate.join(', ')
  if (ceilings.length === 0) return 'none of ours'
  return ceilings.map(({ counts, rate, source }) => `${rate} ${counts}, as documented (${source})`).join(', ')
}

/** Where others of the same database have the rest. */
function partText({ share, mostInFlight }: Budget): string {
  return share === 0 || share === mostInFlight ? '' : `, ${share} of them by this server`
}

/** `manifest-get 23 (41 ms)`: how many of a kind may be under way, and what the last answers took. */
function windowText({ kind, requests, answerMs }: Budget['windows'][number]): string {
  return `${kind} ${requests}${answerMs === null ? '' : ` (${answerMs} ms)`}`
}

const WHY: Record<Budget['waiting'][number]['priority'], string> = {
  asked: 'asked for',
  hinted: 'told of by upstream',
  new: 'new content',
  recheck: 'looked at again',
}

function allowanceText({ kind, limit, remaining, until, source }: Budget['allowances'][number]): string {
  const of = limit === null ? '' : ` of ${limit}`
  const by = source === null ? '' : `, counted for ${source}`
  return `${remaining}${of} ${kind} left${until === null ? '' : ` until ${until}`}${by}.`
}

/** `A run needs 340 pulls, 212 left until 14:05.`, and the same of where attestations come from. */
export function forecastText({ referrers, ...own }: Forecast): string {
  if (referrers === null) return needText(own)
  return `${needText(own)} ${needText(referrers, ` of ${referrers.upstream}`)}`
}

function needText({ requests, needed, kind, left, until }: Omit<Forecast, 'referrers'>, whom = ''): string {
  if (left === null) return `A run needs ${count(requests, 'request')}${whom}.`
  const ends = until === null ? '' : ` until ${until}`
  const besides = needed === requests ? '' : ` (${count(requests, 'request')} in all)`
  const warning = needed > left ? ': it waits for the rest' : ''
  return `A run needs ${needed} ${kind ?? 'requests'}${whom}${besides}, ${left} left${ends}${warning}.`
}
