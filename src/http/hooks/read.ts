/** The body of a webhook, read within bounds and understood. */
import { AppError, messageOf } from '../../errors.ts'
import { parseForeignJson } from '../../lib/json.ts'
import { readSmallBody } from '../small-body.ts'
import { type Delivery, type Ignored, isObject, type Json, type Push, shown } from './push.ts'
import { eventTypeOf, SHAPES } from './shapes.ts'

/** zot sends the manifest along, distribution several events at once; real deliveries have some kilobytes. */
export const MAX_DELIVERY_BYTES = 1024 * 1024
/** Pushes in one delivery. */
const MAX_PUSHES = 1000
/** Keys of an unknown payload that are told. */
const SHOWN_KEYS = 20
const SHOWN_IGNORED = 20

/** @throws HTTPException 413; AppError INVALID_REQUEST with what was understood */
export async function readDelivery(request: Request): Promise<Delivery> {
  const text = await readSmallBody(request, MAX_DELIVERY_BYTES)
  return understand(parse(text, request.headers.get('content-type') ?? ''), request.headers)
}

function parse(text: string, contentType: string): unknown {
  // GitHub sends a form unless it is told otherwise.
  const isForm = /^application\/x-www-form-urlencoded\s*(;|$)/i.test(contentType)
  const json = isForm ? new URLSearchParams(text).get('payload') : text
  if (json === null) throw new AppError('INVALID_REQUEST', 'the body is a form without a field payload')
  if (json.trim() === '') throw new AppError('INVALID_REQUEST', 'the body is empty, want the JSON of a webhook')
  try {
    return parseForeignJson(json)
  } catch (error) {
    throw new AppError('INVALID_REQUEST', `the body ${messageOf(error)}, want the JSON of a webhook`, { cause: error })
  }
}

/** Exported for tests. @throws AppError INVALID_REQUEST */
export function understand(payload: unknown, headers: Headers): Delivery {
  // CloudEvents may come as a batch.
  const documents = Array.isArray(payload) && payload.length > 0 ? payload : [payload]
  const formats = new Set<string>()
  const found = documents.flatMap((document) => {
    if (!isObject(document)) throw unknownShape(document, headers)
    for (const shape of SHAPES) {
      const read = shape.read(document, headers)
      if (read === undefined) continue
      formats.add(shape.format)
      return read
    }
    throw unknownShape(document, headers)
  })
  if (found.length > MAX_PUSHES) {
    throw new AppError('INVALID_REQUEST', `the body names ${found.length} pushes, want at most ${MAX_PUSHES}`)
  }
  const format = [...formats].join(', ')
  const pushes = found.flatMap((one) => ('ignored' in one ? [] : [one]))
  const [incomplete] = found.flatMap((one) => ('isIncomplete' in one ? [one.ignored] : []))
  if (pushes.length === 0 && incomplete !== undefined) {
    throw new AppError(
      'INVALID_REQUEST',
      `the body is a webhook of ${format} for a push, but not a whole one: ${incomplete}`,
    )
  }
  return {
    format,
    pushes,
    ignored: found.length === 0 ? ['it names nothing'] : ignoredOf(found),
  }
}

function ignoredOf(found: readonly (Push | Ignored)[]): string[] {
  const all = [...new Set(found.flatMap((one) => ('ignored' in one ? [one.ignored] : [])))]
  const left = all.length - SHOWN_IGNORED
  return left > 0 ? [...all.slice(0, SHOWN_IGNORED), `and ${left} more`] : all
}

function unknownShape(document: unknown, headers: Headers): AppError {
  const want = `want a webhook of ${SHAPES.map(({ format }) => format).join(', ')}`
  if (!isObject(document)) {
    return new AppError('INVALID_REQUEST', `the body is ${Array.isArray(document) ? 'a list' : 'no object'}: ${want}`)
  }
  const type = eventTypeOf(document, headers)
  const has = type === undefined ? keysOf(document) : `it is a CloudEvent of type ${shown(type)}`
  return new AppError('INVALID_REQUEST', `the body is of no registry that is known: ${has}; ${want}`)
}

function keysOf(document: Json): string {
  const keys = Object.keys(document)
  if (keys.length === 0) return 'it is an empty object'
  const more = keys.length > SHOWN_KEYS ? ` and ${keys.length - SHOWN_KEYS} more` : ''
  return `it has ${keys.slice(0, SHOWN_KEYS).map(shown).join(', ')}${more}`
}
