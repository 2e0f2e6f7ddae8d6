/** What verbs about registries share, be they read from or written to. */
import { readFile } from 'node:fs/promises'
import { AppError, isAppError, messageOf } from '../errors.ts'
import { certificatesOf } from '../lib/certificates.ts'
import { UsageError } from './exit.ts'

export interface Owner {
  readonly org?: string
  readonly shared?: boolean
}

export const URL_ABOUT = 'https://HOST[:PORT][/PATH]; the path is a prefix of its repositories'

const DOCUMENTED = 'default'

/** Back to what holds while nobody sets anything. */
export function isDefault(rates: readonly string[] | undefined): boolean {
  return rates?.length === 1 && rates[0] === DOCUMENTED
}

export function checkOwner(o: Owner): void {
  if (o.org !== undefined && o.shared === true) throw new UsageError('--org and --shared exclude each other')
}

/** Only the certificates leave this machine. */
export async function readCertificates(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((error) => {
    throw new AppError('INVALID_REQUEST', `--ca-file ${path} cannot be read: ${messageOf(error)}`, { cause: error })
  })
  return certificatesOf(text, `--ca-file ${path}`)
}

/** What the registry said no to is perhaps right later. */
export function withCheckHint(error: unknown, { check }: { readonly check: boolean }, hint: string): never {
  const isOfRegistry =
    isAppError(error) && (/^(UPSTREAM|TARGET)_/.test(error.code) || error.code === 'ADDRESS_NOT_ALLOWED')
  if (!check || !isOfRegistry) throw error
  throw new AppError(error.code, `${error.message}. ${hint}`, { detail: error.detail, cause: error })
}
