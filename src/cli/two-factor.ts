import type { Command } from 'commander'
import { recoveryCodesSchema, twoFactorAnswerSchema, twoFactorBegunSchema } from '../api/two-factor.ts'
import { addCommand, answer, type CommandLine, connect } from './command-line.ts'
import { age } from './format.ts'
import { readCode, readPassword } from './input.ts'
import { lines, properties } from './table.ts'

interface ProofOptions {
  readonly json?: boolean
  readonly passwordStdin?: boolean
  readonly code?: string
}

const PATH = '/user/two-factor'

export function addTwoFactorCommands(program: Command, line: CommandLine): void {
  const twoFactor = program.command('two-factor').description('codes of an authenticator, beside your password')
  addCommand(twoFactor, 'show', 'whether it is on for you').action((o: { json?: boolean }) => show(line, o))
  addCommand(twoFactor, 'enable', 'begin: prints a secret for your authenticator, this once; confirm turns it on')
    .option('--password-stdin', 'read your password from standard input')
    .action((o: ProofOptions) => enable(line, o))
  addCommand(twoFactor, 'confirm', 'turn it on, and print recovery codes, this once')
    .option('--code <code>', 'code of your authenticator; else it is asked for')
    .action((o: ProofOptions) => confirm(line, o))
  addProof(addCommand(twoFactor, 'recovery-codes', 'make new recovery codes; those of before serve no more')).action(
    (o: ProofOptions) => renew(line, o),
  )
  addProof(addCommand(twoFactor, 'disable', 'turn it off')).action((o: ProofOptions) => disable(line, o))
}

function addProof(command: Command): Command {
  return command
    .option('--password-stdin', 'read your password from standard input')
    .option('--code <code>', 'code of your authenticator, or a recovery code; else it is asked for')
}

async function show(line: CommandLine, o: { json?: boolean }): Promise<void> {
  const document = await (await connect(line)).call('GET', PATH, twoFactorAnswerSchema)
  const { enabledAt, recoveryCodesLeft } = document.twoFactor
  answer(line, o, document, () =>
    properties([
      ['Two-factor', enabledAt === null ? 'off' : `on, since ${age(enabledAt, '')}`],
      ['Recovery codes left', enabledAt === null ? undefined : String(recoveryCodesLeft)],
    ]),
  )
}

async function enable(line: CommandLine, o: ProofOptions): Promise<void> {
  const client = await connect(line)
  const body = { password: await readPassword(line, o.passwordStdin) }
  const document = await client.call('POST', PATH, twoFactorBegunSchema, { body })
  answer(line, o, document, () =>
    properties([
      ['Secret', document.secret],
      ['URL', document.url],
    ]),
  )
  line.terminal.note('Add it to your authenticator, then: kagami two-factor confirm')
}

async function confirm(line: CommandLine, o: ProofOptions): Promise<void> {
  const client = await connect(line)
  const body = { code: await readCode(line, o.code) }
  const document = await client.call('POST', `${PATH}/confirm`, recoveryCodesSchema, { body })
  line.terminal.note('Two-factor authentication is on. Recovery codes, shown this once; each serves once:')
  answer(line, o, document, () => lines(document.recoveryCodes))
}

async function renew(line: CommandLine, o: ProofOptions): Promise<void> {
  const client = await connect(line)
  const body = await readProof(line, o)
  const document = await client.call('POST', `${PATH}/recovery-codes`, recoveryCodesSchema, { body })
  line.terminal.note('New recovery codes, shown this once; those of before serve no more:')
  answer(line, o, document, () => lines(document.recoveryCodes))
}

async function disable(line: CommandLine, o: ProofOptions): Promise<void> {
  const client = await connect(line)
  await client.send('POST', `${PATH}/disable`, { body: await readProof(line, o) })
  answer(line, o, { enabled: false }, () => 'Two-factor authentication is off.')
}

async function readProof(line: CommandLine, o: ProofOptions): Promise<{ password: string; code: string }> {
  const password = await readPassword(line, o.passwordStdin)
  return { password, code: await readCode(line, o.code, o.passwordStdin !== true) }
}
