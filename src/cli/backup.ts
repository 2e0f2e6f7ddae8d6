/** `kagami backup` and `kagami restore`: all of an instance to a folder or an archive and back, on its settings, without its API. */
import type { Command } from 'commander'
import { addCommand, type CommandLine } from './command-line.ts'

export interface BackupCommandOptions {
  readonly json?: true
  readonly withKey?: true
  readonly verify?: true
  readonly keep?: string
}

export interface RestoreCommandOptions {
  readonly json?: true
  readonly set?: string
  readonly key?: string
  readonly withoutKey?: true
  readonly dryRun?: true
}

export function addBackupCommands(program: Command, line: CommandLine): void {
  addCommand(
    program,
    'backup <to>',
    'write all of this instance to a folder of backups, to s3://BUCKET/PREFIX, or to FILE.tar, beside a server that may be running (settings: KAGAMI_… variables or kagami.yaml)',
  )
    .option('--with-key', 'the key of its secrets too: whoever reads the backup reads them then')
    .option('--verify', 'read again what is there of earlier backups, and replace what is damaged')
    .option('--keep <count>', 'so many of the newest backups stay there; default: all')
    .action(async (to: string, o: BackupCommandOptions) => {
      const { backUpInstance } = await import('./backup-instance.ts')
      await backUpInstance(line, to, o)
    })
  addCommand(
    program,
    'restore <from>',
    'restore a backup, out of a folder, s3://BUCKET/PREFIX or FILE.tar, to settings that have no data yet; engine and store may be others than they were',
  )
    .option('--set <name>', 'this backup of those that are there; default: the newest')
    .option('--key <file>', 'the seal.key that was beside the data')
    .option('--without-key', 'the key is lost: restore all but the secrets that it opens')
    .option('--dry-run', 'verify all of the backup, and write nothing')
    .action(async (from: string, o: RestoreCommandOptions) => {
      const { restoreInstance } = await import('./backup-instance.ts')
      await restoreInstance(line, from, o)
    })
}
