/** What webhooks of registries say, in one form. Names of others: they select a repository and a tag, and nothing here is ever dialled. */
import { clipped } from '../../lib/quoted.ts'
import { type Digest, findDigest } from '../../oci/digest.ts'
import { findRepositoryName, findTag, type RepositoryName, type Tag } from '../../oci/reference.ts'

/** One push, as far as it can be used. */
export interface Push {
  /** As the registry calls it, without its host. */
  readonly repository: RepositoryName
  /** Undefined: pushed by digest alone. */
  readonly tag: Tag | undefined
  readonly digest: Digest | undefined
}

export interface Delivery {
  /** Whose payload it is, for people. */
  readonly format: string
  readonly pushes: readonly Push[]
  /** What was understood, and means nothing to a mirror. */
  readonly ignored: readonly string[]
}

/** One kind of payload. */
export interface Shape {
  readonly format: string
  /** @returns undefined when it is another's payload */
  read(payload: Json, headers: Headers): readonly (Push | Ignored)[] | undefined
}

export type Json = Readonly<Record<string, unknown>>
export interface Ignored {
  readonly ignored: string
  /** A push that lacks what makes it one: where nothing else is told, the payload is of nobody who is known. */
  readonly isIncomplete?: true
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** An object below the keys; an empty one where there is none. */
export function objectAt(value: Json, ...path: readonly string[]): Json {
  let at: unknown = value
  for (const key of path) at = isObject(at) && Object.hasOwn(at, key) ? at[key] : undefined
  return isObject(at) ? at : {}
}

export function textAt(value: Json, key: string): string | undefined {
  const text = Object.hasOwn(value, key) ? value[key] : undefined
  return typeof text === 'string' && text !== '' ? text : undefined
}

export function listAt(value: Json, key: string): readonly unknown[] {
  const list = Object.hasOwn(value, key) ? value[key] : undefined
  return Array.isArray(list) ? list : []
}

export function ignore(why: string): Ignored {
  return { ignored: why }
}

export function lacking(what: string): Ignored {
  return { ignored: what, isIncomplete: true }
}

/** A push as a payload names it: a tag, a digest in its place, or both. What cannot be a name is said, and left alone. */
export function pushOf(
  repository: string | undefined,
  reference: string | undefined,
  digestText?: string,
): Push | Ignored {
  if (repository === undefined) return lacking('it names no repository')
  const name = findRepositoryName(repository)
  if (name === undefined) return ignore(`${shown(repository)} is no name of a repository`)
  const digest = findDigest(digestText ?? '') ?? findDigest(reference ?? '')
  if (reference === undefined || findDigest(reference) !== undefined) {
    return digest === undefined
      ? lacking(`${name}: neither a tag nor a digest`)
      : { repository: name, tag: undefined, digest }
  }
  const tag = findTag(reference)
  if (tag === undefined) return ignore(`${name}: ${shown(reference)} is no tag`)
  return { repository: name, tag, digest }
}

export function shown(text: string | undefined): string {
  return text === undefined ? 'nothing' : JSON.stringify(clipped(text, 100))
}
