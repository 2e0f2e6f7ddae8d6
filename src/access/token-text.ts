/**
 * The look of our tokens: prefix, random base62, CRC-32 of the two as 6 base62 characters. So a typo, and a leaked token in
 * somebody's repository, are recognised without asking the database.
 */
import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { randomBase62 } from '../lib/ids.ts'

export type TokenPrefix = 'kgm_pat_' | 'kgm_oat_' | 'kgm_ref_' | 'kgm_hook_' | 'kgm_ses_' | 'kgm_inv_' | 'kgm_lnk_'

/** About 214 bits. */
const RANDOM_LENGTH = 36
const CHECKSUM_LENGTH = 6
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const BODY = /^[0-9A-Za-z]{42}$/

export function makeTokenText(prefix: TokenPrefix): string {
  const text = prefix + randomBase62(RANDOM_LENGTH)
  return text + checksum(text)
}

/** Whether `text` is one of ours by prefix, length and checksum; it may still be revoked or never have been given out. */
export function isTokenText(prefix: TokenPrefix, text: string): boolean {
  if (!text.startsWith(prefix) || !BODY.test(text.slice(prefix.length))) return false
  return text.slice(-CHECKSUM_LENGTH) === checksum(text.slice(0, -CHECKSUM_LENGTH))
}

/** What is stored. The text has over 200 random bits, so a plain SHA-256 cannot be guessed back. */
export function hashToken(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function checksum(text: string): string {
  let rest = crc32(text)
  let encoded = ''
  for (let place = 0; place < CHECKSUM_LENGTH; place++) {
    encoded = ALPHABET.charAt(rest % 62) + encoded
    rest = Math.floor(rest / 62)
  }
  return encoded
}
