import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'
import { link, mkdir, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { p256 } from '@noble/curves/nist.js'
import { AppError } from '../errors.ts'
import { isNoEntry } from '../lib/no-entry.ts'

/** The key that signs the sample's content. The secret stays inside: nothing that prints or serializes this shows it. */
export interface SampleKey {
  /** PEM (SubjectPublicKeyInfo), as `cosign verify --key` takes it. */
  readonly publicKeyPem: string
  /**
   * ECDSA P-256 over SHA-256 of the payload, ASN.1 DER as cosign writes it. Deterministic (RFC 6979): one key and one
   * payload give one signature, so the digests of signed content stay the same from run to run.
   */
  readonly sign: (payload: Uint8Array) => Uint8Array
}

/** Where the key lies in the sample's data directory. */
export const SAMPLE_KEY_FILE = 'signing-key.pem'

/**
 * The signing key kept in `directory` (PKCS #8 PEM, mode 0600); made at the first call. Two callers at once get one key.
 * @throws AppError CONFIG_INVALID when the file is there and holds no ECDSA P-256 private key
 */
export async function loadOrCreateSampleKey(directory: string): Promise<SampleKey> {
  const path = join(directory, SAMPLE_KEY_FILE)
  const existing = await findText(path)
  if (existing !== undefined) return parseSampleKey(existing, path)

  await mkdir(directory, { recursive: true, mode: 0o700 })
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  await writeOnce(path, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString())
  return parseSampleKey(await readFile(path, 'utf8'), path)
}

/** @param where the file's path, for the message. @throws AppError CONFIG_INVALID */
export function parseSampleKey(pem: string, where: string): SampleKey {
  let key: KeyObject
  try {
    key = createPrivateKey(pem)
  } catch {
    // The cause is left out: it may quote the secret.
    throw new AppError(
      'CONFIG_INVALID',
      `signing key ${where} is not a PEM private key; remove it to have a new one made`,
    )
  }
  const jwk = key.asymmetricKeyType === 'ec' ? key.export({ format: 'jwk' }) : undefined
  if (jwk?.crv !== 'P-256' || jwk.d === undefined) {
    const got = jwk?.crv ?? key.asymmetricKeyType ?? 'an unknown type'
    throw new AppError('CONFIG_INVALID', `signing key ${where} is of ${got}, want an ECDSA key on P-256`)
  }
  const secret = Buffer.from(jwk.d, 'base64url')
  return {
    publicKeyPem: createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString(),
    sign: (payload) => p256.sign(payload, secret, { prehash: true, lowS: false, format: 'der' }),
  }
}

async function findText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (isNoEntry(error)) return undefined
    throw error
  }
}

/** Whole or not at all, and never over an existing file: `link` fails when another process was first. */
async function writeOnce(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`
  try {
    const file = await open(temporary, 'wx', 0o600)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await link(temporary, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    await rm(temporary, { force: true })
  }
}
