/** Targets as people read them, and the lines to go on with. */
import type { Budget } from '../api/rates.ts'
import type { SignIn, Target, TargetChangeAnswer, TargetCheck } from '../api/targets.ts'
import { budgetFacts, withBudgetLines } from './budget-text.ts'
import { age } from './format.ts'
import { lines, properties } from './table.ts'

/** How to say what is meant from here: the program, the target, and `--org X` or `--shared` where they are needed. */
export interface TargetWording {
  readonly program: string
  readonly name: string
  /** ` --org acme`, ` --shared`, or nothing. */
  readonly owner: string
}

const CLOUDS = { ecr: 'Amazon ECR', google: 'Google', azure: 'Azure' } as const

/** `Amazon ECR, with the given keys, as role arn:…`. */
export function signInText(signIn: SignIn, username: string | null): string {
  switch (signIn.by) {
    case 'password':
      return username ?? '(nobody)'
    case 'docker':
      return "docker's config.json on the server"
    case 'ecr':
    case 'google':
    case 'azure': {
      const who = username === null ? 'as the server itself' : `with the keys of ${username}`
      const role = signIn.by === 'ecr' && signIn.role !== undefined ? `, as role ${signIn.role}` : ''
      return `by ${CLOUDS[signIn.by]} ${who}${role}`
    }
  }
}

export function targetText({ target, budget }: { readonly target: Target; readonly budget: Budget }): string {
  const text = properties([
    ['Name', target.name],
    ['URL', target.url],
    ['Organization', target.organization ?? '(shared)'],
    ['Kind', target.kind],
    ['Signs in', signInText(target.signIn, target.username)],
    ['Limit', target.maxRate.length > 0 ? target.maxRate.join(', ') : 'none of ours'],
    ...budgetFacts(budget),
    ['Added', age(target.createdAt, '-')],
  ])
  return withBudgetLines(text, budget)
}

/** Indented lines: what answers, whether we are let in, what it can do. */
export function targetCheckText(check: TargetCheck, target: Target, w: TargetWording): string {
  const text = properties([
    ['Registry', `${check.host} answers${check.apiVersion === null ? '' : ` (${check.apiVersion})`}`],
    ['Kind', target.kind],
    ['Login', loginText(check, target, w)],
    ['Referrers', REFERRERS[check.referrersApi]],
  ])
  return text.replace(/^/gm, '  ')
}

const REFERRERS: Record<TargetCheck['referrersApi'], string> = {
  yes: 'by the API',
  no: 'by fallback tags (it has no referrers API)',
  unknown: 'by the API or by fallback tags: the first run finds out',
}

function loginText({ login }: TargetCheck, { signIn, username }: Target, w: TargetWording): string {
  switch (login) {
    case 'accepted':
      return `accepted, ${signIn.by === 'password' ? `as ${username}` : signInText(signIn, username)}`
    case 'not-asked':
      return 'not asked for: whether it is right shows when something is written'
    case 'anonymous':
      return 'none, and it lets everybody in; it wants one perhaps when something is written'
    case 'required':
      return `none was given, and it wants one: ${w.program} target change ${w.name}${w.owner} --username USER --password-stdin`
    case 'unknown':
      return 'not known: the registry does not tell now'
  }
}

/** What becomes of the replications. */
export function targetChangeText({ repositories, isOtherPlace }: TargetChangeAnswer): string {
  const told: string[] = []
  if (repositories.length > 0) {
    const which =
      repositories.length > 3
        ? `${repositories.slice(0, 2).join(', ')} and ${repositories.length - 2} more`
        : repositories.join(', ')
    told.push(`Sent there: ${which}. Nothing stops, the next run takes the new settings.`)
  }
  if (isOtherPlace)
    told.push('It is another place now: what was sent stays where it is, and the next runs send all anew.')
  return lines(told)
}
