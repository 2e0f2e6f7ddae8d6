/** Names of people and organizations, as far as repository names and credentials bound them. */
import { findRepositoryName } from './reference.ts'

export const MAX_ACCOUNT_NAME_LENGTH = 64

/** Characters of a password; the upper bound keeps hashing cheap. */
export const PASSWORD_LENGTH = { min: 8, max: 128 } as const

/** An organization's name is the first component of its repositories' names. */
export function isOrganizationName(text: string): boolean {
  return text.length <= MAX_ACCOUNT_NAME_LENGTH && !text.includes('/') && findRepositoryName(text) !== undefined
}

/** A user's name travels in `Authorization: Basic`, where it ends at the first `:`. */
export function isUsername(text: string): boolean {
  return text.length <= MAX_ACCOUNT_NAME_LENGTH && /^[a-z0-9]+(?:[._-]+[a-z0-9]+)*$/.test(text)
}
