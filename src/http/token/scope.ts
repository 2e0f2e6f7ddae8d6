/** Scopes of Docker's registry token specification (`auth/scope.md`): `type[(class)]:name:actions`. */
import type { AccessAction } from '../../access/principal.ts'
import { findRepositoryName, type RepositoryName } from '../../oci/reference.ts'

export type RequestedScope =
  | {
      readonly type: 'repository'
      readonly name: RepositoryName
      readonly actions: ReadonlySet<'pull' | 'push' | 'delete'>
    }
  | { readonly type: 'registry'; readonly name: 'catalog' }

/** What one request may ask for; the rest is dropped, as it would not fit into the token either. */
const MAX_SCOPES = 100

const ALL = ['pull', 'push', 'delete'] as const

/**
 * Reads scope parameters, each of which may hold several scopes joined by spaces. What is asked twice is merged; what is not
 * understood is dropped: less access than asked is no error.
 */
export function parseScopes(parameters: readonly string[]): readonly RequestedScope[] {
  const repositories = new Map<RepositoryName, Set<'pull' | 'push' | 'delete'>>()
  let catalog = false
  for (const text of parameters.flatMap((parameter) => parameter.split(' '))) {
    // The name may hold `host:port/`, so the type ends at the first colon and the actions begin at the last.
    const match = /^([a-z]+)(?:\([a-zA-Z0-9_-]*\))?:(.+):([^:]*)$/.exec(text)
    const [, type, named = '', actions = ''] = match ?? []
    const asked = actions.split(',')
    if (type === 'registry' && named === 'catalog' && asked.includes('*')) catalog = true
    const name = type === 'repository' ? findRepositoryName(named) : undefined
    if (name === undefined || (repositories.size >= MAX_SCOPES && !repositories.has(name))) continue
    const known = ALL.filter((action) => asked.includes(action) || asked.includes('*'))
    repositories.set(name, new Set([...(repositories.get(name) ?? []), ...known]))
  }
  return [
    ...(catalog ? [{ type: 'registry', name: 'catalog' } as const] : []),
    ...[...repositories].map(([name, actions]) => ({ type: 'repository', name, actions }) as const),
  ]
}

/** As the answer of a POST says it (`auth/oauth.md`, "scope"). */
export function formatScopes(
  access: readonly { readonly type: string; readonly name: string; readonly actions: readonly AccessAction[] }[],
): string {
  return access.map(({ type, name, actions }) => `${type}:${name}:${actions.join(',')}`).join(' ')
}
