/** Secrets at rest: AES-256-GCM under a key that is in a file beside the data, never in the database. */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { AppError } from '../errors.ts'
import { createSecret, type Secret } from './secret.ts'

const VERSION = 'v1'
const NONCE_BYTES = 12
const TAG_BYTES = 16
export const SEAL_KEY_BYTES = 32

export interface Sealer {
  /** @param purpose bound into the sealed text: what was sealed for one purpose opens for no other */
  seal(secret: Secret, purpose: string): string
  /** @throws AppError CONFIG_INVALID when the text was changed, or sealed under another key or for another purpose */
  unseal(sealed: string, purpose: string): Secret
  /** A key for one purpose that says nothing about the others (HKDF-SHA-256, 32 bytes as base64url). */
  derive(purpose: string): Secret
}

/** @param key SEAL_KEY_BYTES random bytes */
export function createSealer(key: Uint8Array): Sealer {
  if (key.length !== SEAL_KEY_BYTES) throw new Error(`want a key of ${SEAL_KEY_BYTES} bytes, got ${key.length}`)
  return {
    seal(secret, purpose) {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(purpose))
      const text = Buffer.concat([cipher.update(secret.reveal(), 'utf8'), cipher.final()])
      return `${VERSION}.${Buffer.concat([nonce, text, cipher.getAuthTag()]).toString('base64url')}`
    },
    unseal(sealed, purpose) {
      const [version, encoded = ''] = sealed.split('.')
      const bytes = Buffer.from(encoded, 'base64url')
      if (version !== VERSION || bytes.length < NONCE_BYTES + TAG_BYTES) throw cannotOpen(purpose)
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      })
      decipher.setAAD(Buffer.from(purpose)).setAuthTag(bytes.subarray(-TAG_BYTES))
      try {
        const text = Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()])
        return createSecret(text.toString('utf8'))
      } catch {
        throw cannotOpen(purpose)
      }
    },
    derive: (purpose) =>
      createSecret(Buffer.from(hkdfSync('sha256', key, '', purpose, SEAL_KEY_BYTES)).toString('base64url')),
  }
}

function cannotOpen(purpose: string): AppError {
  return new AppError(
    'CONFIG_INVALID',
    `the sealed ${purpose} does not open: it was sealed under another key, or changed since`,
  )
}
