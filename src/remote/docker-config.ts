/**
 * Logins as docker and podman keep them: `config.json` with `auths`, `credHelpers` and `credsStore`, and containers' `auth.json` of the same
 * form (docker-credential-helpers' protocol; containers-auth.json(5)). What a helper or a file says is never shown.
 */
import { z } from 'zod'
import { AppError } from '../errors.ts'
import { parseForeignJson } from '../lib/json.ts'
import { quoted } from '../lib/quoted.ts'
import type { RepositoryName } from '../oci/reference.ts'
import { type AskHelper, askHelper } from './docker-credential-helper.ts'
import type { Credential } from './upstream.ts'

/** A user name of `<token>`: the password is an OAuth2 refresh token, as `UpstreamEndpoint` takes it. */
const TOKEN_USER = '<token>'
/** Under which Docker Hub's login is kept, since its first API. */
const DOCKER_HUB_KEY = 'https://index.docker.io/v1/'
const DOCKER_HUB_HOSTS = ['docker.io', 'index.docker.io', 'registry-1.docker.io']
/** A file of logins with a thousand registries has 300 KiB. */
const MAX_CONFIG_LENGTH = 4 * 1024 * 1024

const text = z.string().nullish()
const authSchema = z.looseObject({ auth: text, username: text, password: text, identitytoken: text })
const configSchema = z.looseObject({
  auths: z.record(z.string(), authSchema).nullish(),
  credHelpers: z.record(z.string(), z.string()).nullish(),
  credsStore: text,
})

export type DockerConfig = z.infer<typeof configSchema>

/**
 * @param what names the text in errors, such as its path
 * @throws AppError CONFIG_INVALID when it is no such file; nothing of it is quoted
 */
export function parseDockerConfig(json: string, what: string): DockerConfig {
  if (json.length > MAX_CONFIG_LENGTH) throw invalid(`${what} is larger than ${MAX_CONFIG_LENGTH} characters`)
  if (json.trim() === '') return {}
  let value: unknown
  try {
    value = parseForeignJson(json)
  } catch {
    throw invalid(`${what} is not JSON, want docker's config.json`)
  }
  const parsed = configSchema.safeParse(value)
  if (parsed.success) return parsed.data
  // The message of an issue would quote the value.
  const [first] = parsed.error.issues
  const where = first?.path.map(String).join('.') || 'its top'
  throw invalid(`${what} is no config.json of docker's: ${quoted(where, 120)} is not what docker writes there`)
}

/**
 * The login for a registry: of its own helper, else of the store, else what the file says in plain. Undefined: none, which means anonymous.
 * @param host as `UpstreamAddress.host` has it: `docker.io`, `registry.example:5000`
 * @param o.repository podman keeps logins of parts of a registry too: the longest that fits is taken
 * @throws AppError CONFIG_INVALID when a helper fails or an entry cannot be read
 */
export async function findDockerLogin(
  config: DockerConfig,
  host: string,
  o: { readonly repository?: RepositoryName | undefined; readonly ask?: AskHelper; readonly signal?: AbortSignal } = {},
): Promise<Credential | undefined> {
  const ask = o.ask ?? askHelper
  const keys = keysOf(host, o.repository)
  const signal = o.signal === undefined ? {} : { signal: o.signal }
  const { credHelpers, credsStore } = config
  const own = keys.find((key) => credHelpers != null && Object.hasOwn(credHelpers, key))
  if (own !== undefined) return await ask(credHelpers?.[own] ?? '', own, signal)
  if (credsStore) {
    // Docker asks by the key under which it stored; that of the Hub is a URL.
    const found = await ask(credsStore, DOCKER_HUB_HOSTS.includes(host) ? DOCKER_HUB_KEY : host, signal)
    if (found !== undefined) return found
  }
  const { auths } = config
  const key = keys.find((one) => auths != null && Object.hasOwn(auths, one))
  return key === undefined ? undefined : loginOf(auths?.[key] ?? {}, key)
}

/** The names under which a login may be kept, the most special first. */
function keysOf(host: string, repository: RepositoryName | undefined): string[] {
  const parts = repository?.split('/') ?? []
  const isHub = DOCKER_HUB_HOSTS.includes(host)
  const hosts = isHub ? ['docker.io'] : [host]
  const below = hosts.flatMap((one) => parts.map((_, i) => [one, ...parts.slice(0, parts.length - i)].join('/')))
  const hub = isHub ? [DOCKER_HUB_KEY, 'index.docker.io/v1/', ...DOCKER_HUB_HOSTS] : []
  const spelled = hosts.flatMap((one) =>
    ['', 'https://', 'http://'].flatMap((scheme) =>
      ['', '/', '/v1/', '/v2/', '/v1', '/v2'].map((end) => `${scheme}${one}${end}`),
    ),
  )
  return [...new Set([...below, ...hub, ...spelled])]
}

function loginOf(entry: z.infer<typeof authSchema>, key: string): Credential | undefined {
  const [username, password] = entry.auth ? decodeAuth(entry.auth, key) : [entry.username ?? '', entry.password ?? '']
  if (entry.identitytoken) return { username: TOKEN_USER, password: entry.identitytoken }
  // Docker leaves an empty entry behind where a store has the login.
  return username === '' ? undefined : { username, password }
}

function decodeAuth(auth: string, key: string): readonly [string, string] {
  const decoded = Buffer.from(auth, 'base64').toString('utf8')
  const colon = decoded.indexOf(':')
  if (colon <= 0)
    throw invalid(`the login for ${quoted(key, 200)} in docker's config.json is not user:password in base64`)
  // Old versions of docker padded it with zeros.
  return [decoded.slice(0, colon), decoded.slice(colon + 1).replace(/\0+$/, '')]
}

function invalid(message: string): AppError {
  return new AppError('CONFIG_INVALID', message)
}
