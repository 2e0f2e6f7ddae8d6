/** What is wrong with a certificate, in words with its dates and names: asked for by one more handshake, after one that failed. */
import { isIP } from 'node:net'
import { checkServerIdentity, connect, type PeerCertificate } from 'node:tls'
import { clipped } from '../lib/quoted.ts'

const PATIENCE_MS = 5_000
const DAY_MS = 24 * 60 * 60 * 1000

export interface Handshake {
  /** A checked one. */
  readonly address: string
  readonly port: number
  readonly host: string
  readonly ca: string[] | undefined
}

/** Undefined when there is no certificate to look at, or nothing that could be said of it. */
export async function explainCertificate({ address, port, host, ca }: Handshake): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  const socket = connect(
    {
      host: address,
      port,
      // Only to read the certificate: nothing is sent.
      rejectUnauthorized: false,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(ca === undefined ? {} : { ca }),
    },
    () => resolve(faultOf(socket.getPeerCertificate(), host, String(socket.authorizationError ?? ''), new Date())),
  )
  socket.on('error', () => resolve(undefined))
  const timer = setTimeout(() => resolve(undefined), PATIENCE_MS)
  try {
    return await promise
  } finally {
    clearTimeout(timer)
    socket.destroy()
  }
}

/** Exported for tests. @param said what the handshake has found, as a code */
export function faultOf(
  certificate: Pick<PeerCertificate, 'valid_from' | 'valid_to' | 'subjectaltname' | 'subject'>,
  host: string,
  said: string,
  now: Date,
): string | undefined {
  const from = Date.parse(certificate.valid_from)
  const to = Date.parse(certificate.valid_to)
  if (to < now.getTime()) return `certificate expired ${ago(now.getTime() - to)} ago`
  if (from > now.getTime()) return `certificate is not valid before ${new Date(from).toISOString()}`
  if (checkServerIdentity(host, certificate as PeerCertificate) !== undefined) {
    const names = (certificate.subjectaltname ?? '').replaceAll('DNS:', '') || 'no name at all'
    return `the certificate is not for ${host}, but for ${clipped(names, 200)}`
  }
  if (/SELF_SIGNED|UNABLE_TO_(VERIFY|GET_ISSUER)/.test(said))
    return `the certificate is not signed by a CA that is trusted here (${clipped(said, 60)})`
  return undefined
}

function ago(ms: number): string {
  const [number, unit] =
    ms >= DAY_MS ? [ms / DAY_MS, 'day'] : ms >= 3_600_000 ? [ms / 3_600_000, 'hour'] : [ms / 60_000, 'minute']
  const whole = Math.max(1, Math.floor(number))
  return `${whole} ${unit}${whole === 1 ? '' : 's'}`
}
