/** One parser a kind of value: undefined means "not that". */
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import ipaddr from 'ipaddr.js'
import { findDuration, parseDuration } from '../lib/duration.ts'
import type { LogLevel } from '../lib/logger.ts'
import { createSecret, type Secret } from '../lib/secret.ts'
import { isOrganizationName, isUsername, PASSWORD_LENGTH } from '../oci/account-names.ts'
import type { Field } from './fields.ts'
import { type Found, invalid } from './text.ts'

export interface ListenAddress {
  /** A name or an address, without brackets. */
  readonly host: string
  readonly port: number
}

/** Where blobs are, without the keys to it: files of the data directory, or a bucket. */
export type BlobLocation =
  | { readonly kind: 'files' }
  | {
      readonly kind: 's3'
      readonly bucket: string
      readonly prefix: string
      /** Undefined: Amazon's, of the region. */
      readonly endpoint: string | undefined
      /** Undefined: that of the environment, as AWS's tools take it. */
      readonly region: string | undefined
      readonly style: 'path' | 'virtual'
    }

export type DatabaseLocation =
  | { readonly engine: 'sqlite'; readonly path: string }
  | { readonly engine: 'postgres'; readonly url: Secret }

/** @throws AppError CONFIG_INVALID */
export function parseFound<T>(
  found: Found,
  field: Field,
  parse: (text: string) => T | undefined,
  show: (text: string) => string,
): T {
  const parsed = parse(found.text)
  if (parsed === undefined) throw invalid(found.where, field, show(found.text))
  return parsed
}

/** A default, through the parser of what people write. */
export function fallback<T>(field: Field<string>, parse: (text: string) => T | undefined): T {
  return parseFound({ text: field.fallback, where: 'default' }, field, parse, JSON.stringify)
}

export const hidden = (text: string): string => `a text of ${text.length} characters that is not`

export const path = (text: string): string | undefined => (text.includes('\0') ? undefined : text)

const LISTEN = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/

export function listenAddress(text: string): ListenAddress | undefined {
  const match = LISTEN.exec(text)
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3])
  if (host === undefined || port > 65535) return undefined
  return match?.[1] !== undefined && !ipaddr.IPv6.isValid(host) ? undefined : { host, port }
}

function httpUrl(text: string): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isHttp = url?.protocol === 'http:' || url?.protocol === 'https:'
  return isHttp && url.username === '' && url.password === '' && url.search === '' && url.hash === '' ? url : undefined
}

export function origin(text: string): string | undefined {
  const url = httpUrl(text)
  return url?.pathname === '/' ? url.origin : undefined
}

export function serverUrl(text: string): string | undefined {
  return httpUrl(text)?.href.replace(/\/+$/, '')
}

export const username = (text: string): string | undefined => (isUsername(text) ? text : undefined)

export const organizationName = (text: string): string | undefined => (isOrganizationName(text) ? text : undefined)

export function password(text: string): Secret | undefined {
  return text.length >= PASSWORD_LENGTH.min && text.length <= PASSWORD_LENGTH.max ? createSecret(text) : undefined
}

/** The bytes of a key as base64 or base64url. */
export const sealKey = (text: string): Secret | undefined =>
  /^[A-Za-z0-9+/_-]{43}=?$/.test(text) ? createSecret(text) : undefined

export const token = (text: string): Secret | undefined =>
  /^[\x21-\x7e]+$/.test(text) ? createSecret(text) : undefined

export function database(text: string, directory: string): DatabaseLocation | undefined {
  if (/^postgres(ql)?:\/\//.test(text)) {
    return URL.canParse(text) ? { engine: 'postgres', url: createSecret(text) } : undefined
  }
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text) || text.includes('\0')) return undefined
  return { engine: 'sqlite', path: resolve(directory, text) }
}

const BUCKET = /^s3:\/\/([a-z0-9][a-z0-9._-]{1,61}[a-z0-9])(?:\/([A-Za-z0-9._/-]*))?(?:\?(.*))?$/

