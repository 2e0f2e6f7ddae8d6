/** Mail by the operator's SMTP server, reached as every outgoing connection: its name is resolved once, and each address is judged. */
import { isIP } from 'node:net'
import { AppError } from '../errors.ts'
import { orAborted } from '../lib/abort.ts'
import { clipped } from '../lib/quoted.ts'
import type { Secret } from '../lib/secret.ts'
import { type AddressPolicy, assertAddressAllowed, isLoopbackAddress } from './address-guard.ts'
import { type Lookup, lookupSystem } from './dial.ts'

export interface Letter {
  readonly to: string
  readonly subject: string
  /** Plain text. */
  readonly text: string
}

export interface Mailer {
  /**
   * Hands the letter to the server, which takes it or says why not.
   * @throws AppError UPSTREAM_DENIED when it does not take the address; UPSTREAM_UNAVAILABLE, ADDRESS_NOT_ALLOWED
   */
  send(letter: Letter): Promise<void>
}

export interface MailerOptions {
  /** `smtp://[USER:PASSWORD@]HOST[:PORT]`, or `smtps://…` for TLS from the first byte. */
  readonly url: Secret
  readonly from: string
  readonly policy: AddressPolicy
  readonly lookup?: Lookup
}

const PORT = { 'smtp:': 587, 'smtps:': 465 } as const
/** Of one silence: whoever asked for the letter waits for it. */
const PATIENCE_MS = 15_000

export function createMailer({ url: secret, from, policy, lookup = lookupSystem }: MailerOptions): Mailer {
  const url = new URL(secret.reveal())
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const secure = url.protocol === 'smtps:'
  const port = url.port === '' ? PORT[secure ? 'smtps:' : 'smtp:'] : Number(url.port)
  const auth =
    url.username === '' ? undefined : { user: decodeURIComponent(url.username), pass: decodeURIComponent(url.password) }

  async function addresses(): Promise<readonly string[]> {
    if (isIP(host) !== 0) return [host]
    try {
      return await lookup(host)
    } catch (error) {
      throw new AppError('UPSTREAM_UNAVAILABLE', `the name ${host} of the mail server cannot be resolved`, {
        cause: error,
      })
    }
  }

  return {
    async send({ to, subject, text }) {
      const found = await addresses()
      for (const address of found) assertAddressAllowed(host, address, policy)
      const [address] = found
      if (address === undefined) throw new AppError('UPSTREAM_UNAVAILABLE', `${host} has no address`)
      const { createTransport } = await import('nodemailer')
      const transport = createTransport({
        host: address,
        port,
        secure,
        // The certificate is that of the name, whatever address it was found at.
        ...(isIP(host) === 0 ? { tls: { servername: host } } : {}),
        // A password is never said in the clear, except within this machine.
        requireTLS: auth !== undefined && !isLoopbackAddress(address),
        ...(auth === undefined ? {} : { auth }),
        disableFileAccess: true,
        disableUrlAccess: true,
        connectionTimeout: PATIENCE_MS,
        greetingTimeout: PATIENCE_MS,
        socketTimeout: PATIENCE_MS,
      })
      try {
        // The timeouts above are of each silence; this one is of all of it.
        await orAborted(transport.sendMail({ from, to, subject, text }), AbortSignal.timeout(PATIENCE_MS * 4))
      } catch (error) {
        throw mailFailure(error, host)
      } finally {
        transport.close()
      }
    },
  }
}

/** Codes of nodemailer: the server refused the sender, the addressee or the letter itself. */
const REFUSALS: readonly unknown[] = ['EENVELOPE', 'EMESSAGE']

function mailFailure(error: unknown, host: string): AppError {
  const { code, response } = error as { readonly code?: unknown; readonly response?: unknown }
  const said = typeof response === 'string' ? `: ${clipped(response, 200)}` : ''
  if (REFUSALS.includes(code)) {
    return new AppError('UPSTREAM_DENIED', `the mail server does not take the letter${said}`, { cause: error })
  }
  const why =
    code === 'EAUTH' ? 'refuses the user name or password' : code === 'ETLS' ? 'gives no TLS' : 'cannot be reached'
  return new AppError('UPSTREAM_UNAVAILABLE', `the mail server ${host} ${why}`, { cause: error })
}
