/** Programs that keep docker's logins: `docker-credential-NAME get`, the server's name on standard input, JSON on standard output. */
import { AppError } from '../errors.ts'
import { cancelledBy } from '../lib/abort.ts'
import { parseForeignJson } from '../lib/json.ts'
import { printableLine } from '../lib/printable.ts'
import { clipped, quoted } from '../lib/quoted.ts'
import type { Abortable } from '../oci/repository.ts'
import type { Credential } from './upstream.ts'

/**
 * @param name of the helper, without `docker-credential-`
 * @returns undefined: it keeps nothing for this server
 * @throws AppError CONFIG_INVALID when it is not there or fails, CANCELLED
 */
export type AskHelper = (name: string, server: string, o: Abortable) => Promise<Credential | undefined>

/** A helper may ask a cloud, or a person. */
const TIMEOUT_MS = 60_000
const MAX_ANSWER_BYTES = 256 * 1024
const NAME = /^[A-Za-z0-9._-]{1,100}$/
/** What the helpers of docker-credential-helpers say where they have nothing. */
const NOTHING_KEPT = /credentials not found|no credentials server url/i

/** Runs the helper that is found on the process' PATH, without a shell. */
export const askHelper: AskHelper = (name, server, o) => askHelperOn(undefined, name, server, o)

/** @param PATH where it is looked for; undefined: on the process' own */
export async function askHelperOn(
  PATH: string | undefined,
  name: string,
  server: string,
  { signal }: Abortable,
): Promise<Credential | undefined> {
  if (!NAME.test(name)) throw invalid(`${quoted(name, 100)} is no name of a credential helper`)
  const program = `docker-credential-${name}`
  const path = Bun.which(program, PATH === undefined ? {} : { PATH })
  if (path === null) throw invalid(`the credential helper ${program}, which docker's config.json names, is not on PATH`)
  const timeout = AbortSignal.timeout(TIMEOUT_MS)
  const child = Bun.spawn([path, 'get'], {
    stdin: new TextEncoder().encode(server),
    stdout: 'pipe',
    stderr: 'ignore',
    signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    killSignal: 'SIGKILL',
  })
  const answer = await readBounded(child.stdout)
  const status = await child.exited
  if (signal?.aborted) throw cancelledBy(signal)
  if (timeout.aborted) throw invalid(`${program} did not answer within ${TIMEOUT_MS / 1000} s`)
  if (answer === undefined) {
    child.kill('SIGKILL')
    throw invalid(`${program} answered more than ${MAX_ANSWER_BYTES} bytes`)
  }
  if (status !== 0) {
    // The protocol has its errors on standard output; an answer that may hold a secret is not shown.
    if (NOTHING_KEPT.test(answer)) return undefined
    const said = answer.includes('{') ? '' : `: ${clipped(printableLine(answer.trim()), 200)}`
    throw invalid(`${program} ended with status ${status} for ${server}${said}`)
  }
  return readAnswer(answer, program)
}

function readAnswer(answer: string, program: string): Credential | undefined {
  let value: unknown
  try {
    value = parseForeignJson(answer)
  } catch {
    throw invalid(`${program} did not answer JSON`)
  }
  const { Username: username, Secret: password } = (typeof value === 'object' && value !== null ? value : {}) as {
    readonly [key: string]: unknown
  }
  if (typeof username !== 'string' || typeof password !== 'string') {
    throw invalid(`${program} answered no Username and Secret`)
  }
  return username === '' ? undefined : { username, password }
}

/** Undefined: more than it may be. */
async function readBounded(stream: ReadableStream<Uint8Array>): Promise<string | undefined> {
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of stream) {
    bytes += part.byteLength
    if (bytes > MAX_ANSWER_BYTES) return undefined
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}

function invalid(message: string): AppError {
  return new AppError('CONFIG_INVALID', message)
}
