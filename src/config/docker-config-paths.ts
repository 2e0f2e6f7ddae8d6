import { join } from 'node:path'
import { homeDirectory } from './home.ts'
import type { Environment } from './settings.ts'

/**
 * Files that may hold logins for registries, in the order in which they are looked at: docker's, then podman's and skopeo's
 * (containers-auth.json(5)).
 */
export function dockerConfigPaths(env: Environment = process.env): readonly string[] {
  const set = (name: string) => (env[name] === '' ? undefined : env[name])
  const runtime = set('XDG_RUNTIME_DIR')
  return [
    join(set('DOCKER_CONFIG') ?? join(homeDirectory(), '.docker'), 'config.json'),
    ...[set('REGISTRY_AUTH_FILE')].flatMap((path) => path ?? []),
    ...(runtime === undefined ? [] : [join(runtime, 'containers', 'auth.json')]),
    join(set('XDG_CONFIG_HOME') ?? join(homeDirectory(), '.config'), 'containers', 'auth.json'),
  ]
}
