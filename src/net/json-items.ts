import { Tokenizer, TokenParser, TokenType } from '@streamparser/json'
import { AppError, isAppError, messageOf } from '../errors.ts'
import { clipped, quoted } from '../lib/quoted.ts'
import { createTurns } from '../lib/turns.ts'
import { MAX_JSON_DEPTH } from '../oci/strict-json.ts'
import { brokenOff } from './connection-failure.ts'

/** An item of an answer (a tag, a descriptor with its annotations), a key or a text is far smaller; no larger one is gathered. */
const MAX_ITEM_BYTES = 1024 * 1024
/** So that a chunk of whatever size is parsed in small steps. */
const STEP_BYTES = 64 * 1024
/** Of a body that is no JSON, in its error. */
const MAX_START_LENGTH = 80

export type JsonKind = 'object' | 'array' | 'string' | 'number' | 'boolean' | 'null'

/** One member of the object that the body is. `value` of texts, numbers and the like; of objects and arrays only the kind is kept. */
export interface JsonField {
  readonly kind: JsonKind
  readonly value: unknown
}

export interface JsonItems {
  /** The members of the body that the caller wants to know of. */
  readonly fields: readonly string[]
  /** Selectors of what is handed out, e.g. `$.tags.*`; the rest is checked and forgotten. */
  readonly paths: readonly string[]
  /** @param keys where it stands, e.g. `['tags', 17]`: an object's members and an array's look alike, `fields` tells them apart */
  onItem(value: unknown, keys: readonly (string | number)[]): void
  /** Hears of the body's bytes before they are parsed; throws to end it. */
  onBytes(bytes: number): void
  /** Names the body in errors. */
  readonly what: string
}

/**
 * Reads a JSON object of any size in the memory of its largest item. Malformed UTF-8 becomes U+FFFD, a byte order mark is skipped.
 * @returns the wanted members of the object, by name
 * @throws AppError UPSTREAM_INVALID when the body is no JSON object, names a wanted member twice or nests deeper than MAX_JSON_DEPTH;
 *   UPSTREAM_UNAVAILABLE when it breaks off. The rest of the body is not read then
 */
export async function readJsonItems(
  { body }: { readonly body: ReadableStream<Uint8Array> },
  o: JsonItems,
): Promise<ReadonlyMap<string, JsonField>> {
  const parser = createParser(o)
  const turns = createTurns()
  const reader = body.getReader()
  try {
    for (;;) {
      const { value, done } = await reader.read().catch((error) => {
        throw brokenOff(error, o.what)
      })
      if (done) return parser.end()
      o.onBytes(value.byteLength)
      for (let i = 0; i < value.byteLength; i += STEP_BYTES) {
        parser.write(value.subarray(i, i + STEP_BYTES))
        const turn = turns()
        if (turn !== undefined) await turn
      }
    }
  } catch (error) {
    await reader.cancel(error).catch(() => {})
    if (isAppError(error)) throw error
    const why = `${o.what} is ${quoted(parser.start(), MAX_START_LENGTH)}, want JSON: ${messageOf(error)}`
    throw new AppError('UPSTREAM_INVALID', why, { cause: error })
  }
}

function createParser(o: JsonItems) {
  const invalid = (why: string) => new AppError('UPSTREAM_INVALID', `${o.what} ${why}`)
  const tokenizer = new Tokenizer()
  const parser = new TokenParser({ paths: [...o.paths], keepStack: false })
  const decoder = new TextDecoder()
  const fields = new Map<string, JsonField>()
  const wanted = new Set(o.fields)
  const selectors = o.paths.map((path) => path.split('.').slice(1))
  let depth = 0
  /** The token before, and whether the next one begins the value of a member of the body. */
  let before: unknown
  let isMember = false
  /** The members that led here, by depth; undefined for the entries of an array. */
  const keys: (string | undefined)[] = []
  /** The depth at which the item that is being read began; 0 outside of items. */
  let itemDepth = 0
  let silentBytes = 0
  let itemBytes = 0
  let start = ''

  parser.onValue = ({ value, key, stack }) => {
    const above = stack.slice(1).map((one) => one.key)
    o.onItem(
      value,
      [...above, key].filter((one) => one !== undefined),
    )
  }
  tokenizer.onToken = (found) => {
    silentBytes = 0
    const { token, value } = found
    if (isMember) {
      const name = String(before)
      if (wanted.has(name) && fields.has(name)) throw invalid(`names ${quoted(name, 80)} twice, want each member once`)
      if (wanted.has(name)) fields.set(name, { kind: kindOf(token), value: isOpening(token) ? undefined : value })
    }
    if (isOpening(token)) {
      if (depth === 0 && token !== TokenType.LEFT_BRACE) throw invalid('is an array, want an object')
      if (itemDepth === 0 && selectors.some((selector) => isMatch(selector, keys, depth))) itemDepth = depth
      depth++
      keys[depth] = undefined
      if (depth > MAX_JSON_DEPTH) throw invalid(`nests deeper than ${MAX_JSON_DEPTH} levels`)
    } else if (token === TokenType.RIGHT_BRACE || token === TokenType.RIGHT_BRACKET) {
      depth--
      if (depth === itemDepth) {
        itemDepth = 0
        itemBytes = 0
      }
    } else if (depth === 0) throw invalid(`is ${clipped(JSON.stringify(value) ?? '', 80)}, want an object`)
    isMember = depth === 1 && token === TokenType.COLON
    if (token === TokenType.COLON) keys[depth] = String(before)
    else before = value
    parser.write(found)
  }

  return {
    /** What the body begins with, for messages. */
    start: () => start,
    write(bytes: Uint8Array): void {
      silentBytes += bytes.byteLength
      itemBytes = itemDepth === 0 ? 0 : itemBytes + bytes.byteLength
      const text = decoder.decode(bytes, { stream: true })
      // One more than is shown, so that the message tells that it was cut.
      if (start.length <= MAX_START_LENGTH) start = (start + text).slice(0, MAX_START_LENGTH + 1)
      tokenizer.write(text)
      if (Math.max(silentBytes, itemBytes) > MAX_ITEM_BYTES) {
        throw invalid(`has an entry or a text of more than ${MAX_ITEM_BYTES} bytes, want at most that`)
      }
    },
    end(): ReadonlyMap<string, JsonField> {
      if (!parser.isEnded) throw invalid('ends before it is complete, want a JSON object')
      return fields
    },
  }
}

function isMatch(selector: readonly string[], keys: readonly (string | undefined)[], depth: number): boolean {
  return selector.length === depth && selector.every((part, i) => part === '*' || part === keys[i + 1])
}

function isOpening(token: TokenType): boolean {
  return token === TokenType.LEFT_BRACE || token === TokenType.LEFT_BRACKET
}

function kindOf(token: TokenType): JsonKind {
  switch (token) {
    case TokenType.LEFT_BRACE:
      return 'object'
    case TokenType.LEFT_BRACKET:
      return 'array'
    case TokenType.STRING:
      return 'string'
    case TokenType.NUMBER:
      return 'number'
    case TokenType.NULL:
      return 'null'
    default:
      return 'boolean'
  }
}

/** @throws AppError UPSTREAM_INVALID unless the field is an array, or null as Go writes an empty one */
export function requireList(field: JsonField | undefined, name: string, what: string): void {
  if (field?.kind === 'array' || field?.kind === 'null') return
  throw new AppError('UPSTREAM_INVALID', `${what} holds no array "${name}"`)
}
