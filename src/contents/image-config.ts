/** OCI image-spec config.md: what of it people set, and want to know of when it changes. Pure. */
import type { Entries, ImageConfig } from './image-contents.ts'

/** The execution parameters that are neither environment nor labels. */
const SETTINGS = [
  'User',
  'Entrypoint',
  'Cmd',
  'WorkingDir',
  'ExposedPorts',
  'Volumes',
  'StopSignal',
  'Healthcheck',
  'Shell',
  'ArgsEscaped',
  'OnBuild',
]

/** @param value the config as parsed; whatever it is */
export function configOf(value: unknown): ImageConfig | undefined {
  if (!isObject(value)) return undefined
  const config = isObject(value.config) ? value.config : {}
  return {
    environment: environmentOf(config.Env),
    labels: textsOf(config.Labels),
    configuration: Object.fromEntries(
      SETTINGS.flatMap((name) => (isSet(config[name]) ? [[name, settingText(config[name])]] : [])),
    ),
  }
}

function environmentOf(value: unknown): Entries {
  if (!Array.isArray(value)) return {}
  return Object.fromEntries(
    value
      .filter((item) => typeof item === 'string')
      .map((item: string) => {
        const at = item.indexOf('=')
        return at === -1 ? [item, ''] : [item.slice(0, at), item.slice(at + 1)]
      }),
  )
}

function textsOf(value: unknown): Entries {
  if (!isObject(value)) return {}
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )
}

/** Go writes what is not set as nothing, null, an empty text or an empty list. */
function isSet(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === false) return false
  return !(typeof value === 'object' && Object.keys(value).length === 0)
}

/** Texts as they are; sets and lists as JSON, the keys of a set in order. */
function settingText(value: unknown): string {
  if (typeof value === 'string') return value
  const plain = isObject(value) ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) : value
  return JSON.stringify(plain)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
