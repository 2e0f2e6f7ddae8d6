/** The settings of a server and of the command line, parsed purely; `read.ts` alone reads the environment and the file. */

import { join, resolve } from 'node:path'
import { AppError } from '../errors.ts'
import type { LogLevel } from '../lib/logger.ts'
import type { Secret } from '../lib/secret.ts'
import { CLIENT_FIELDS, CONFIG_FIELD, FIELDS, type Field, SERVER_FIELDS } from './fields.ts'
import { homeDirectory } from './home.ts'
import { type BlobBucket, bucketOf } from './s3.ts'
import { parseSettingsFile } from './settings-file.ts'
import { type ShownSetting, showSettings } from './shown-settings.ts'
import { type Found, invalid, suggestion } from './text.ts'
import type { DatabaseLocation, ListenAddress } from './values.ts'
import * as value from './values.ts'

export type { DatabaseLocation, ListenAddress } from './values.ts'

export type Environment = Readonly<Record<string, string | undefined>>

export interface Settings {
  /** Absolute path. */
  readonly dataDirectory: string
  readonly listen: ListenAddress
  /** Origin (`https://registry.example.com`), without a path; undefined: each request's Host says it. */
  readonly publicUrl: string | undefined
  readonly owner: string
  readonly ownerPassword: Secret | undefined
  readonly organization: string
  readonly sampleListen: ListenAddress
  readonly database: DatabaseLocation
  /** 32 bytes as base64 or base64url; undefined: a file of the data directory has it. */
  readonly sealKey?: Secret | undefined
  /** Undefined: blobs are files of the data directory. */
  readonly bucket?: BlobBucket | undefined
  /** Clients are sent to the bucket for large blobs. */
  readonly redirectsBlobs?: boolean | undefined
  /** Folders and archives of this machine by the names of shared upstreams. */
  readonly definitions?: ReadonlyMap<string, string> | undefined
  /** Addresses and CIDR blocks. */
  readonly allowNetworks: readonly string[]
  /** Addresses and CIDR blocks; undefined: none. */
  readonly trustedProxies?: readonly string[] | undefined
  /** How long the history of tags is kept. */
  readonly historyMs: number
  /** How long the audit log is kept. */
  readonly auditMs: number
  /** Milliseconds between garbage collections; 0: none by themselves. */
  readonly collectEveryMs: number
  /** What garbage collection keeps for how long. */
  readonly keep: {
    readonly graceMs: number
    readonly mirrored: KeptDays
    readonly pushed: KeptDays
  }
  /** Milliseconds without a sign of life after which other servers take over. */
  readonly takeoverMs: number
  /** Addresses and CIDR blocks; undefined: none. */
  readonly metricsAllow?: readonly string[] | undefined
  /** Runs of mirrors under way at once. */
  readonly runsAtOnce: number
  /** Requests of one registry and login under way at once at most. */
  readonly upstreamRequests: number
  /** Processes that serve, the main one included. */
  readonly workers: number
  /** Undefined: no mail is sent. */
  readonly smtp?: { readonly url: Secret; readonly from: string } | undefined
  /** Path of docker's `config.json`, which need not be there. */
  readonly dockerConfig: string
  readonly logLevel: LogLevel
  /** All of them with where they come from, without secrets. */
  readonly shown: readonly ShownSetting[]
}

/** Of superseded content. */
export interface KeptDays {
  readonly newest: number
  readonly days: number
  readonly daysAfterPull: number
}

export interface ClientSettings {
  /** URL without a slash at its end. */
  readonly server: string
  readonly token: Secret | undefined
}

const takeover = value.duration('2s', '10m')
const grace = value.duration('1m', '30d')
const VARIABLES = FIELDS.map((field) => field.variable)

/** @throws AppError CONFIG_INVALID for a `KAGAMI_…` variable that nothing reads. `KAGAMI_TEST_…` is left to the tests. */
export function refuseUnknownVariables(env: Environment): void {
  for (const name of Object.keys(env)) {
    if (!name.startsWith('KAGAMI_') || name.startsWith('KAGAMI_TEST_') || VARIABLES.includes(name)) continue
    throw new AppError('CONFIG_INVALID', `${name}: unknown setting${suggestion(name, VARIABLES)}`)
  }
}

/**
 * Parses the server's settings; the environment wins over the file. An empty variable counts as unset.
 * @param yamlText content of the settings file, undefined when there is none
 * @param from the directory that relative paths start from, and the file's name for messages
 * @throws AppError CONFIG_INVALID saying where (variable, or file and line), what is wanted and what was got
 */
