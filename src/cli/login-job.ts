/** A CI job signs in by the JWT that its system has given it. */
import { readFile } from 'node:fs/promises'
import { tokenExchangedSchema } from '../api/identities.ts'
import { AppError, messageOf } from '../errors.ts'
import { createApiClient, segment } from './client.ts'
import type { CommandLine } from './command-line.ts'
import type { Obtained } from './login.ts'

/** @param path of a file that holds the JWT alone; `-`: standard input */
export async function loginByJob(line: CommandLine, organization: string, path: string): Promise<Obtained> {
  const jwt = (path === '-' ? await line.terminal.readInput() : await readToken(path)).trim()
  if (jwt === '') throw new AppError('INVALID_REQUEST', `--oidc-token-file ${path} is empty, want a JWT`)
  const client = createApiClient(line.clientSettings().server, undefined)
  const form = {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    subject_token: jwt,
  }
  const target = `/organizations/${segment(organization)}/token-exchange`
  const {
    id,
    access_token: token,
    username,
    expiresAt,
  } = await client.call('POST', target, tokenExchangedSchema, { form })
  return { id, token, username, expiresAt }
}

async function readToken(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new AppError('INVALID_REQUEST', `--oidc-token-file ${path} cannot be read: ${messageOf(error)}`, {
      cause: error,
    })
  }
}
