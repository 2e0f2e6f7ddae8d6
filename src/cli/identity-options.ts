/** What the options of `identity add` and `identity change` mean. */
import { readFile } from 'node:fs/promises'
import { isReference, readReference } from '../config/secret-reference.ts'
import { AppError, messageOf } from '../errors.ts'
import { certificatesOf } from '../lib/certificates.ts'
import { segment } from './client.ts'
import type { CommandLine } from './command-line.ts'
import { UsageError } from './exit.ts'
import { readSecret } from './input.ts'

export const OWNER_ABOUT = 'the organization; with --shared the name, and no second argument'
export const SHARED_ABOUT = 'it is of the instance (operators)'
export const GROUP_ABOUT = 'GROUP=TEAM: whoever is in the group is in the team, as of each sign-in'
export const GROUPS_CLAIM_ABOUT = 'which claim lists the groups; default: groups'

/** Groups may have a `=` in their names (`cn=ops,ou=groups`), teams have none. @throws UsageError */
export function groupsOf(texts: readonly string[] | undefined) {
  return texts?.map((text) => {
    const [, group, team] = /^(.+)=([^=]+)$/s.exec(text) ?? []
    if (group === undefined || team === undefined) throw new UsageError('--group wants GROUP=TEAM')
    return { group, team }
  })
}

/** Where it is, of `ORG NAME`, or `NAME --shared`. @throws UsageError */
export function placeOf(org: string, name: string | undefined, isShared: boolean | undefined) {
  if (isShared === true) {
    if (name !== undefined) throw new UsageError('--shared wants the name alone: it is of no organization')
    return { collection: '/identities', path: `/identities/${segment(org)}`, name: org, organization: undefined }
  }
  if (name === undefined) throw new UsageError('want ORGANIZATION NAME, or NAME --shared')
  const collection = `/organizations/${segment(org)}/identities`
  return { collection, path: `${collection}/${segment(name)}`, name, organization: org }
}

interface SecretOptions {
  readonly clientSecretStdin?: boolean
  /** False: none any more. */
  readonly clientSecret?: string | false
}

/** Undefined: nothing is said of it; null: there is to be none. @throws UsageError */
export async function clientSecretOf(line: CommandLine, o: SecretOptions): Promise<string | null | undefined> {
  if (o.clientSecretStdin && o.clientSecret !== undefined) {
    throw new UsageError('--client-secret-stdin and --client-secret exclude each other')
  }
  if (o.clientSecretStdin) return readSecret(line, 'client secret')
  if (o.clientSecret === false) return null
  return o.clientSecret === undefined ? undefined : secretOf(o.clientSecret)
}

function secretOf(reference: string): string {
  if (isReference(reference)) return readReference(reference, { directory: '.' })
  // Not quoted: it may be the secret itself.
  throw new UsageError('--client-secret wants env:NAME or file:PATH: every process sees what stands in an argument')
}

/** Only the certificates leave this machine. */
export async function certificates({ caFile }: { readonly caFile?: string }): Promise<string | undefined> {
  if (caFile === undefined) return undefined
  const text = await readFile(caFile, 'utf8').catch((error) => {
    throw new AppError('INVALID_REQUEST', `--ca-file ${caFile} cannot be read: ${messageOf(error)}`, { cause: error })
  })
  return certificatesOf(text, `--ca-file ${caFile}`)
}
