/** Signing in without a password: somebody lets this command line in by a code (RFC 8628). */

import type { Command } from 'commander'
import { deviceAnswerSchema, deviceCodeSchema, deviceTokenSchema } from '../api/devices.ts'
import { AppError, isAppError } from '../errors.ts'
import { systemSleep } from '../lib/retry.ts'
import { createApiClient } from './client.ts'
import { addCommand, answer, type CommandLine, connect } from './command-line.ts'
import { confirmEffects } from './confirm.ts'
import { age } from './format.ts'
import type { Obtained } from './login.ts'
import { lines } from './table.ts'

const CLIENT_ID = 'kagami'

export async function loginByDevice(line: CommandLine, label: string): Promise<Obtained> {
  const { server } = line.clientSettings()
  const client = createApiClient(server, undefined)
  const sleep = line.sleep ?? systemSleep
  const codes = await client.call('POST', '/device/code', deviceCodeSchema, {
    form: { client_id: CLIENT_ID, name: label },
  })
  const endsAt = Date.now() + codes.expires_in * 1000
  line.terminal.note(
    lines([
      `Open ${codes.verification_uri_complete} and let this command line in, or where you are signed in:`,
      `  ${line.program} device approve ${codes.user_code}`,
      `The code is good for ${Math.round(codes.expires_in / 60)} minutes.`,
    ]),
  )
  const form = {
    grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
    device_code: codes.device_code,
    client_id: CLIENT_ID,
  }
  let seconds = codes.interval
  while (Date.now() < endsAt) {
    await sleep(seconds * 1000)
    try {
      const {
        id,
        access_token: token,
        username,
        expiresAt,
      } = await client.call('POST', '/device/token', deviceTokenSchema, { form })
      return { id, token, username, expiresAt }
    } catch (error) {
      const refusal = refusalOf(error)
      if (refusal === 'slow_down') seconds += 5
      // A server that restarts, or is behind a proxy that does, has not forgotten the code.
      else if (refusal !== 'authorization_pending' && !isAppError(error, 'UNAVAILABLE')) throw wordsOf(refusal, error)
    }
  }
  throw new AppError('UNAUTHORIZED', 'nobody has let this command line in, and its code is over: begin again')
}

/** The `error` of RFC 8628; undefined: another failure. */
function refusalOf(error: unknown): string | undefined {
  const detail = isAppError(error) ? (error.detail as { oauth?: unknown } | undefined) : undefined
  return typeof detail?.oauth === 'string' ? detail.oauth : undefined
}

function wordsOf(refusal: string | undefined, error: unknown): unknown {
  if (refusal === 'access_denied') return new AppError('DENIED', 'this command line was turned away')
  if (refusal === 'expired_token') return new AppError('UNAUTHORIZED', 'the code is over, or was used: begin again')
  return error
}

interface DecideOptions {
  readonly json?: boolean
  readonly yes?: boolean
}

export function addDeviceCommands(program: Command, line: CommandLine): void {
  const device = program.command('device').description('command lines that wait to be let in (kagami login)')
  addCommand(device, 'approve', 'let one in: it gets a token that may do what you may')
    .argument('<code>', 'the code that it shows')
    .option('--yes', 'do not ask')
    .action((code: string, o: DecideOptions) => decide(line, code, 'approve', o))
  addCommand(device, 'deny', 'turn one away')
    .argument('<code>', 'the code that it shows')
    .action((code: string, o: DecideOptions) => decide(line, code, 'deny', { ...o, yes: true }))
}

async function decide(line: CommandLine, code: string, verb: 'approve' | 'deny', o: DecideOptions): Promise<void> {
  const client = await connect(line)
  const { device } = await client.call('GET', '/device', deviceAnswerSchema, { query: { userCode: code } })
  const about = `${device.name} asked from ${device.address} ${age(device.createdAt, 'just now')}.`
  await confirmEffects(line, code, [about, 'It will get a token that may do what you may.'], o.yes)
  const document = await client.call('POST', `/device/${verb}`, deviceAnswerSchema, { body: { userCode: code } })
  answer(line, o, document, () => lines([about, verb === 'approve' ? 'It is let in.' : 'It is turned away.']))
}
