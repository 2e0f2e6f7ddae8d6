import { randomBase62 } from '../lib/ids.ts'
import { createSecret, type Secret } from '../lib/secret.ts'

/** About 119 bits. */
const CHARACTERS = 20

/** A new password for somebody who gave none; whoever makes it shows it once. */
export function makePassword(): Secret {
  return createSecret(randomBase62(CHARACTERS))
}