/** `s3://bucket/prefix?endpoint=…&region=…&style=…` */
export function blobs(text: string): BlobLocation | undefined {
  if (text === 'files') return { kind: 'files' }
  const match = BUCKET.exec(text)
  if (match === null) return undefined
  const query = new URLSearchParams(match[3] ?? '')
  for (const name of new Set(query.keys())) {
    if (!['endpoint', 'region', 'style'].includes(name) || query.getAll(name).length > 1) return undefined
  }
  const [endpoint, region] = [query.get('endpoint') ?? undefined, query.get('region') ?? undefined]
  const style = query.get('style') ?? (endpoint === undefined && !match[1]?.includes('.') ? 'virtual' : 'path')
  const prefix = (match[2] ?? '').replace(/^\/+|\/+$/g, '')
  if (endpoint !== undefined && serverUrl(endpoint) === undefined) return undefined
  if (region !== undefined && !/^[a-z0-9-]{1,40}$/.test(region)) return undefined
  if ((style !== 'path' && style !== 'virtual') || /(?:^|\/)\.{0,2}(?:\/|$)/.test(prefix === '' ? 'x' : prefix))
    return undefined
  return { kind: 's3', bucket: match[1] ?? '', prefix, endpoint: endpoint && serverUrl(endpoint), region, style }
}

export const onOff = (text: string): boolean | undefined => (text === 'on' ? true : text === 'off' ? false : undefined)

export function smtpUrl(text: string): Secret | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !['smtp:', 'smtps:'].includes(url.protocol) || url.hostname === '') return undefined
  const isPlain = ['', '/'].includes(url.pathname) && url.search === '' && url.hash === ''
  return isPlain && (url.username === '') === (url.password === '') ? createSecret(text) : undefined
}

/** `ann@example.com` or `Ann <ann@example.com>`. */
export const mailbox = (text: string): string | undefined =>
  /^(?:[^<>"\p{Cc}]{1,100} <[^\s<>@"]+@[^\s<>@"]+>|[^\s<>@"]+@[^\s<>@"]+)$/u.test(text) ? text : undefined

/** `UPSTREAM=PATH` of each, separated by commas. @param directory that relative paths start from */
export function definitions(text: string, directory: string): ReadonlyMap<string, string> | undefined {
  const pairs = text.split(',').map((one) => /^\s*([a-z0-9][a-z0-9._-]{0,63})=(.+?)\s*$/.exec(one))
  const found = new Map<string, string>()
  for (const pair of pairs) {
    if (pair === null || found.has(pair[1] ?? '')) return undefined
    found.set(pair[1] ?? '', resolve(directory, pair[2] ?? ''))
  }
  return found
}

export function networks(text: string): readonly string[] | undefined {
  const list = text
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '')
  return list.every(isNetwork) ? list : undefined
}

function isNetwork(text: string): boolean {
  if (text.includes('/')) return ipaddr.isValidCIDR(text)
  return ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text)
}

/** In milliseconds. */
export function duration(least: string, most: string): (text: string) => number | undefined {
  const [min, max] = [parseDuration(least), parseDuration(most)]
  return (text) => {
    const ms = findDuration(text)
    return ms === undefined || ms < min || ms > max ? undefined : ms
  }
}

export function upTo64(text: string): number | undefined {
  const number = /^\d{1,2}$/.test(text) ? Number(text) : 0
  return number >= 1 && number <= 64 ? number : undefined
}

/** Of more processes a single registry has no use, and each takes memory. */
const MAX_DEFAULT_WORKERS = 16

/**
 * A process for each core that this one may use (limits of containers are counted in). Other systems than Linux do not spread connections
 * over the processes of a port.
 * @param asked undefined: as many as fit
 */
export function workersHere(asked: number | undefined): number {
  if (process.platform !== 'linux') return 1
  return asked ?? Math.min(availableParallelism(), MAX_DEFAULT_WORKERS)
}

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error']

export const logLevel = (text: string): LogLevel | undefined => LEVELS.find((level) => level === text)

const RETENTION = { least: parseDuration('1d'), most: parseDuration('3650d') }

/** In milliseconds. */
export function retention(text: string): number | undefined {
  const ms = findDuration(text)
  return ms !== undefined && ms >= RETENTION.least && ms <= RETENTION.most ? ms : undefined
}

const days = (ms: number) => ms / parseDuration('1d')

/** In days. */
export function wholeDays(text: string): number | undefined {
  const ms = findDuration(text)
  return ms !== undefined && ms <= RETENTION.most && Number.isInteger(days(ms)) ? days(ms) : undefined
}

const interval = duration('1m', '30d')

/** In milliseconds; 0: never. */
export const everyOrOff = (text: string): number | undefined => (text === 'off' ? 0 : interval(text))
