/** `kagami doctor`: at the server, or on the data directory where none runs. */
import type { Command } from 'commander'
import { type DoctorReport, doctorAnswerSchema } from '../api/doctor.ts'
import { readSettings } from '../config/read.ts'
import { isAtHand } from './at-hand.ts'
import { addCommand, answer, type CommandLine, connect } from './command-line.ts'
import { EXIT, ExitStatus } from './exit.ts'
import { blocks, lines, table } from './table.ts'

interface DoctorOptions {
  readonly json?: boolean
  readonly online?: boolean
}

export function addDoctorCommand(program: Command, line: CommandLine): void {
  addCommand(
    program,
    'doctor',
    'look at storage, database, clock, upstreams, targets and logins, and say how to mend what is wrong; exit status 1 when something fails (operators; without a server, on the data directory KAGAMI_DATA)',
  )
    .option('--online', 'at the server, even where a data directory without one is at hand')
    .action((o: DoctorOptions) => examine(line, o))
}

async function examine(line: CommandLine, o: DoctorOptions): Promise<void> {
  const report = o.online === true || !isAtHand() ? await atServer(line) : await here(line)
  answer(line, o, report, () => reportText(report))
  if (report.findings.some(({ level }) => level === 'fail')) throw new ExitStatus(EXIT.failed)
}

async function atServer(line: CommandLine): Promise<DoctorReport> {
  return (await connect(line)).call('GET', '/operator/doctor', doctorAnswerSchema)
}

async function here(line: CommandLine): Promise<DoctorReport> {
  // No other verb needs it.
  const { examineOffline } = await import('../server/doctor.ts')
  const settings = readSettings()
  line.terminal.note(`No server runs on ${settings.dataDirectory}: looking here …`)
  return examineOffline(settings)
}

function reportText({ findings }: DoctorReport): string {
  const bad = findings.filter(({ level }) => level !== 'ok')
  const mends = bad.filter(({ mend }) => mend !== '')
  return blocks([
    table(
      ['level', 'where', 'what'],
      findings.map(({ level, where, what }) => [level, where, what]),
      'Nothing was looked at.',
    ),
    lines(bad.length === 0 ? ['All is well.'] : mends.map(({ where, mend }) => `${where}: ${mend}`)),
  ])
}
