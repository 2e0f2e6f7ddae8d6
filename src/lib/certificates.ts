import { X509Certificate } from 'node:crypto'
import { AppError } from '../errors.ts'

const PRIVATE_KEY = /-----BEGIN [^-\n]*PRIVATE KEY[^-\n]*-----/i

/**
 * The certificates of a PEM text, written anew: nothing else that the text holds is kept.
 * @param where what the text came from, for the message
 * @throws AppError INVALID_REQUEST without any certificate, or with a private key: the whole text would have gone to the server
 */
export function certificatesOf(pem: string, where: string): string {
  if (PRIVATE_KEY.test(pem)) {
    throw new AppError(
      'INVALID_REQUEST',
      `${where}: want certificates only, got a private key too: nothing was stored; give the part from BEGIN CERTIFICATE to END CERTIFICATE`,
    )
  }
  const certificates = findCertificates(pem)
  if (certificates !== undefined) return certificates
  throw new AppError('INVALID_REQUEST', `${where}: want one or more certificates in PEM, got something else`)
}

/** The certificates alone, whatever else there is; undefined when there is none, or one that cannot be read. */
export function findCertificates(pem: string): string | undefined {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? []
  try {
    return blocks.length === 0 ? undefined : blocks.map((block) => new X509Certificate(block).toString()).join('')
  } catch {
    return undefined
  }
}
