/** The executable. */
import { isAbsolute, join, relative, resolve } from 'node:path'
import { runProgram } from './cli/program.ts'
import { processTerminal } from './cli/terminal.ts'
import { credentialsPath } from './config/credentials-path.ts'
import { environment } from './config/environment.ts'
import { readClientSettings } from './config/read.ts'
import { removeProxyVariables } from './net/guarded-fetch.ts'

/** How to call this program from the working directory: the single executable, or `bin/kagami` of the clone. */
function programName(): string {
  const isExecutable = import.meta.path.startsWith('/$bunfs/') || /^[A-Z]:[\\/]~BUN/.test(import.meta.path)
  const path = isExecutable ? process.execPath : resolve(join(import.meta.dir, '..', 'bin', 'kagami'))
  const near = relative(process.cwd(), path)
  if (near.startsWith('..') || isAbsolute(near)) return path
  return near.includes('/') ? near : `./${near}`
}

// Whatever this program makes is for its user alone.
process.umask(0o077)
removeProxyVariables(environment)
process.exitCode = await runProgram(process.argv.slice(2), {
  terminal: processTerminal(),
  program: programName(),
  clientSettings: () => readClientSettings(),
  credentialsPath: credentialsPath(),
})
