import { AppError } from '../errors.ts'
import { type Digest, findDigest, parseDigest } from './digest.ts'

declare const brand: unique symbol

/** A repository name of distribution-spec "Pulling manifests": lower case, `/`-separated, at most 255 characters with the host. */
export type RepositoryName = string & { readonly [brand]: 'RepositoryName' }

/** A tag of distribution-spec: 1 to 128 characters of `[a-zA-Z0-9_.-]`, the first a letter, digit or `_`. */
export type Tag = string & { readonly [brand]: 'Tag' }

/** What follows `manifests/`: a tag or a digest. */
export type Reference =
  | { readonly tag: Tag; readonly digest?: undefined }
  | { readonly digest: Digest; readonly tag?: undefined }

const COMPONENT = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*'
const NAME = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`)
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/

/** Many clients cap `host:port/name` at 255 characters; the name alone is capped at the same figure. */
export const MAX_NAME_LENGTH = 255

export function findRepositoryName(text: string): RepositoryName | undefined {
  return text.length <= MAX_NAME_LENGTH && NAME.test(text) ? (text as RepositoryName) : undefined
}

/** @throws AppError NAME_INVALID */
export function parseRepositoryName(text: string): RepositoryName {
  const name = findRepositoryName(text)
  if (name !== undefined) return name
  throw new AppError(
    'NAME_INVALID',
    `repository name ${JSON.stringify(text.slice(0, 300))} is not valid: want at most ${MAX_NAME_LENGTH} characters of lower-case letters, digits and single separators . _ __ - between them, in components joined by /`,
  )
}

export function findTag(text: string): Tag | undefined {
  return TAG.test(text) ? (text as Tag) : undefined
}

/** @throws AppError TAG_INVALID */
export function parseTag(text: string): Tag {
  const tag = findTag(text)
  if (tag !== undefined) return tag
  throw new AppError(
    'TAG_INVALID',
    `tag ${JSON.stringify(text.slice(0, 200))} is not valid: want 1 to 128 characters of letters, digits, _ . and -, not starting with . or -`,
  )
}

/** A tag or a digest; anything with a `:` must be a digest. @throws AppError DIGEST_INVALID or TAG_INVALID */
export function parseReference(text: string): Reference {
  return text.includes(':') ? { digest: parseDigest(text) } : { tag: parseTag(text) }
}

export function formatReference(reference: Reference): string {
  return reference.digest ?? reference.tag
}

/** Organization (first component) and the rest of a name; undefined when the name has one component only. */
export function splitRepositoryName(name: RepositoryName): { organization: string; rest: string } | undefined {
  const slash = name.indexOf('/')
  return slash === -1 ? undefined : { organization: name.slice(0, slash), rest: name.slice(slash + 1) }
}

/**
 * The tag under which registries without the referrers API keep the referrers of a digest
 * (distribution-spec "Referrers Tag Schema"): algorithm cut at 32, encoded part cut at 64 characters.
 */
export function referrersTag(digest: Digest): Tag {
  const colon = digest.indexOf(':')
  return `${digest.slice(0, colon).slice(0, 32)}-${digest.slice(colon + 1).slice(0, 64)}` as Tag
}

const DIGEST_TAG = /^(sha256|sha512)-([a-f0-9]{64,128})(\.[a-zA-Z0-9._-]+)?$/

/**
 * Recognises the tags that hang content on a digest: `<alg>-<hex>` (referrers fallback, no suffix) and cosign's
 * `<alg>-<hex>.sig|.att|.sbom`. `subject` is undefined for a sha512 fallback tag, whose hex is cut.
 */
export function parseDigestTag(tag: string): { subject: Digest | undefined; suffix: string | undefined } | undefined {
  const match = DIGEST_TAG.exec(tag)
  if (match === null) return undefined
  return { subject: findDigest(`${match[1]}:${match[2]}`), suffix: match[3] }
}
