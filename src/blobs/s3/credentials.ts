/** Whose keys requests are signed by: those of the settings, or what AWS's SDK finds where the server runs, for as long as that lasts. */
import { messageOf } from '../../errors.ts'
import { unavailable } from './failure.ts'
import type { S3Keys } from './location.ts'

export interface S3Login {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string | undefined
}

/** Keys of roles are asked for anew so long before they end. */
const EARLY_MS = 5 * 60_000

/** @returns asks for the keys; @throws AppError STORAGE_UNAVAILABLE */
export function createCredentials(keys: S3Keys | undefined): () => Promise<S3Login> {
  if (keys !== undefined) {
    const login = {
      accessKeyId: keys.accessKeyId,
      secretAccessKey: keys.secretAccessKey.reveal(),
      sessionToken: keys.sessionToken?.reveal(),
    }
    return async () => login
  }
  let known: { readonly login: S3Login; readonly until: number } | undefined
  let asking: Promise<S3Login> | undefined
  async function ask(): Promise<S3Login> {
    const { fromNodeProviderChain } = await import('@aws-sdk/credential-providers')
    try {
      const { expiration, ...login } = await fromNodeProviderChain()()
      known = { login, until: expiration === undefined ? Number.POSITIVE_INFINITY : expiration.getTime() - EARLY_MS }
      return login
    } catch (error) {
      const want = 'want AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a role of this machine'
      throw unavailable(`there are no credentials for S3 (${messageOf(error)}), ${want}`, {
        cause: error,
      })
    }
  }
  return async () => {
    if (known !== undefined && Date.now() < known.until) return known.login
    asking ??= ask().finally(() => {
      asking = undefined
    })
    return asking
  }
}
