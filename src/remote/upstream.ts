import { createHash } from 'node:crypto'
import { AppError } from '../errors.ts'
import { quoted } from '../lib/quoted.ts'
import { findRepositoryName, MAX_NAME_LENGTH, type RepositoryName } from '../oci/reference.ts'

/** A registry as the operator or an organization names it. */
export interface UpstreamEndpoint {
  /** `https://host[:port][/prefix]`; without a scheme https is meant. A path is the prefix of all its repositories. */
  readonly url: string
  readonly username?: string
  /** The secret itself, or what fetches it when it is needed. With the user name `<token>` it is an OAuth2 refresh token. */
  readonly password?: string | (() => string | Promise<string>)
  /** In place of user name and password: a login that changes. */
  readonly login?: ChangingLogin
  /** PEM of the CA that signed the registry's certificate. */
  readonly ca?: string
  /** Allows http to hosts other than loopback. */
  readonly plainHttp?: boolean
}

/** The login of the moment, as the service of a cloud or a credential helper gives it out for some time. */
export interface ChangingLogin {
  /** Names whose login it is, however often it changes: the key of budgets. Tells no secret. */
  readonly account: string
  /**
   * Asked before each request; one that is known and lasts costs nothing.
   * @returns undefined: there is none, and nobody signs in
   * @throws AppError TARGET_*, ADDRESS_NOT_ALLOWED
   */
  current(signal?: AbortSignal): Promise<Credential | undefined>
  /** The registry did not take it: the next one is a new one. */
  refused(credential: Credential): void
}

/** Where an endpoint's requests really go. */
export interface UpstreamAddress {
  readonly base: URL
  /** As people know the registry, for messages: `docker.io`, `localhost:5000`. */
  readonly host: string
  /** Without slashes at its ends; empty for none. */
  readonly prefix: string
  readonly isDockerHub: boolean
}

export interface Credential {
  readonly username: string
  readonly password: string
}

const DOCKER_HUB_NAMES: ReadonlySet<string> = new Set([
  'docker.io',
  'index.docker.io',
  'registry-1.docker.io',
  'registry.hub.docker.com',
])

/** @throws AppError INVALID_REQUEST when the URL is not of the form above */
export function parseUpstreamUrl(text: string): UpstreamAddress {
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `https://${text}`)
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw invalid(text, 'https://host[:port][/prefix] (or http://)')
  }
  if (url.username !== '' || url.password !== '') {
    throw new AppError('INVALID_REQUEST', `the URL for ${url.host} holds credentials, want them given apart`, {
      about: { reason: 'invalid', where: 'url' },
    })
  }
  if (url.search !== '' || url.hash !== '') throw invalid(text, 'no query and no fragment')
  const prefix = url.pathname.replace(/^\/+|\/+$/g, '')
  if (prefix !== '' && findRepositoryName(prefix) === undefined) throw invalid(text, 'a repository prefix as its path')
  const isDockerHub = DOCKER_HUB_NAMES.has(url.hostname)
  if (isDockerHub) url.hostname = 'registry-1.docker.io'
  return { base: new URL(url.origin), host: isDockerHub ? 'docker.io' : url.host, prefix, isDockerHub }
}

/** The repository's name at the registry itself: with the prefix, and with `library/` for Docker Hub's official images. */
export function nameAtRegistry(address: UpstreamAddress, repository: RepositoryName): RepositoryName {
  const full = address.prefix === '' ? repository : `${address.prefix}/${repository}`
  const name = findRepositoryName(address.isDockerHub && !full.includes('/') ? `library/${full}` : full)
  if (name !== undefined) return name
  throw new AppError('NAME_INVALID', `repository name ${full} at ${address.host} is longer than ${MAX_NAME_LENGTH}`)
}

/** The other way round: undefined for repositories outside the prefix. */
export function nameUnderPrefix(address: UpstreamAddress, name: string): RepositoryName | undefined {
  if (address.prefix === '') return findRepositoryName(name)
  return name.startsWith(`${address.prefix}/`) ? findRepositoryName(name.slice(address.prefix.length + 1)) : undefined
}

/** What the upstream's mirrors may call a repository that the registry calls `name`; nothing for one outside the prefix. */
export function namesUnderPrefix(address: UpstreamAddress, name: RepositoryName): RepositoryName[] {
  // Docker Hub's official images are known by their names without `library/` too.
  const full = address.isDockerHub && !name.includes('/') ? `library/${name}` : name
  const bare = address.isDockerHub && address.prefix === '' ? /^library\/([^/]+)$/.exec(full)?.[1] : undefined
  return [nameUnderPrefix(address, full), bare === undefined ? undefined : findRepositoryName(bare)].flatMap(
    (one) => one ?? [],
  )
}

/** User name and password when both are known; undefined means anonymous. */
export async function resolveCredential(endpoint: UpstreamEndpoint): Promise<Credential | undefined> {
  const { username, password, login } = endpoint
  if (login !== undefined) return login.current()
  if (username === undefined || username === '' || password === undefined) return undefined
  return { username, password: typeof password === 'string' ? password : await password() }
}

/** Names a (registry, credential) pair without telling the secret: the key of budgets and tokens. */
export function accountKey(address: UpstreamAddress, credential: Credential | undefined): string {
  const who =
    credential === undefined
      ? 'anonymous'
      : createHash('sha256')
          .update(JSON.stringify([credential.username, credential.password]))
          .digest('hex')
  return `${address.base.origin} ${who}`
}

/** The same of an endpoint; a login that changes is not asked for. */
export async function accountOf(address: UpstreamAddress, endpoint: UpstreamEndpoint): Promise<string> {
  const { login } = endpoint
  if (login === undefined) return accountKey(address, await resolveCredential(endpoint))
  return `${address.base.origin} ${createHash('sha256').update(login.account).digest('hex')}`
}

function invalid(text: string, want: string): AppError {
  return new AppError('INVALID_REQUEST', `the URL of a registry, ${quoted(text, 200)}, is not valid: want ${want}`, {
    about: { reason: 'invalid', where: 'url' },
  })
}
