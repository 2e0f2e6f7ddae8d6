import type { BackupReport } from '../backup/make-backup.ts'
import { readSettings } from '../config/read.ts'
import { backUp } from '../server/backup.ts'
import { isTar } from '../server/backup-places.ts'
import { locationOf } from '../server/instance.ts'
import { type Restored, restore, verify } from '../server/restore.ts'
import type { BackupCommandOptions, RestoreCommandOptions } from './backup.ts'
import { answer, type CommandLine } from './command-line.ts'
import { UsageError } from './exit.ts'
import { count, size } from './format.ts'
import { interruptible } from './interrupt.ts'
import { lines } from './table.ts'

export async function backUpInstance(line: CommandLine, to: string, o: BackupCommandOptions): Promise<void> {
  const keep = o.keep === undefined ? undefined : wholeNumber(o.keep)
  if (isTar(to) && (keep !== undefined || o.verify === true)) {
    throw new UsageError(
      '--keep and --verify are of folders and buckets: an archive has one backup, and is written anew',
    )
  }
  const said = 'the backups that were there are as they were; the next one goes on with the files that are there'
  const report = await interruptible(line, said, async (signal) => {
    const location = locationOf(readSettings())
    try {
      return await backUp(location, {
        ...{ to, keep, signal },
        ...{ isWithKey: o.withKey === true, isVerifying: o.verify === true },
        ...progress(line, 'wrote'),
      })
    } finally {
      paint(line, '')
    }
  })
  answer(line, o, report, () => backupText(to, report, o))
}

export async function restoreInstance(line: CommandLine, from: string, o: RestoreCommandOptions): Promise<void> {
  if (o.dryRun === true) return await verifyOnly(line, from, o)
  const said = 'no instance is there yet; run it again, and it goes on with what is missing'
  const report = await interruptible(line, said, async (signal) => {
    const location = locationOf(readSettings())
    try {
      return await restore(location, {
        ...{ from, set: o.set, keyFile: o.key, isWithoutKey: o.withoutKey === true, signal },
        ...progress(line, 'restored'),
      })
    } finally {
      paint(line, '')
    }
  })
  answer(line, o, report, () => restoreText(from, report))
}

async function verifyOnly(line: CommandLine, from: string, o: RestoreCommandOptions): Promise<void> {
  const { name, set } = await interruptible(line, 'nothing was written', async (signal) => {
    try {
      return await verify({ from, set: o.set, signal, ...progress(line, 'verified') })
    } finally {
      paint(line, '')
    }
  })
  const { blobs, tables, madeAt, sealKey } = set
  const document = { set: name, madeAt, ...{ tables: tables.length, blobs: blobs.count }, withKey: sealKey.included }
  answer(
    line,
    o,
    document,
    () => `${from} is whole: made ${madeAt}, ${count(tables.length, 'table')}, ${count(blobs.count, 'blob')}`,
  )
}

function progress(line: CommandLine, verb: string) {
  return {
    onRows: (table: string, rows: number) => paint(line, `${verb} ${count(rows, 'row')} of ${table}`),
    onBytes: (done: number, total: number) => paint(line, `${verb} ${size(done)} of ${size(total)}`),
  }
}

function paint({ terminal }: CommandLine, text: string): void {
  if (terminal.isInteractive) terminal.paint(text)
}

function wholeNumber(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text)
  throw new UsageError(`--keep: got ${JSON.stringify(text.slice(0, 100))}, want a number from 1 on`)
}

function backupText(to: string, report: BackupReport, o: BackupCommandOptions): string {
  return lines([
    `backed up ${figures(report)} to ${to}; ${count(report.newBlobs, 'blob')} and ${size(report.newBytes)} were new`,
    `backup ${report.set}`,
    o.withKey === true
      ? 'note: the key of its secrets is in it: keep it as you keep passwords'
      : 'note: the key of its secrets (seal.key beside the data) is not in it: keep a copy elsewhere, or add --with-key',
  ])
}

function restoreText(from: string, report: Restored): string {
  return lines([
    `restored ${figures(report)} of ${from}, as they were at ${report.madeAt}`,
    ...(report.withoutKey
      ? [
          'note: without the key, passwords of upstreams and targets, secrets of identity providers and of webhooks are gone: set them anew; webhooks are disabled; second factors are ended by kagami user reset-password --end-two-factor',
        ]
      : []),
    'note: stop the server that this was made of before you start this one: both would mirror, replicate and deliver',
  ])
}

function figures({ rows, tables, blobs, bytes }: BackupReport | Restored): string {
  return `${count(rows, 'row')} of ${count(tables, 'table')} and ${count(blobs, 'blob')}, ${size(bytes)},`
}
