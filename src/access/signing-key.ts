/** The key that signs bearer tokens: made once, sealed in the database, so that all servers of one database share it. */
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose'
import type { Database } from '../db/engine/engine.ts'
import { claimInstanceSetting, findInstanceSetting } from '../db/platform/instance-settings.ts'
import type { Sealer } from '../lib/seal.ts'
import { createSecret } from '../lib/secret.ts'

/** One algorithm: a token that names another is refused, whatever its key. */
export const ALGORITHM = 'ES256'

const SETTING = 'token.signing_key'

export interface VerifyingKey {
  readonly keyId: string
  readonly publicKey: CryptoKey
}

export interface SigningKey extends VerifyingKey {
  readonly privateKey: CryptoKey
}

/** @throws Error when the sealed key was sealed under another key than this server's */
export async function openSigningKey(db: Database, sealer: Sealer): Promise<SigningKey> {
  const present = await findInstanceSetting(db.read, SETTING)
  if (present !== undefined) return importKey(sealer, present)
  const { privateKey } = await generateKeyPair(ALGORITHM, { extractable: true })
  const sealed = sealer.seal(createSecret(JSON.stringify(await exportJWK(privateKey))), SETTING)
  return importKey(sealer, await db.write((tx) => claimInstanceSetting(tx, SETTING, sealed)))
}

async function importKey(sealer: Sealer, sealed: string): Promise<SigningKey> {
  const jwk: JWK = JSON.parse(sealer.unseal(sealed, SETTING).reveal())
  const { d: _private, ...publicJwk } = jwk
  return {
    keyId: await calculateJwkThumbprint(publicJwk),
    publicKey: await importPart(publicJwk),
    privateKey: await importPart(jwk),
  }
}

/** The public half of `jwk` under its own `kid`, or under its thumbprint. */
export async function importVerifyingKey(jwk: JWK): Promise<VerifyingKey> {
  return { keyId: jwk.kid ?? (await calculateJwkThumbprint(jwk)), publicKey: await importPart(jwk) }
}

async function importPart(jwk: JWK): Promise<CryptoKey> {
  const key = await importJWK(jwk, ALGORITHM)
  if (key instanceof Uint8Array) throw new Error(`want a key of ${ALGORITHM}, got a symmetric one`)
  return key
}
