/** OCI image-spec config.md as people read it: what a container starts with, and where its layers come from. Pure. */
import { clipped } from '../lib/quoted.ts'

export interface PlatformConfig {
  readonly created: string | undefined
  readonly author: string | undefined
  readonly os: string | undefined
  readonly architecture: string | undefined
  readonly user: string | undefined
  readonly entrypoint: readonly string[]
  readonly cmd: readonly string[]
  readonly workingDir: string | undefined
  readonly stopSignal: string | undefined
  readonly env: readonly string[]
  readonly ports: readonly string[]
  readonly volumes: readonly string[]
  readonly labels: Readonly<Record<string, string>>
  /** Of each layer the command that made it; shorter than the layers where the config does not say. */
  readonly commands: readonly string[]
}

const MAX_ITEMS = 200
const MAX_TEXT = 2000

/** @param value the config as parsed; whatever it is */
export function platformConfigOf(value: unknown): PlatformConfig | undefined {
  if (!isObject(value)) return undefined
  const config = isObject(value.config) ? value.config : {}
  const history = Array.isArray(value.history) ? value.history.slice(0, 1000).filter(isObject) : []
  return {
    created: text(value.created),
    author: text(value.author),
    os: text(value.os),
    architecture: text(value.architecture),
    user: text(config.User),
    entrypoint: texts(config.Entrypoint),
    cmd: texts(config.Cmd),
    workingDir: text(config.WorkingDir),
    stopSignal: text(config.StopSignal),
    env: texts(config.Env),
    ports: keys(config.ExposedPorts),
    volumes: keys(config.Volumes),
    labels: labelsOf(config.Labels),
    commands: history.filter((one) => one.empty_layer !== true).map((one) => text(one.created_by) ?? ''),
  }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? clipped(value, MAX_TEXT) : undefined
}

function texts(value: unknown): string[] {
  const all = Array.isArray(value) ? value : typeof value === 'string' ? [value] : []
  return all
    .filter((one) => typeof one === 'string')
    .slice(0, MAX_ITEMS)
    .map((one) => clipped(one, MAX_TEXT))
}

function keys(value: unknown): string[] {
  return isObject(value) ? texts(Object.keys(value)) : []
}

function labelsOf(value: unknown): Record<string, string> {
  if (!isObject(value)) return {}
  const all = Object.entries(value).flatMap(([name, one]) =>
    typeof one === 'string' ? [[clipped(name, 300), clipped(one, MAX_TEXT)] as const] : [],
  )
  return Object.fromEntries(all.slice(0, MAX_ITEMS))
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
