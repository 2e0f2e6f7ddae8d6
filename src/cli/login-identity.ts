/** Signing in by a provider, in a browser of this machine: it comes back to a port of ours here, with a code that serves once. */
import { createHash } from 'node:crypto'
import { identityLinkedSchema } from '../api/sign-in.ts'
import { tokenCreatedSchema } from '../api/tokens.ts'
import { AppError } from '../errors.ts'
import { randomBase62 } from '../lib/ids.ts'
import { createApiClient, segment } from './client.ts'
import { answer, type CommandLine, connect } from './command-line.ts'
import type { Obtained } from './login.ts'
import { lines } from './table.ts'

const WAIT_MS = 10 * 60 * 1000
const SECRET_LENGTH = 43

interface Code {
  readonly code: string
  readonly verifier: string
}

export async function loginByProvider(line: CommandLine, provider: string, label: string): Promise<Obtained> {
  const code = await waitForCode(line, provider)
  const client = createApiClient(line.clientSettings().server, undefined)
  return client.call('POST', '/sign-in/token', tokenCreatedSchema, { body: { ...code, label } })
}

/** Who is signed in here signs in by the provider too from now on. */
export async function linkByProvider(
  line: CommandLine,
  o: { readonly json?: boolean; readonly takeOver?: boolean },
  provider: string,
): Promise<void> {
  const client = await connect(line)
  const body = { ...(await waitForCode(line, provider)), takeOver: o.takeOver === true }
  const document = await client.call('POST', '/user/identities', identityLinkedSchema, { body })
  answer(line, o, document, () => `${document.username} signs in by ${document.provider} from now on.`)
}

/** @throws AppError UNAUTHORIZED with the server's words, or when nobody came */
async function waitForCode(line: CommandLine, provider: string): Promise<Code> {
  const [verifier, state] = [randomBase62(SECRET_LENGTH), randomBase62(SECRET_LENGTH)]
  const arrived = Promise.withResolvers<URLSearchParams>()
  const listener = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch(request) {
      const { searchParams } = new URL(request.url)
      // Other pages of the browser reach this port too: only the sign-in knows the state.
      if (searchParams.get('state') !== state) return new Response('not found\n', { status: 404 })
      arrived.resolve(searchParams)
      return new Response('The command line goes on: this page can be closed.\n')
    },
  })
  const timer = setTimeout(
    () => arrived.reject(new AppError('UNAUTHORIZED', 'nobody has signed in within ten minutes: begin again')),
    WAIT_MS,
  )
  try {
    const url = new URL(addressOf(line.clientSettings().server, provider))
    const challenge = createHash('sha256').update(verifier).digest('base64url')
    url.search = String(new URLSearchParams({ port: String(listener.port), challenge, state }))
    line.terminal.note(lines(['Open this address in a browser of this machine:', `  ${url.href}`]))
    const answered = await arrived.promise
    const code = answered.get('code')
    if (code !== null) return { code, verifier }
    throw new AppError('UNAUTHORIZED', answered.get('error') ?? 'the sign-in failed without a reason')
  } finally {
    clearTimeout(timer)
    await listener.stop()
  }
}

/** Of a name or an id; an address is one already, and has to be of this very server, which gets what it leads to. */
function addressOf(server: string, provider: string): string {
  const base = `${server}/api/v1/sign-in/`
  if (!/^https?:/.test(provider)) return `${base}${segment(provider)}/start`
  if (provider.startsWith(base)) return provider
  throw new AppError('INVALID_REQUEST', `--identity is an address of another server, want one that begins with ${base}`)
}
