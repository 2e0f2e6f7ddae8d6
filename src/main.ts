/** The executable. */
import { isAbsolute, join, relative, resolve } from 'node:path'
import { environment } from './config/environment.ts'
import { startAnewWithHeapSettings } from './config/heap.ts'
import { removeProxyVariables } from './net/guarded-fetch.ts'
import { WORKER_ARGUMENT } from './server/workers/messages.ts'

/** The single executable; not `bin/kagami` of the clone. */
const isExecutable = import.meta.path.startsWith('/$bunfs/') || /^[A-Z]:[\\/]~BUN/.test(import.meta.path)

/** How to call this program from the working directory. */
function programName(): string {
  const path = isExecutable ? process.execPath : resolve(join(import.meta.dir, '..', 'bin', 'kagami'))
  const near = relative(process.cwd(), path)
  if (near.startsWith('..') || isAbsolute(near)) return path
  return near.includes('/') ? near : `./${near}`
}

// Other verbs are over soon, and workers are given what their main process has.
if (isExecutable && process.argv[2] === 'serve') startAnewWithHeapSettings(environment, process.argv.slice(2))

// Whatever this program makes is for its user alone.
process.umask(0o077)
removeProxyVariables(environment)

// A worker loads only what it needs, and is nothing without the pipe to its main process.
if (process.argv[2] === WORKER_ARGUMENT && process.send !== undefined) {
  const { runWorker } = await import('./server/workers/worker.ts')
  runWorker((message) => void process.send?.(message))
} else {
  const [{ runProgram }, { processTerminal }, { credentialsPath }, { readClientSettings }] = await Promise.all([
    import('./cli/program.ts'),
    import('./cli/terminal.ts'),
    import('./config/credentials-path.ts'),
    import('./config/read.ts'),
  ])
  process.exitCode = await runProgram(process.argv.slice(2), {
    terminal: processTerminal(),
    program: programName(),
    clientSettings: () => readClientSettings(),
    credentialsPath: credentialsPath(),
  })
}
