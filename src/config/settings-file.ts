import { AppError } from '../errors.ts'
import { lazily } from '../lib/lazily.ts'
import { type Field, SERVER_FIELDS } from './fields.ts'
import { type Found, suggestion } from './text.ts'

const yaml = lazily(() => require('yaml') as typeof import('yaml'))

const LIST_KEYS: readonly (string | undefined)[] = [SERVER_FIELDS.allowNetworks.key, SERVER_FIELDS.trustedProxies.key]
const KEYS = Object.values(SERVER_FIELDS).map((field: Field) => field.key ?? '')

/**
 * Reads a settings file: one flat mapping of known keys to texts, numbers or (for lists of networks) a list of texts.
 * @param file its name, for the messages
 * @throws AppError CONFIG_INVALID naming file, line and key
 */
export function parseSettingsFile(yamlText: string, file: string): ReadonlyMap<string, Found> {
  const { isMap, isScalar, LineCounter, parseDocument } = yaml()
  const lines = new LineCounter()
  const document = parseDocument(yamlText, { lineCounter: lines, uniqueKeys: true, prettyErrors: false })
  const at = (offset: number | undefined) => `${file}:${lines.linePos(offset ?? 0).line}`
  const problem = document.errors[0] ?? document.warnings[0]
  if (problem !== undefined) throw refuse(at(problem.pos[0]), problem.message)
  const found = new Map<string, Found>()
  const root = document.contents
  if (root === null || (isScalar(root) && root.value === null)) return found
  if (!isMap(root)) throw refuse(at(root.range?.[0]), 'want a mapping of settings')
  for (const { key, value } of root.items) {
    const where = at(isScalar(key) ? key.range?.[0] : root.range?.[0])
    const name = isScalar(key) ? String(key.value) : 'a nested key'
    if (!KEYS.includes(name)) throw refuse(where, `unknown setting ${name}${suggestion(name, KEYS)}`)
    const plain = (value as { toJSON?: () => unknown } | null)?.toJSON?.() ?? null
    found.set(name, { text: textOf(plain, name, where), where: `${where}: ${name}` })
  }
  return found
}

function textOf(value: unknown, name: string, where: string): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return String(value)
  if (Array.isArray(value) && LIST_KEYS.includes(name) && value.every((one) => typeof one === 'string')) {
    return value.join(',')
  }
  const got = value === null ? 'nothing' : Array.isArray(value) ? 'a list' : `a ${typeof value}`
  throw refuse(where, `${name}: want a text, got ${got}`)
}

function refuse(where: string, message: string): AppError {
  return new AppError('CONFIG_INVALID', `${where}: ${message}`)
}
