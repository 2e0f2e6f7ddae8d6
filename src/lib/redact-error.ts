import { AppError, isCancelled } from '../errors.ts'
import type { Redactor } from './redact.ts'

const MAX_DEPTH = 8

/** The same error without secrets: in its message, its detail, its stack and all of its causes; itself when it holds none. */
export function redactError(error: unknown, redactor: Redactor): unknown {
  return redactThrown(error, redactor, 0)
}

function redactThrown(error: unknown, redactor: Redactor, depth: number): unknown {
  if (!(error instanceof Error)) return redactValue(error, redactor, depth)
  // A cause beyond that is told by nobody, and could be a circle.
  const cause = depth >= MAX_DEPTH ? undefined : redactThrown(error.cause, redactor, depth + 1)
  const message = redactor.redact(error.message)
  const stack = redactor.redact(error.stack ?? '')
  const detail = error instanceof AppError ? redactValue(error.detail, redactor, depth) : undefined
  const isSame = message === error.message && stack === (error.stack ?? '') && cause === error.cause
  if (isSame && (!(error instanceof AppError) || detail === error.detail)) return error
  // What ended because its caller went away must stay to be told from a failure.
  if (isCancelled(error) && !(error instanceof AppError)) return new AppError('CANCELLED', message)
  const clean = error instanceof AppError ? new AppError(error.code, message, { detail, cause }) : new Error(message)
  if (!(error instanceof AppError)) {
    Object.defineProperty(clean, 'name', { value: error.name, configurable: true, writable: true })
    if (cause !== undefined) clean.cause = cause
  }
  clean.stack = stack
  return clean
}

/** Strings anywhere in a value of JSON's kinds; the same value when nothing in it changes. */
function redactValue(value: unknown, redactor: Redactor, depth: number): unknown {
  if (typeof value === 'string') return redactor.redact(value)
  if (typeof value !== 'object' || value === null) return value
  if (depth >= MAX_DEPTH) return undefined
  if (Array.isArray(value)) {
    const items = value.map((item) => redactValue(item, redactor, depth + 1))
    return items.every((item, i) => item === value[i]) ? value : items
  }
  const entries = Object.entries(value).map(([key, item]) => [key, redactValue(item, redactor, depth + 1)] as const)
  const isSame = entries.every(([key, item]) => item === (value as Record<string, unknown>)[key])
  return isSame ? value : Object.fromEntries(entries)
}
