/** What the audit log tells of the token service: logins that failed, and rights that were asked for and not given. */
import type { Access, Principal } from '../../access/principal.ts'
import type { Refused } from '../../access/refusals.ts'
import { splitRepositoryName } from '../../oci/reference.ts'
import { refusedWho } from '../request-context.ts'
import type { RequestedScope } from './scope.ts'

/** From the strongest on: who may not delete is told so, whatever else was asked for. */
const ACTIONS = ['delete', 'push', 'pull'] as const

/**
 * A client that may not push gets a token that does not say so, and gives up without another question: here is the only place that sees it.
 * One for each repository; nothing for whoever has no name.
 */
export function refusedScopes(
  principal: Principal,
  asked: readonly RequestedScope[],
  granted: readonly Access[],
  from: Pick<Refused, 'address' | 'requestId'>,
): Refused[] {
  return asked.flatMap((scope) => {
    if (scope.type !== 'repository') return []
    const given = granted.find(({ name }) => name === scope.name)?.actions ?? []
    const action = ACTIONS.find((one) => scope.actions.has(one) && !given.includes(one))
    if (action === undefined) return []
    const organization = splitRepositoryName(scope.name)?.organization
    const attempt = { organization, action: `repository.${action}`, object: scope.name, code: 'DENIED' }
    const who = refusedWho({ principal }, organization)
    return who === undefined ? [] : [{ ...from, ...attempt, ...who }]
  })
}
