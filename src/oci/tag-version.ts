/**
 * Versions in the names of tags, as registries have them and SemVer does not: `v3.13`, `3.13-slim`, `1.27.3-alpine3.20`, `17.0.2_8-jdk`
 * (decision record 25).
 */
import type { Range } from 'semver'
import { lazily } from '../lib/lazily.ts'

const semver = lazily(() => require('semver') as typeof import('semver'))

export interface TagVersion {
  /** At least one; missing ones count as 0. */
  readonly numbers: readonly number[]
  /** `alpha`, `rc` and the like with their number; undefined for a release. */
  readonly preRelease: { readonly word: string; readonly number: number } | undefined
  /** What is left of the name, with its separator: `-slim`, `_8-jdk`. */
  readonly variant: string
}

const NUMBERS = /^[vV]?(\d{1,15}(?:\.\d{1,15})*)([\s\S]*)$/
const PRE_RELEASE =
  /^(?:[-._+]?(alpha|beta|rc|preview|pre|milestone|snapshot|nightly|canary|ea)[-._]?(\d{0,15})|[-._+]?([abcm])(\d{1,15}))(?=$|[-._+])/i
const LETTERS: Readonly<Record<string, string>> = { a: 'alpha', b: 'beta', c: 'rc', m: 'milestone' }

/** Undefined for names that are no versions: `latest`, `bookworm`, `sha-1a2b3c`. */
export function findTagVersion(tag: string): TagVersion | undefined {
  const [, digits = '', rest = ''] = NUMBERS.exec(tag) ?? []
  if (digits === '') return undefined
  const [matched = '', word, number, letter, ofLetter] = PRE_RELEASE.exec(rest) ?? []
  const name = (word ?? LETTERS[letter?.toLowerCase() ?? ''])?.toLowerCase()
  const variant = rest.slice(matched.length)
  if (name === undefined && !/^($|[-._+])/.test(variant)) return undefined
  const preRelease = name === undefined ? undefined : { word: name, number: Number(number ?? ofLetter ?? 0) }
  return { numbers: digits.split('.').map(Number), preRelease, variant }
}

/** Three numbers and the pre-release, as SemVer writes them; the variant is no part of it. */
export function formatTagVersion({ numbers: [major = 0, minor = 0, patch = 0], preRelease }: TagVersion): string {
  const suffix = preRelease === undefined ? '' : `-${preRelease.word}.${preRelease.number}`
  return `${major}.${minor}.${patch}${suffix}`
}

/** A range of node's semver: `>=3.11 <4`, `^1.2`, `1.x || >=2.5.0`; undefined when the text is none. */
export function findVersionRange(text: string): Range | undefined {
  if (text.trim() === '') return undefined
  try {
    return new (semver().Range)(text)
  } catch {
    return undefined
  }
}

/** Pre-releases are in a range only where it names one of the same three numbers (SemVer's rule). */
export function isInRange(version: TagVersion, range: Range): boolean {
  return range.test(formatTagVersion(version))
}

/**
 * The order of tags from old to new: names without a version first, then by numbers, a pre-release before its release, a variant
 * before the plain name. Digits within a name count as numbers. Never 0 for two names that differ.
 */
export function compareTagAge(a: string, b: string): number {
  return compareRead(a, findTagVersion(a), b, findTagVersion(b))
}

/** From new to old; each name is read once. */
export function newestFirst<T extends string>(tags: readonly T[]): T[] {
  return tags
    .map((tag) => ({ tag, version: findTagVersion(tag) }))
    .sort((a, b) => compareRead(b.tag, b.version, a.tag, a.version))
    .map(({ tag }) => tag)
}

function compareRead(a: string, left: TagVersion | undefined, b: string, right: TagVersion | undefined): number {
  if (left === undefined || right === undefined) {
    if (left !== undefined || right !== undefined) return left === undefined ? -1 : 1
    return compareNatural(a, b) || compareText(a, b)
  }
  return (
    compareNumbers(left.numbers, right.numbers) ||
    comparePreReleases(left.preRelease, right.preRelease) ||
    Number(left.variant === '') - Number(right.variant === '') ||
    compareNatural(left.variant, right.variant) ||
    left.numbers.length - right.numbers.length ||
    compareText(a, b)
  )
}

function compareNumbers(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const order = (a[i] ?? 0) - (b[i] ?? 0)
    if (order !== 0) return order
  }
  return 0
}

function comparePreReleases(a: TagVersion['preRelease'], b: TagVersion['preRelease']): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined)
  return compareText(a.word, b.word) || a.number - b.number
}

/** Runs of digits by their value, other runs by their characters. */
function compareNatural(a: string, b: string): number {
  const [left, right] = [a.match(/\d+|\D+/g) ?? [], b.match(/\d+|\D+/g) ?? []]
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const [x, y] = [left[i] ?? '', right[i] ?? '']
    const order = /^\d/.test(x) && /^\d/.test(y) ? compareDigits(x, y) : compareText(x, y)
    if (order !== 0) return order
  }
  return left.length - right.length
}

function compareDigits(a: string, b: string): number {
  const [x, y] = [a.replace(/^0+/, ''), b.replace(/^0+/, '')]
  return x.length - y.length || compareText(x, y)
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
