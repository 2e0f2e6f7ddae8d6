/** What `docker login` has left: `config.json` with its logins, and credential helpers that keep them elsewhere. */
import { execFile } from 'node:child_process'
import { open } from 'node:fs/promises'
import { AppError, messageOf } from '../../errors.ts'
import { parseForeignJson } from '../../lib/json.ts'
import type { Credential, UpstreamAddress } from '../upstream.ts'

const MAX_CONFIG_BYTES = 1024 * 1024
const MAX_ANSWER_BYTES = 64 * 1024
const HELPER_TIMEOUT_MS = 20_000
/** Docker's user name for a token that gets others (`remote/auth.ts`). */
const TOKEN_USER = '<token>'
/** Under which Docker Hub's login is kept, since its first API. */
const DOCKER_HUB = 'https://index.docker.io/v1/'
/** Of github.com/docker/docker-credential-helpers: not an error, just none. */
const NO_LOGIN = /credentials not found|no credentials server URL|missing credentials/i

interface DockerConfig {
  readonly auths?: Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>>
  readonly credHelpers?: Readonly<Record<string, unknown>>
  readonly credsStore?: unknown
}

export interface DockerLoginOptions {
  /** Path of `config.json`. */
  readonly config: string
  readonly helperTimeoutMs?: number
}

/**
 * The login that docker would use for a registry: of the helper that is named for it, else of the store for all, else out of the file.
 * @returns undefined: there is none, or no such file
 * @throws AppError TARGET_DENIED when the file or what a helper says cannot be understood; nothing of them that may be secret is in it
 */
export async function findDockerLogin(
  address: UpstreamAddress,
  { config: path, helperTimeoutMs = HELPER_TIMEOUT_MS }: DockerLoginOptions,
): Promise<Credential | undefined> {
  const config = await readConfig(path)
  if (config === undefined) return undefined
  const host = address.isDockerHub ? DOCKER_HUB : address.host
  const names = address.isDockerHub
    ? [DOCKER_HUB, 'docker.io', 'index.docker.io', 'https://index.docker.io']
    : [
        host,
        `${address.base.origin}`,
        `https://${host}`,
        `https://${host}/`,
        `https://${host}/v1/`,
        `https://${host}/v2/`,
      ]
  const helpers = config.credHelpers ?? {}
  const own = names.map((name) => helpers[name]).find((helper) => helper !== undefined)
  if (own !== undefined) return askHelper(own, host, path, helperTimeoutMs)
  if (config.credsStore !== undefined && config.credsStore !== '') {
    const stored = await askHelper(config.credsStore, host, path, helperTimeoutMs)
    if (stored !== undefined) return stored
  }
  const entry = names.map((name) => config.auths?.[name]).find((one) => one !== undefined)
  return entry === undefined ? undefined : loginIn(entry, path, address.host)
}

async function readConfig(path: string): Promise<DockerConfig | undefined> {
  let text: string
  try {
    const file = await open(path)
    try {
      const { size } = await file.stat()
      if (size > MAX_CONFIG_BYTES) throw new Error(`it has ${size} bytes, want at most ${MAX_CONFIG_BYTES}`)
      text = await file.readFile('utf8')
    } finally {
      await file.close()
    }
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return undefined
    throw refuse(path, `cannot be read: ${messageOf(error)}`)
  }
  try {
    const config = parseForeignJson(text)
    if (typeof config === 'object' && config !== null && !Array.isArray(config)) return config as DockerConfig
  } catch {
    // Told below: what a parser says may show what it read.
  }
  throw refuse(path, 'is no JSON object')
}

/** `auth` is the base64 of `USER:PASSWORD`; `identitytoken` stands for both. */
function loginIn(entry: Readonly<Record<string, unknown>>, path: string, host: string): Credential | undefined {
  const { auth, username, password, identitytoken } = entry
  if (typeof identitytoken === 'string' && identitytoken !== '')
    return { username: TOKEN_USER, password: identitytoken }
  if (typeof username === 'string' && typeof password === 'string' && username !== '') return { username, password }
  // An empty entry says that there was a login once, which a store keeps.
  if (auth === undefined || auth === '') return undefined
  const text = typeof auth === 'string' ? Buffer.from(auth, 'base64').toString() : ''
  const colon = text.indexOf(':')
  if (colon <= 0) throw refuse(path, `has a login for ${host} that is no base64 of USER:PASSWORD`)
  // Docker pads with zero bytes.
  return { username: text.slice(0, colon), password: text.slice(colon + 1).replace(/\0+$/, '') }
}

/** `docker-credential-NAME get`, with the server's address on standard input and JSON on standard output. */
async function askHelper(
  helper: unknown,
  server: string,
  path: string,
  timeoutMs: number,
): Promise<Credential | undefined> {
  if (typeof helper !== 'string' || !/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(helper)) {
    throw refuse(path, 'names a credential helper that is no name')
  }
  const program = `docker-credential-${helper}`
  const answer = await run(program, server, path, timeoutMs)
  if (answer === undefined) return undefined
  let said: { readonly Username?: unknown; readonly Secret?: unknown } = {}
  try {
    said = Object(parseForeignJson(answer))
  } catch {
    // Told below, without any of it.
  }
  const { Username: username, Secret: password } = said
  if (typeof username === 'string' && username !== '' && typeof password === 'string') return { username, password }
  throw refuse(path, `names ${program}, which answered without Username and Secret`)
}

async function run(program: string, server: string, path: string, timeoutMs: number): Promise<string | undefined> {
  const options = { timeout: timeoutMs, maxBuffer: MAX_ANSWER_BYTES, killSignal: 'SIGKILL' } as const
  return new Promise((resolve, reject) => {
    const child = execFile(program, ['get'], options, (error, stdout) => {
      if (error === null) return resolve(stdout)
      if (error.code === 'ENOENT')
        return reject(refuse(path, `names ${program}, which is not on the PATH of the server`))
      if (typeof error.code !== 'number') {
        return reject(
          refuse(path, `names ${program}, which gave no answer within ${timeoutMs / 1000} s, or too long a one`),
        )
      }
      // Helpers say on standard output what went wrong. A secret is JSON; what is none is words.
      const words = stdout.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim()
      if (NO_LOGIN.test(words)) return resolve(undefined)
      const told = words === '' || words.startsWith('{') ? '' : `: ${words.slice(0, 200)}`
      reject(refuse(path, `names ${program}, which failed${told}`))
    })
    child.stdin?.on('error', () => {})
    child.stdin?.end(server)
  })
}

function refuse(path: string, what: string): AppError {
  return new AppError(
    'TARGET_DENIED',
    `docker's ${path} ${what}. Mend it on the server (docker login, KAGAMI_DOCKER_CONFIG)`,
  )
}
