/** What `docker login` has left on the server, for a target that signs in by it. */
import { open } from 'node:fs/promises'
import { environment } from '../../config/environment.ts'
import { AppError, isAppError, messageOf } from '../../errors.ts'
import { orAborted } from '../../lib/abort.ts'
import { findDockerLogin, parseDockerConfig } from '../docker-config.ts'
import { type AskHelper, askHelperOn } from '../docker-credential-helper.ts'
import type { Credential, UpstreamAddress } from '../upstream.ts'

const MAX_CONFIG_BYTES = 4 * 1024 * 1024

/**
 * The login that docker would use there. The file is read each time: whoever signs in on the server need not tell us.
 * @param path of `config.json` @param timeout the end of it, helpers included
 * @returns undefined: there is none, or no such file
 * @throws AppError TARGET_DENIED when file or helper fail; nothing of them that may be secret is in it
 */
export async function signInByDocker(
  address: UpstreamAddress,
  path: string,
  timeout: AbortSignal,
): Promise<Credential | undefined> {
  try {
    const text = await readConfig(path)
    if (text === undefined) return undefined
    // A helper that was ended may have left programs of its own, which hold its output open: nobody waits for those.
    const login = findDockerLogin(parseDockerConfig(text, path), address.host, { signal: timeout, ask: askOnPath })
    return await orAborted(login, timeout)
  } catch (error) {
    if (timeout.aborted) throw refuse(address, `the helper that ${path} names gave no answer in time`)
    if (!isAppError(error)) throw error
    throw refuse(address, error.message)
  }
}

const askOnPath: AskHelper = (name, server, o) => askHelperOn(environment.PATH, name, server, o)

async function readConfig(path: string): Promise<string | undefined> {
  try {
    const file = await open(path)
    try {
      const { size } = await file.stat()
      if (size > MAX_CONFIG_BYTES) throw new Error(`it has ${size} bytes, want at most ${MAX_CONFIG_BYTES}`)
      return await file.readFile('utf8')
    } finally {
      await file.close()
    }
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return undefined
    throw new AppError('CONFIG_INVALID', `${path} cannot be read: ${messageOf(error)}`)
  }
}

function refuse({ host }: UpstreamAddress, what: string): AppError {
  return new AppError(
    'TARGET_DENIED',
    `${host}: docker gives no login: ${what}. Mend it on the server (docker login, KAGAMI_DOCKER_CONFIG)`,
  )
}
