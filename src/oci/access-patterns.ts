/**
 * Repositories as rights name them: a name, or a pattern in which `*` stands for any characters, `/` too. Without the organization's name
 * before it (`dhi-*`) it is meant below the organization that says it. Matching takes at most the product of both lengths, here and by
 * LIKE in both databases; the two agree (`test/access/patterns.test.ts`).
 */
import { findRepositoryName } from './reference.ts'

export const MAX_PATTERN_LENGTH = 255

/** Why it is neither a name nor a pattern; undefined when it is one. */
export function findAccessPatternFault(organization: string, text: string): string | undefined {
  const got = `got ${JSON.stringify(text.slice(0, 80))}`
  const full = fullPattern(organization, text)
  if (full.length > MAX_PATTERN_LENGTH) return `got ${full.length} characters, want at most ${MAX_PATTERN_LENGTH}`
  // Whatever a star stands for, a letter does: where that makes no name, nothing would ever match.
  if (findRepositoryName(full.replaceAll('*', 'x')) !== undefined) return undefined
  return `${got}, want a repository name, or a pattern such as dhi-*: lower-case letters, digits, single separators . _ __ - / between them, and *`
}

/** With the organization before it: `dhi-*` → `acme/dhi-*`; what begins with `acme/` has it. Equal ones have one spelling. */
export function fullPattern(organization: string, text: string): string {
  const full = text.startsWith(`${organization}/`) ? text : `${organization}/${text}`
  return full.replace(/\*{2,}/g, '*')
}

export function isPattern(text: string): boolean {
  return text.includes('*')
}

/** Whether it is all repositories of the organization. */
export function isWholeOrganization(organization: string, text: string): boolean {
  return fullPattern(organization, text) === `${organization}/*`
}

/** For LIKE with the escape character `\`. @param full of `fullPattern` */
export function likeOf(full: string): string {
  return full.replace(/[\\%_]/g, '\\$&').replaceAll('*', '%')
}

/** @param full of `fullPattern` @param name of a repository, with its organization */
export function matchesPattern(full: string, name: string): boolean {
  const [head = '', ...parts] = full.split('*')
  const tail = parts.pop()
  if (tail === undefined) return name === full
  if (!name.startsWith(head) || !name.endsWith(tail) || name.length < head.length + tail.length) return false
  let at = head.length
  for (const part of parts) {
    const found = name.indexOf(part, at)
    if (found === -1) return false
    at = found + part.length
  }
  return at <= name.length - tail.length
}
