// `kagami copy` as people run it, inside the test's process.
import { runProgram } from '../../src/cli/program.ts'
import type { CopyReport } from '../../src/copy/report.ts'

export interface EndedCopy {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** @param o.logins files as docker and podman have them; none when left out */
export async function runCopyCommand(
  args: readonly string[],
  { logins = [], input = '' }: { readonly logins?: readonly string[]; readonly input?: string } = {},
): Promise<EndedCopy> {
  const stdout: string[] = []
  const stderr: string[] = []
  const status = await runProgram(['copy', ...args], {
    program: 'kagami',
    credentialsPath: '/nowhere/credentials.json',
    dockerConfigPaths: logins,
    clientSettings: () => {
      throw new Error('a copy asks no server of ours')
    },
    terminal: {
      isInteractive: false,
      columns: 100,
      print: (text) => void stdout.push(text),
      note: (text) => void stderr.push(text),
      paint: () => {},
      readInput: async () => input,
    },
  })
  return { status, stdout: stdout.join('\n'), stderr: stderr.join('\n') }
}

/** The same with `--json`. @throws Error when it ends otherwise than it should */
export async function copyForReport(
  args: readonly string[],
  o: { readonly status?: number; readonly logins?: readonly string[]; readonly input?: string } = {},
): Promise<CopyReport> {
  const ended = await runCopyCommand([...args, '--json'], o)
  if (ended.status !== (o.status ?? 0)) {
    throw new Error(`kagami copy ${args.join(' ')} ended with ${ended.status}: ${ended.stderr}\n${ended.stdout}`)
  }
  return JSON.parse(ended.stdout)
}
