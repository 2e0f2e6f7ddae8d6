// The command line in this process: what it prints, and what it ends with.
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { runProgram } from '../../src/cli/program.ts'
import { createSecret } from '../../src/lib/secret.ts'
import { OWNER, type WholeServer } from './whole-server.ts'

export interface Ended {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
  /** What was painted in place, one entry a painting. */
  readonly painted: readonly string[]
}

export interface CommandLineUser {
  /** Runs `kagami ARGS`. */
  run(
    args: readonly string[],
    o?: {
      readonly input?: string
      readonly isInteractive?: boolean
      readonly columns?: number
      readonly onPaint?: (line: string) => void
    },
  ): Promise<Ended>
  readonly credentialsPath: string
}

/** @param token as KAGAMI_TOKEN; without one only what `login` has kept */
export function commandLineUser(server: string, directory: string, token?: string): CommandLineUser {
  const credentialsPath = join(mkdtempSync(join(directory, 'home-')), 'kagami', 'credentials.json')
  return {
    credentialsPath,
    async run(args, { input = '', isInteractive = false, columns = 100, onPaint } = {}) {
      const stdout: string[] = []
      const stderr: string[] = []
      const painted: string[] = []
      const status = await runProgram(args, {
        program: 'kagami',
        credentialsPath,
        clientSettings: () => ({ server, token: token === undefined ? undefined : createSecret(token) }),
        terminal: {
          isInteractive,
          columns,
          print: (text) => void stdout.push(text),
          note: (text) => void stderr.push(text),
          paint: (line) => {
            painted.push(line)
            onPaint?.(line)
          },
          readInput: async () => input,
        },
      })
      return { status, stdout: stdout.join('\n'), stderr: stderr.join('\n'), painted }
    },
  }
}

/** The owner of the server, signed in by `kagami login`. */
export async function signInOwner({ url, directory }: WholeServer): Promise<CommandLineUser> {
  const owner = commandLineUser(url, directory)
  const ended = await owner.run(['login', '--username', OWNER.username, '--password-stdin'], { input: OWNER.password })
  if (ended.status !== 0) throw new Error(`the owner cannot sign in: ${ended.stderr}`)
  return owner
}
