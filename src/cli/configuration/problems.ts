/** What is wrong with a file of `kagami apply`, with its place: every problem at once, and no secret in any of them. */
import { type Document, isAlias, isMap, isScalar, isSeq, type LineCounter } from 'yaml'
import { configurationSchema } from '../../api/configuration.ts'
import { z } from '../../api/schema.ts'
import { suggestion } from '../../config/text.ts'
import { quoted } from '../../lib/quoted.ts'

const SHOWN_LENGTH = 80

export interface Place {
  readonly file: string
  /** From 1. */
  readonly line: number
  readonly column: number
}

export interface FileProblem extends Place {
  /** `mirrors.dhi-python.schedule`; empty for the whole document. */
  readonly path: string
  readonly message: string
}

/** `acme.yaml:12:5: mirrors.dhi-python: got …, want …` */
export function problemText({ file, line, column, path, message }: FileProblem): string {
  return `${file}:${line}:${column}: ${path === '' ? '' : `${path}: `}${message}`
}

export type Path = readonly (string | number)[]

/** One document of a file, for finding what stands where. */
export interface Located {
  readonly file: string
  readonly document: Document
  readonly lines: LineCounter
}

/** Where a value stands; of a mapping, a list, or what is missing: the key that it belongs to. */
export function placeOf({ file, document, lines }: Located, path: Path): Place {
  let node: unknown = document.contents
  let offset = document.contents?.range?.[0] ?? document.range?.[0] ?? 0
  for (const segment of path) {
    if (isAlias(node)) node = node.resolve(document)
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => String(isScalar(key) ? key.value : key) === String(segment))
      if (pair === undefined) break
      if (isScalar(pair.key)) offset = pair.key.range?.[0] ?? offset
      node = pair.value
    } else if (isSeq(node)) {
      node = node.items[Number(segment)]
      offset = rangeOf(node) ?? offset
    } else break
  }
  if (isScalar(node) && node.value !== null) offset = node.range?.[0] ?? offset
  const { line, col } = lines.linePos(offset)
  return { file, line: Math.max(1, line), column: Math.max(1, col) }
}

function rangeOf(node: unknown): number | undefined {
  return (node as { range?: readonly number[] } | undefined)?.range?.[0]
}

/** Where a key stands. */
function keyPlace(at: Located, path: Path): Place {
  const parent = at.document.getIn(path.slice(0, -1), true)
  const found = isMap(parent)
    ? parent.items.find(({ key }) => String(isScalar(key) ? key.value : key) === path.at(-1))
    : undefined
  const offset = isScalar(found?.key) ? found.key.range?.[0] : undefined
  if (offset === undefined) return placeOf(at, path)
  const { line, col } = at.lines.linePos(offset)
  return { file: at.file, line, column: col }
}

type Issue = z.core.$ZodIssue

/** @param value what the document holds */
export function problemsOf(at: Located, issues: readonly Issue[], value: unknown): FileProblem[] {
  return issues.flatMap((issue) => problemsOfIssue(at, issue, [], value))
}

function problemsOfIssue(at: Located, issue: Issue, above: Path, value: unknown): FileProblem[] {
  const path: Path = [...above, ...issue.path.map((one) => (typeof one === 'symbol' ? String(one) : one))]
  const told = (message: string, place = placeOf(at, path)) => [{ ...place, path: path.join('.'), message }]
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        ...keyPlace(at, [...path, key]),
        path: [...path, key].join('.'),
        message: `unknown key${suggestion(key, keysAt(path))}${known(keysAt(path))}`,
      }))
    case 'invalid_key': {
      const want = issue.issues.map(({ message }) => message).join('; ')
      return told(`got the name ${quoted(String(path.at(-1)), SHOWN_LENGTH)}, ${want}`, keyPlace(at, path))
    }
    case 'invalid_union': {
      const branch = nearestBranch(issue.errors)
      if (branch === undefined) return told(`got ${shown(path, value)}, ${issue.message}`)
      return branch.flatMap((one) => problemsOfIssue(at, one, path, value))
    }
    case 'invalid_type': {
      const got = valueAt(path, value)
      const want = `want ${WORDS[issue.expected] ?? issue.expected}`
      return told(got === undefined ? `missing, ${want}` : `got ${shown(path, value)}, ${want}`)
    }
    default: {
      const got = valueAt(path, value)
      const isOne = got !== undefined && (typeof got !== 'object' || got === null)
      return told(isOne ? `got ${shown(path, value)}, ${issue.message}` : issue.message)
    }
  }
}

const WORDS: Readonly<Record<string, string>> = {
  string: 'a text',
  object: 'a mapping',
  record: 'a mapping of names',
  array: 'a list',
  boolean: 'true or false',
  number: 'a number',
  int: 'a whole number',
}

function known(keys: readonly string[]): string {
  return keys.length === 0 ? '' : `, want one of ${keys.join(', ')}`
}

/** The alternative that what was written is nearest to. */
function nearestBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  const weight = (issues: readonly Issue[]) => issues.filter(({ code }) => code !== 'custom').length
  return [...branches].sort((a, b) => weight(a) - weight(b) || a.length - b.length)[0]
}

function valueAt(path: Path, value: unknown): unknown {
  return path.reduce<unknown>(
    (found, key) => (found as Record<string | number, unknown> | null | undefined)?.[key],
    value,
  )
}

/** A password that somebody wrote into the file, or into an address, is not written anywhere else. */
function shown(path: Path, value: unknown): string {
  const got = valueAt(path, value)
  if (path.includes('password') || path.includes('url')) return 'something else'
  if (got === null) return 'nothing'
  if (Array.isArray(got)) return 'a list'
  if (typeof got === 'object') return 'a mapping'
  return typeof got === 'string' ? quoted(got, SHOWN_LENGTH) : String(got)
}

/** The keys that a mapping at this path may have. */
function keysAt(path: Path): string[] {
  const schemas = path.reduce<readonly unknown[]>(
    (all, key) => all.flatMap((one) => below(one, key)),
    [configurationSchema],
  )
  return [
    ...new Set(schemas.flatMap(open).flatMap((one) => (one instanceof z.ZodObject ? Object.keys(one.shape) : []))),
  ]
}

function below(schema: unknown, key: string | number): unknown[] {
  return open(schema).flatMap((one) => {
    if (one instanceof z.ZodObject) return one.shape[key] === undefined ? [] : [one.shape[key]]
    if (one instanceof z.ZodRecord) return [one.valueType]
    return one instanceof z.ZodArray ? [one.element] : []
  })
}

/** Without what makes a schema optional, and each alternative of several. */
function open(schema: unknown): unknown[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault) {
    return open(schema.unwrap())
  }
  return schema instanceof z.ZodUnion ? schema.options.flatMap(open) : [schema]
}