export function parseSettings(
  env: Environment,
  yamlText?: string,
  from: { readonly directory: string; readonly file?: string } = { directory: '.' },
): Settings {
  refuseUnknownVariables(env)
  const file =
    yamlText === undefined ? new Map<string, Found>() : parseSettingsFile(yamlText, from.file ?? 'kagami.yaml')
  const take = <T>(field: Field, parse: (text: string) => T | undefined, show = JSON.stringify): T | undefined => {
    const found = findText(env, field, file)
    return found === undefined ? undefined : value.parseFound(found, field, parse, show)
  }
  const s = SERVER_FIELDS
  const takeDays = (field: Field<string>) => take(field, value.wholeDays) ?? value.fallback(field, value.wholeDays)
  const keptDays = (since: Field<string>, afterPull: Field<string>): KeptDays => ({
    newest: 0,
    days: takeDays(since),
    daysAfterPull: takeDays(afterPull),
  })
  const publicUrl = take(s.url, value.origin)
  const dataDirectory = resolve(from.directory, take(s.data, value.path) ?? s.data.fallback)
  return {
    dataDirectory,
    listen: take(s.listen, value.listenAddress) ?? value.fallback(s.listen, value.listenAddress),
    publicUrl,
    owner: take(s.owner, value.username) ?? s.owner.fallback,
    ownerPassword: take(s.ownerPassword, value.password, value.hidden),
    organization: take(s.org, value.organizationName) ?? s.org.fallback,
    sampleListen: take(s.sample, value.listenAddress) ?? value.fallback(s.sample, value.listenAddress),
    database: take(s.database, (text) => value.database(text, from.directory), value.hidden) ?? {
      engine: 'sqlite',
      path: resolve(dataDirectory, 'kagami.sqlite'),
    },
    sealKey: take(s.sealKey, value.sealKey, value.hidden),
    bucket: bucketOf(take(s.blobs, value.blobs) ?? value.fallback(s.blobs, value.blobs), env, s.blobs),
    redirectsBlobs: take(s.blobRedirect, value.onOff),
    definitions: take(s.definitions, (text) => value.definitions(text, from.directory)),
    allowNetworks: take(s.allowNetworks, value.networks) ?? [],
    trustedProxies: take(s.trustedProxies, value.networks),
    historyMs: take(s.history, value.retention) ?? value.fallback(s.history, value.retention),
    auditMs: take(s.audit, value.retention) ?? value.fallback(s.audit, value.retention),
    collectEveryMs: take(s.gc, value.everyOrOff) ?? value.fallback(s.gc, value.everyOrOff),
    keep: {
      graceMs: take(s.gcGrace, grace) ?? value.fallback(s.gcGrace, grace),
      mirrored: keptDays(s.keepMirrored, s.keepMirroredAfterPull),
      pushed: keptDays(s.keepPushed, s.keepPushedAfterPull),
    },
    takeoverMs: take(s.takeover, takeover) ?? value.fallback(s.takeover, takeover),
    metricsAllow: take(s.metricsAllow, value.networks),
    runsAtOnce: take(s.runsAtOnce, value.upTo64) ?? value.fallback(s.runsAtOnce, value.upTo64),
    upstreamRequests: take(s.upstreamRequests, value.upTo64) ?? value.fallback(s.upstreamRequests, value.upTo64),
    workers: value.workersHere(take(s.workers, value.upTo64)),
    smtp: smtpOf(take(s.smtpUrl, value.smtpUrl, value.hidden), take(s.smtpFrom, value.mailbox), publicUrl),
    dockerConfig: dockerConfigPath(env, from.directory, take(s.dockerConfig, value.path)),
    logLevel: take(s.log, value.logLevel) ?? 'info',
    shown: showSettings((field) => findText(env, field, file)),
  }
}

/** Where docker itself looks for it. */
function dockerConfigPath(env: Environment, directory: string, given: string | undefined): string {
  if (given !== undefined) return resolve(directory, given)
  const folder = env.DOCKER_CONFIG
  return join(folder === undefined || folder === '' ? join(homeDirectory(), '.docker') : folder, 'config.json')
}

/** All or none: links in letters lead to the public address, and not to what a request calls the server. @throws AppError CONFIG_INVALID */
function smtpOf(url: Secret | undefined, from: string | undefined, publicUrl: string | undefined): Settings['smtp'] {
  if (url === undefined && from === undefined) return undefined
  const { smtpUrl, smtpFrom, url: address } = SERVER_FIELDS
  const set = url === undefined ? smtpFrom : smtpUrl
  const missing = (field: Field) => invalid(field.variable, field, `nothing, beside ${set.variable}`)
  if (url === undefined) throw missing(smtpUrl)
  if (from === undefined) throw missing(smtpFrom)
  if (publicUrl === undefined) throw missing(address)
  return { url, from }
}

/** Parses what the command line needs to reach a server. @throws AppError CONFIG_INVALID */
export function parseClientSettings(env: Environment): ClientSettings {
  refuseUnknownVariables(env)
  const c = CLIENT_FIELDS
  const server = findText(env, c.server)
  const token = findText(env, c.token)
  return {
    server:
      server === undefined ? c.server.fallback : value.parseFound(server, c.server, value.serverUrl, JSON.stringify),
    token: token === undefined ? undefined : value.parseFound(token, c.token, value.token, value.hidden),
  }
}

/** The file named by `KAGAMI_CONFIG`, or undefined. */
export function configPath(env: Environment): string | undefined {
  return findText(env, CONFIG_FIELD)?.text
}

function findText(env: Environment, field: Field, file?: ReadonlyMap<string, Found>): Found | undefined {
  const text = env[field.variable]
  if (text !== undefined && text !== '') return { text, where: field.variable }
  return field.key === undefined ? undefined : file?.get(field.key)
}
