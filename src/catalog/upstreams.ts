/** Registries that are read from: added and removed by people, opened by the mirror and the catalog. */
import { X509Certificate } from 'node:crypto'
import type { Database } from '../db/engine.ts'
import type { OrganizationRow, UpstreamRow } from '../db/schema.ts'
import { createUpstream, findUpstream } from '../db/upstreams.ts'
import { AppError } from '../errors.ts'
import { isoTime, systemClock } from '../lib/clock.ts'
import type { Sealer } from '../lib/seal.ts'
import type { Secret } from '../lib/secret.ts'
import { isLoopbackAddress } from '../net/address-guard.ts'
import { parseUpstreamUrl, type UpstreamEndpoint } from '../remote/upstream.ts'
import { defaultNamePrefix } from './name-prefix.ts'

export interface NewUpstream {
  readonly name: string
  readonly url: string
  /** Undefined: shared with every organization. */
  readonly organization: OrganizationRow | undefined
  readonly credential?: { readonly username: string; readonly password: Secret } | undefined
  /** PEM. */
  readonly ca?: string | undefined
  readonly plainHttp: boolean
  /** Name of the upstream that holds the referrers, as the organization sees it. */
  readonly referrersFrom?: string | undefined
  /** Before the default names of its mirrors; absent: by its address. */
  readonly prefix?: string | undefined
}

const SEALED_AS = 'upstream password'

/**
 * Adds an upstream; nothing is sent to it.
 * @throws AppError INVALID_REQUEST (url, ca, plain http), NOT_FOUND (referrersFrom), CONFLICT (name)
 */
export async function addUpstream(db: Database, sealer: Sealer, upstream: NewUpstream): Promise<UpstreamRow> {
  const { base } = parseUpstreamUrl(upstream.url)
  if (base.protocol === 'http:' && !upstream.plainHttp && !isLoopbackHost(base.hostname)) {
    throw new AppError(
      'INVALID_REQUEST',
      `url: got plain http to ${base.host}, want https, or plainHttp (--plain-http): passwords and tokens would travel in the clear`,
    )
  }
  if (upstream.ca !== undefined) checkCertificates(upstream.ca)
  const { name, url, organization, credential, ca, plainHttp, referrersFrom } = upstream
  return db.write(async (tx) => {
    const source = referrersFrom === undefined ? null : await findUpstream(tx, organization?.id ?? null, referrersFrom)
    if (source === undefined) throw new AppError('NOT_FOUND', `referrersFrom: there is no upstream ${referrersFrom}`)
    return createUpstream(tx, {
      organization_id: organization?.id ?? null,
      name,
      url,
      username: credential?.username ?? null,
      sealed_password: credential === undefined ? null : sealer.seal(credential.password, SEALED_AS),
      ca: ca ?? null,
      plain_http: plainHttp ? 1 : 0,
      referrers_from: source?.id ?? null,
      prefix: upstream.prefix ?? defaultNamePrefix(url),
      created_at: isoTime(systemClock.now()),
    })
  })
}

/** An upstream as the client for other registries takes it; the password is unsealed when it is needed. */
export function endpointOf(sealer: Sealer, row: UpstreamRow): UpstreamEndpoint {
  const { username, sealed_password: sealed, ca } = row
  return {
    url: row.url,
    plainHttp: row.plain_http === 1,
    ...(ca === null ? {} : { ca }),
    ...(username === null || sealed === null
      ? {}
      : { username, password: () => sealer.unseal(sealed, SEALED_AS).reveal() }),
  }
}

function isLoopbackHost(hostname: string): boolean {
  return hostname === 'localhost' || isLoopbackAddress(hostname.replace(/^\[|\]$/g, ''))
}

/** @throws AppError INVALID_REQUEST unless the text is one or more PEM certificates */
function checkCertificates(pem: string): void {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? []
  try {
    if (blocks.length === 0) throw new Error('no certificate')
    for (const block of blocks) new X509Certificate(block)
  } catch (error) {
    throw new AppError('INVALID_REQUEST', 'ca: want one or more certificates in PEM, got something else', {
      cause: error,
    })
  }
}
