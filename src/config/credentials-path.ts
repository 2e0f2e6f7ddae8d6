import { join } from 'node:path'
import { homeDirectory } from './home.ts'
import type { Environment } from './settings.ts'

/** Where `kagami login` keeps its tokens: below `XDG_CONFIG_HOME`, `~/.config` when that is unset. */
export function credentialsPath(env: Environment = process.env): string {
  const base = env.XDG_CONFIG_HOME
  return join(base === undefined || base === '' ? join(homeDirectory(), '.config') : base, 'kagami', 'credentials.json')
}
