/** Bytes and counts as people read them. */
import prettyBytes from 'pretty-bytes'
import { keptByLanguage } from './kept-by-language.ts'

const numberFormat = keptByLanguage((language) => new Intl.NumberFormat(language))

export function bytes(count: number, language: string): string {
  return prettyBytes(count, { locale: language, maximumFractionDigits: 1 })
}

export function number(count: number, language: string): string {
  return numberFormat(language).format(count)
}

/** Words of the server, whose digests would fill a line each. */
export function withShortDigests(text: string): string {
  return text.replace(/\bsha256:([0-9a-f]{12})[0-9a-f]{52}\b/g, '$1')
}

/** The algorithm goes without saying, and 12 characters tell one from another. */
export function shortDigest(digest: string): string {
  const [algorithm = '', hex = digest] = digest.split(':')
  return algorithm === 'sha256' ? hex.slice(0, 12) : `${algorithm}:${hex.slice(0, 12)}`
}
