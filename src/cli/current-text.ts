/** What a run does at the moment, in few words. */
import type { CurrentItem } from '../api/progress.ts'
import { shortDigest, size } from './format.ts'

/** `copying 24.1 MB of 3.12-slim`. */
export function currentText({ doing, tag, digest, sizeBytes }: CurrentItem): string {
  const what = tag ?? (digest === null ? undefined : shortDigest(digest))
  const of = what === undefined ? '' : ` of ${what}`
  const named = what === undefined ? '' : ` ${what}`
  const large = sizeBytes === null ? '' : ` (${size(sizeBytes)})`
  switch (doing) {
    case 'listing-tags':
      return 'listing the tags'
    case 'looking-up-tag':
      return `looking up${named}`
    case 'reading-image':
      return `reading${named}`
    case 'listing-attestations':
      return `listing attestations${of}`
    case 'planning':
      return 'planning'
    case 'copying-blob':
      return `copying ${sizeBytes === null ? 'a blob' : size(sizeBytes)}${of}`
    case 'copying-manifest':
      return `copying a manifest${of}`
    case 'copying-attestation':
      return `copying an attestation${of}${large}`
    case 'publishing':
      return `publishing${named}`
    case 'removing':
      return 'removing what upstream has lost'
    case 'recording':
      return 'recording the outcome'
  }
}
