/** `kagami import FILE`: a bundle of `kagami export` into a repository of this server. */
import type { Command } from 'commander'
import { addCommand, type CommandLine } from './command-line.ts'

export interface ImportOptions {
  readonly json?: boolean
  readonly as?: string
  readonly force?: boolean
  readonly dryRun?: boolean
}

export function addImportCommand(program: Command, line: CommandLine): void {
  addCommand(program, 'import', 'bring a bundle of export into a repository, with its tags and their history')
    .argument('<file>', 'the bundle; all of it is verified before anything is published')
    .option('--as <repository>', 'ORGANIZATION/NAME; default: the name that it had. Made, private, when absent')
    .option('--force', 'also tags that somebody moved here since the last import')
    .option('--dry-run', 'verify the bundle and say what would change, and change nothing')
    .action(async (file: string, o: ImportOptions) => {
      const { importFile } = await import('./import-bundle.ts')
      await importFile(line, file, o)
    })
}
