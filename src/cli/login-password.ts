/** Sign-in by password, and by a code where two-factor authentication is on. */
import { signedInSchema } from '../api/sessions.ts'
import { tokenCreatedSchema } from '../api/tokens.ts'
import { isAppError } from '../errors.ts'
import { createApiClient, segment } from './client.ts'
import type { CommandLine } from './command-line.ts'
import { readCode, readPassword } from './input.ts'

interface PasswordLogin {
  readonly username: string
  readonly passwordStdin?: boolean
  readonly code?: string
}

/** By the password; where that is not enough, in a session that lives until the token is made. */
export async function loginByPassword(line: CommandLine, o: PasswordLogin, label: string) {
  const { server } = line.clientSettings()
  const password = await readPassword(line, o.passwordStdin)
  const made = { label, scope: 'admin', expires: '90d' }
  const basic = Buffer.from(`${o.username}:${password}`).toString('base64')
  try {
    return await createApiClient(server, `Basic ${basic}`).call('POST', '/tokens', tokenCreatedSchema, { body: made })
  } catch (error) {
    if (!isCodeWanted(error)) throw error
  }
  const code = await readCode(line, o.code, o.passwordStdin !== true)
  const body = { username: o.username, password, code }
  const session = await createApiClient(server, undefined).call('POST', '/user/sessions', signedInSchema, { body })
  const signedIn = createApiClient(server, `Bearer ${session.token}`)
  const created = await signedIn.call('POST', '/tokens', tokenCreatedSchema, { body: made })
  await signedIn.send('DELETE', `/user/sessions/${segment(session.id)}`)
  return created
}

function isCodeWanted(error: unknown): boolean {
  return isAppError(error, 'UNAUTHORIZED') && Object(error.detail).error === 'two_factor_required'
}
