/** The tokens that `kagami login` keeps: one per server, in one file that only its owner reads. */
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from '../api/schema.ts'
import { AppError } from '../errors.ts'
import { randomHex } from '../lib/ids.ts'
import { isNoEntry } from '../lib/no-entry.ts'

const credentialSchema = z.strictObject({ username: z.string(), tokenId: z.string(), token: z.string() })
const fileSchema = z.strictObject({ servers: z.record(z.string(), credentialSchema) })

export type Credential = z.infer<typeof credentialSchema>

/** @throws AppError CONFIG_INVALID when the file is there and is not ours */
export async function findCredential(path: string, server: string): Promise<Credential | undefined> {
  return (await readAll(path))[server]
}

/** Keeps the credential, or forgets what is kept when it is undefined. The file is replaced whole, mode 0600. */
export async function storeCredential(path: string, server: string, credential: Credential | undefined): Promise<void> {
  const { [server]: _, ...others } = await readAll(path)
  const servers = credential === undefined ? others : { ...others, [server]: credential }
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const temporary = `${path}.${randomHex(6)}`
  await writeFile(temporary, `${JSON.stringify({ servers }, null, 2)}\n`, { mode: 0o600 })
  await chmod(temporary, 0o600)
  await rename(temporary, path)
}

async function readAll(path: string): Promise<Record<string, Credential>> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (isNoEntry(error)) return {}
    throw error
  }
  try {
    return fileSchema.parse(JSON.parse(text)).servers
  } catch {
    // The cause is left out: it may quote a token.
    throw new AppError('CONFIG_INVALID', `${path} does not hold what kagami login writes; remove it and sign in again`)
  }
}
