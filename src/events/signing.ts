/** Secrets of webhooks, and what is signed by them: Standard Webhooks. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { WebhookRow } from '../db/schema.ts'
import { lazily } from '../lib/lazily.ts'
import type { Sealer } from '../lib/seal.ts'
import { createSecret, type Secret } from '../lib/secret.ts'
import { CALLBACKS_PATH } from './callbacks-path.ts'
import { createVeil, type Veil } from './veil.ts'

const standardWebhooks = lazily(() => require('standardwebhooks') as typeof import('standardwebhooks'))

const SECRET_BYTES = 32
const PREFIX = 'whsec_'

export function makeSecret(): Secret {
  return createSecret(PREFIX + randomBytes(SECRET_BYTES).toString('base64'))
}

/** What a sealed text of a webhook is bound to: what was sealed for one opens for no other. */
export function purposeOf(webhookId: string, what: 'secret' | 'headers'): string {
  return `webhook ${what} ${webhookId}`
}

export type Sealed = Pick<
  WebhookRow,
  'id' | 'sealed_secret' | 'sealed_old_secret' | 'old_secret_until' | 'sealed_headers'
>

/** A webhook's secrets, opened once. */
export interface Opened {
  readonly headers: Readonly<Record<string, string>>
  /** Over what a receiver says: it may say again what it was sent. */
  readonly veil: Veil
  /** `webhook-id`, `webhook-timestamp` and `webhook-signature`; the old secret's signature is there too while it counts. */
  sign(id: string, at: Date, body: string): Record<string, string>
}

/** @throws AppError CONFIG_INVALID when the key of the instance is another */
export function openSecrets(sealer: Sealer, row: Sealed): Opened {
  const open = (sealed: string | null) =>
    sealed === null ? [] : [sealer.unseal(sealed, purposeOf(row.id, 'secret')).reveal()]
  const secrets = [...open(row.sealed_secret), ...open(row.sealed_old_secret)]
  const [present, old] = secrets.map((secret) => new (standardWebhooks().Webhook)(secret))
  if (present === undefined) throw new Error('a webhook has a secret')
  const headers = JSON.parse(
    row.sealed_headers === null ? '{}' : sealer.unseal(row.sealed_headers, purposeOf(row.id, 'headers')).reveal(),
  ) as Record<string, string>
  return {
    headers,
    veil: createVeil(
      Object.values(headers),
      secrets.map((secret) => secret.slice(PREFIX.length)),
    ),
    sign(id, at, body) {
      const isOldGood = old !== undefined && row.old_secret_until !== null && row.old_secret_until > at.toISOString()
      const signers = isOldGood ? [present, old] : [present]
      return {
        'webhook-id': id,
        'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
        'webhook-signature': signers.map((signer) => signer.sign(id, at, body)).join(' '),
      }
    },
  }
}

/** Secret addresses of deliveries: each follows from its id and a key that nobody else has, so none is kept, and all are the same at every try. */
export interface CallbackAddresses {
  urlOf(deliveryId: string): string
  /** The delivery that an address is of; undefined: it is none of ours. */
  idOf(token: string): string | undefined
}

export function callbackAddresses(sealer: Sealer, publicUrl: () => string): CallbackAddresses {
  const key = sealer.derive('webhook callback addresses').reveal()
  const macOf = (id: string) => createHmac('sha256', key).update(id).digest('base64url')
  return {
    urlOf: (id) => `${publicUrl()}${CALLBACKS_PATH}/${id}.${macOf(id)}/`,
    idOf(token) {
      const match = /^([0-9a-f-]{36})\.([A-Za-z0-9_-]{43})$/.exec(token)
      const [, id, mac] = match ?? []
      if (id === undefined || mac === undefined) return undefined
      return timingSafeEqual(Buffer.from(mac), Buffer.from(macOf(id))) ? id : undefined
    },
  }
}
