/** `kagami verify-storage`: at the server that the command line is signed in to, or on the data directory where none runs. */

import { availableParallelism } from 'node:os'
import type { Command } from 'commander'
import {
  lastStorageCheckAnswerSchema,
  type StorageCheck,
  type StorageFinding,
  storageCheckAnswerSchema,
} from '../api/storage-checks.ts'
import { readSettings } from '../config/read.ts'
import { createLogger } from '../lib/logger.ts'
import { findRate } from '../lib/rate.ts'
import { systemSleep } from '../lib/retry.ts'
import { isAtHand } from './at-hand.ts'
import { addCommand, answer, type CommandLine, connect } from './command-line.ts'
import { EXIT, ExitStatus, UsageError } from './exit.ts'
import { count, size } from './format.ts'
import { interruptible } from './interrupt.ts'
import { lines } from './table.ts'

const LOOK_MS = 500
const MAX_TAGS_SHOWN = 3

interface VerifyOptions {
  readonly json?: boolean
  readonly repair?: boolean
  readonly rate?: string
  readonly online?: boolean
}

export function addVerifyStorageCommand(program: Command, line: CommandLine): void {
  addCommand(
    program,
    'verify-storage',
    'hash again all that is stored and tell what is missing or corrupt, by repository and tag; exit status 1 when something is (operators; without a server, on the data directory KAGAMI_DATA)',
  )
    .option('--repair', 'fetch anew what a mirror can')
    .option('--rate <rate>', 'read no more than this, such as 50MiB/s; default: 100MiB/s at a server, no limit without')
    .option('--online', 'at the server, even where a data directory without one is at hand')
    .action((o: VerifyOptions) => verify(line, o))
}

async function verify(line: CommandLine, o: VerifyOptions): Promise<void> {
  const rateBytes = o.rate === undefined ? undefined : bytesOf(o.rate)
  const isOnline = o.online === true || !isAtHand()
  const said = 'the check goes on where it was when it is started again'
  const check = await interruptible(line, isOnline ? 'the server goes on with the check' : said, (signal) =>
    isOnline ? verifyOnline(line, o, rateBytes, signal) : verifyOffline(line, o, rateBytes, signal),
  ).finally(() => line.terminal.paint(''))
  answer(line, o, check, () => checkText(check, line.program))
  if (check.state !== 'done' || check.missingCount + check.corruptCount > 0) throw new ExitStatus(EXIT.failed)
}

function bytesOf(text: string): number {
  const rate = findRate(text)
  if (rate?.of !== 'bytes') throw new UsageError(`--rate: got ${JSON.stringify(text)}, want bytes such as 50MiB/s`)
  return Math.max(1, Math.round((rate.amount / rate.perMs) * 1000))
}

async function verifyOnline(
  line: CommandLine,
  { repair = false }: VerifyOptions,
  rateBytes: number | undefined,
  signal: AbortSignal,
): Promise<StorageCheck> {
  const client = await connect(line)
  const path = '/operator/storage-checks'
  let { check } = await client.call('POST', path, storageCheckAnswerSchema, { body: { repair, rateBytes } })
  while (check.state === 'running') {
    show(line, check)
    await systemSleep(LOOK_MS, signal)
    const last = (await client.call('GET', path, lastStorageCheckAnswerSchema)).check
    if (last !== null) check = last
  }
  return check
}

async function verifyOffline(
  line: CommandLine,
  { repair = false }: VerifyOptions,
  rateBytes: number | undefined,
  signal: AbortSignal,
): Promise<StorageCheck> {
  // No other verb needs it.
  const { openOfflineChecks } = await import('../server/storage-checks.ts')
  const settings = readSettings()
  line.terminal.note(`No server runs on ${settings.dataDirectory}: checking it here …`)
  const logger = createLogger('silent')
  const { checks, close } = await openOfflineChecks(settings, logger, Math.max(1, availableParallelism()))
  try {
    const id = await checks.startHere({ repair, rateBytes: rateBytes ?? null, by: 'command line' })
    const ended = checks.wait(id, signal)
    while (!(await Promise.race([ended.then(() => true), systemSleep(LOOK_MS, signal)]))) {
      show(line, await checks.report(id))
    }
    return await checks.report(id)
  } finally {
    await close()
  }
}

function show({ terminal }: CommandLine, { phase, checked, bytes, missingCount, corruptCount }: StorageCheck): void {
  if (!terminal.isInteractive) return
  const bad = missingCount + corruptCount
  terminal.paint(`${phase}: ${checked} checked, ${size(bytes)}${bad === 0 ? '' : `, ${bad} damaged`}`)
}

function checkText(check: StorageCheck, program: string): string {
  const { checked, bytes, missingCount, corruptCount, repaired } = check
  const bad = missingCount + corruptCount
  const shown = [...check.missing, ...check.corrupt]
  return lines([
    ...shown.map(findingText),
    ...(bad > shown.length ? [`and ${bad - shown.length} more`] : []),
    ...(check.error === null ? [] : [`the check has failed: ${check.error}`]),
    `checked ${count(checked, 'item')}, ${size(bytes)}: ${bad === 0 ? 'all is sound' : `${missingCount} missing, ${corruptCount} corrupt`}${repaired === 0 ? '' : `, ${repaired} repaired`}`,
    ...(bad > 0 && !check.repair ? [`${program} verify-storage --repair fetches anew what a mirror can`] : []),
  ])
}

function findingText({ kind, digest, damage, why, repositories, repositoryCount }: StorageFinding): string {
  const places = repositories.map(({ name, tags, tagCount }) => {
    const some = tags.slice(0, MAX_TAGS_SHOWN).join(', ')
    const rest = tagCount > MAX_TAGS_SHOWN ? ` and ${tagCount - MAX_TAGS_SHOWN} more` : ''
    return tagCount === 0 ? name : `${name} (${some}${rest})`
  })
  const others = repositoryCount - repositories.length
  const where = [...places, ...(others > 0 ? [`${count(others, 'repository')} more`] : [])].join('; ')
  return `${damage}: ${kind} ${digest} in ${where === '' ? 'no repository' : where}${why === null ? '' : `; not repaired: ${why}`}`
}
