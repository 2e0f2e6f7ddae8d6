import pino from 'pino'
import { printableText } from './printable.ts'

/** Structured log lines on standard error: a static message, data in fields, never a secret. */
export type Logger = pino.Logger

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

const REDACTED = [
  'authorization',
  'password',
  'token',
  'secret',
  'cookie',
  '*.authorization',
  '*.password',
  '*.token',
  '*.secret',
]

export function createLogger(level: LogLevel): Logger {
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, redact: { paths: REDACTED, censor: '[redacted]' } },
    printing(pino.destination({ dest: 2, sync: true })),
  )
}

/** JSON spells out C0 alone; the others that a terminal acts on are spelled out here. */
function printing(to: pino.DestinationStream): pino.DestinationStream {
  return { write: (text) => to.write(printableText(text)) }
}
