// The real program under strace: what it asked of the disk is known when it has ended.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Kagami, kagamiProgram, startKagami } from '../kagami.ts'
import { temporaryDirectory } from '../process.ts'
import { replay, type TracedDisk } from './disk.ts'
import { readTrace, straceCommand } from './trace.ts'

export interface TracedKagami extends Kagami {
  /** Ends it, and reads what it did. */
  disk(): Promise<TracedDisk>
}

/** Starts a server of one process on a new data directory, in an empty one that is durable. */
export async function startTracedKagami(env: Readonly<Record<string, string>> = {}): Promise<TracedKagami> {
  const directory = temporaryDirectory('power-cut')
  const [trace, binary, root] = ['trace', 'kagami', 'root'].map((name) => join(directory.path, name)) as [
    string,
    string,
    string,
  ]
  const command = straceCommand(trace).map((word) => `'${word}'`)
  writeFileSync(binary, `#!/bin/sh\nexec ${command.join(' ')} '${kagamiProgram}' "$@"\n`)
  chmodSync(binary, 0o755)
  mkdirSync(root)
  const kagami = await startKagami({ binary, dataDirectory: join(root, 'data'), env: { KAGAMI_WORKERS: '1', ...env } })
  return {
    ...kagami,
    async disk() {
      await kagami.stop()
      const disk = replay(readTrace(trace), root)
      directory.remove()
      return disk
    },
  }
}
