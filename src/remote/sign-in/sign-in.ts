/** Logins of targets that are more than a password: fetched when they are wanted, kept until shortly before they end. */
import { LRUCache } from 'lru-cache'
import { AppError } from '../../errors.ts'
import type { Clock } from '../../lib/clock.ts'
import type { HttpClient } from '../../net/guarded-fetch.ts'
import type { RegistryApi } from '../registry-api.ts'
import { createTokenCache } from '../tokens.ts'
import { type ChangingLogin, type Credential, parseUpstreamUrl } from '../upstream.ts'
import type { AskedLogin, GivenLogin } from './asked.ts'

export interface SignInsOptions {
  /** For keys that people have given: what the operator's networks allow. */
  readonly http: HttpClient
  /** For what the server itself is: may ask the metadata services of its own machine too. */
  readonly ambientHttp: HttpClient
  readonly clock: Clock
  /** Path of docker's `config.json`. */
  readonly dockerConfig: string
}

export interface LoginWanted extends Pick<AskedLogin, 'signIn' | 'kind' | 'endpoint'> {
  /** What people have given for it. */
  readonly given:
    | { readonly username: string; readonly password: string | (() => string | Promise<string>) }
    | undefined
  /** Tells apart what was given, without telling it. */
  readonly sealedPassword: string | null
  /** What is known already does not count: somebody wants to hear how it is now. */
  readonly isFresh?: boolean
  /** Of an operator: it may be signed in to as the server itself. */
  readonly isShared: boolean
}

export interface SignIns {
  /** Nothing is asked before the login is wanted. */
  loginOf(wanted: LoginWanted): ChangingLogin
  /** What the registry does by the API of its cloud, with the same keys; undefined: it has none, or no keys to it. */
  apiOf(wanted: LoginWanted): RegistryApi | undefined
}

/** One attempt, whatever the services of the cloud do. */
const TIMEOUT_MS = 30_000
/** What `docker login` and helpers give tells no end, and may be another soon. */
const DOCKER_SECONDS = 300
/** A login that is refused sooner than this after it was fetched is kept: another would be refused too. */
const LEAST_AGE_MS = 60_000
const NO_LOGIN = ''

export function createSignIns(options: SignInsOptions): SignIns {
  const { clock } = options
  const logins = createTokenCache(clock)
  /** When each was fetched, by key. */
  const fetchedMs = new LRUCache<string, number>({ max: 10_000 })
  return {
    apiOf(wanted) {
      // What is at ECR Public is for everybody: nothing is sent there.
      if (wanted.signIn.by !== 'ecr' || wanted.kind !== 'ecr') return undefined
      const open = async () => {
        const asked = await askedOf(wanted, options)
        return (await import('./ecr-api.ts')).openEcrApi(asked, asked.http)
      }
      let opened: ReturnType<typeof open> | undefined
      const api = () => {
        opened ??= open().catch((error) => {
          opened = undefined
          throw error
        })
        return opened
      }
      return {
        createRepository: async (...call) => (await api()).createRepository(...call),
        hasBlobs: async (...call) => (await api()).hasBlobs(...call),
      }
    },
    loginOf(wanted) {
      const { signIn, kind, endpoint, given, sealedPassword } = wanted
      const address = parseUpstreamUrl(endpoint.url)
      const account = JSON.stringify([signIn, kind, given?.username ?? null, sealedPassword])
      const key = `${address.base.origin} ${account}`
      const kept = wanted.isFresh === true ? createTokenCache(clock) : logins
      let refused: string | undefined
      const fetchLogin = async () => {
        const { credential, expiresInSeconds } = await ask(wanted, options)
        fetchedMs.set(key, clock.now().getTime())
        return { token: credential === undefined ? NO_LOGIN : textOf(credential), expiresInSeconds }
      }
      return {
        account,
        async current(signal) {
          const text = await kept.get(key, fetchLogin, { refused, signal })
          if (text === NO_LOGIN) return undefined
          const [username = '', password = ''] = text.split(' ').map((part) => Buffer.from(part, 'base64').toString())
          return { username, password }
        },
        refused(credential) {
          const ageMs = clock.now().getTime() - (fetchedMs.get(key) ?? 0)
          if (ageMs >= LEAST_AGE_MS) refused = textOf(credential)
        },
      }
    },
  }
}

function textOf({ username, password }: Credential): string {
  return [username, password].map((part) => Buffer.from(part).toString('base64')).join(' ')
}

/** @throws AppError TARGET_DENIED for what only a shared target may */
async function askedOf(
  { signIn, kind, endpoint, given, isShared }: LoginWanted,
  { http, ambientHttp, clock }: SignInsOptions,
): Promise<AskedLogin> {
  const { host } = parseUpstreamUrl(endpoint.url)
  // Refused when it was set already (`settings.ts`); what the server itself is must not hang on that alone.
  if (given === undefined && !isShared) {
    throw new AppError('TARGET_DENIED', `${host}: only a shared target is signed in to as the server itself`)
  }
  const keys =
    given === undefined
      ? undefined
      : {
          username: given.username,
          password: typeof given.password === 'string' ? given.password : await given.password(),
        }
  return {
    ...{ signIn, kind, endpoint, host, keys },
    http: keys === undefined ? ambientHttp : http,
    registryHttp: http,
    nowMs: clock.now().getTime(),
    timeout: AbortSignal.timeout(TIMEOUT_MS),
  }
}

async function ask(
  wanted: LoginWanted,
  options: SignInsOptions,
): Promise<Omit<GivenLogin, 'credential'> & { readonly credential: Credential | undefined }> {
  const asked = await askedOf(wanted, options)
  const { signIn, endpoint, keys } = asked
  switch (signIn.by) {
    case 'password':
      return { credential: keys, expiresInSeconds: Number.MAX_SAFE_INTEGER }
    case 'ecr':
      return (await import('./ecr.ts')).signInToEcr(asked)
    case 'google':
      return (await import('./google.ts')).signInToGoogle(asked)
    case 'azure':
      return (await import('./azure.ts')).signInToAzure(asked)
    case 'docker': {
      const { signInByDocker } = await import('./docker.ts')
      const address = parseUpstreamUrl(endpoint.url)
      const credential = await signInByDocker(address, options.dockerConfig, asked.timeout)
      return { credential, expiresInSeconds: DOCKER_SECONDS }
    }
  }
}
