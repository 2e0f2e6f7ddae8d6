/** How people name something in a layout: `FOLDER`, `FOLDER:TAG`, `FOLDER@sha256:…`; the same for archives. */
import { AppError } from '../errors.ts'
import { quoted } from '../lib/quoted.ts'
import { type Digest, findDigest } from '../oci/digest.ts'
import { findTag, type Tag } from '../oci/reference.ts'

export interface LayoutReference {
  readonly path: string
  readonly tag: Tag | undefined
  readonly digest: Digest | undefined
}

/** @throws AppError INVALID_REQUEST with what was got and what was wanted */
export function parseLayoutReference(text: string, what: 'FOLDER' | 'FILE'): LayoutReference {
  const want = `want ${what}, ${what}:TAG or ${what}@DIGEST`
  const at = text.lastIndexOf('@')
  if (at > 0 && /^sha\d+:/.test(text.slice(at + 1))) {
    const digest = findDigest(text.slice(at + 1))
    if (digest === undefined) throw refuse(text, `its digest is not valid, ${want}`)
    return { path: text.slice(0, at), tag: undefined, digest }
  }
  const colon = text.lastIndexOf(':')
  if (colon === -1 || text.slice(colon).includes('/')) {
    if (text === '') throw refuse(text, want)
    return { path: text, tag: undefined, digest: undefined }
  }
  const tag = findTag(text.slice(colon + 1))
  if (tag === undefined || colon === 0) throw refuse(text, `what follows the last colon is no tag, ${want}`)
  return { path: text.slice(0, colon), tag, digest: undefined }
}

function refuse(text: string, want: string): AppError {
  return new AppError('INVALID_REQUEST', `got ${quoted(text, 300)}: ${want}`)
}
