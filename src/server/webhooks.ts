/** Webhooks of this server, put together: what people do with them, what delivers, and what receivers say. */
import type { Settings } from '../config/settings.ts'
import { createDeliverer } from '../events/deliverer.ts'
import { createLetterSkipper, createLetters } from '../events/letters.ts'
import type { FactsLoader } from '../events/payload/load-facts.ts'
import { renderDelivery } from '../events/payload/render.ts'
import { callbackAddresses } from '../events/signing.ts'
import { createWebhooks, type Webhooks } from '../events/webhooks.ts'
import { type CallbacksApp, createCallbacksApp } from '../http/callbacks/app.ts'
import type { Logger } from '../lib/logger.ts'
import { startRound } from '../mirror/life/round.ts'
import type { Mailer } from '../net/mail.ts'
import { createPoster } from '../net/post.ts'
import type { Instance } from './instance.ts'

export interface WebhookParts {
  readonly webhooks: Webhooks
  readonly callbacks: CallbacksApp
  start(o: { readonly isAlone: boolean }): Promise<void>
  close(): Promise<void>
}

export interface WebhookPartsOptions extends Pick<Instance, 'db' | 'clock' | 'sealer'> {
  readonly logger: Logger
  readonly settings: Pick<Settings, 'allowNetworks' | 'publicUrl' | 'takeoverMs'>
  readonly holder: string
  readonly facts: FactsLoader
  /** Undefined: this server sends no mail. */
  readonly mailer: Mailer | undefined
  /** Where the server listens: receivers are told this address when there is no public one. */
  readonly url: string
}

/** How soon letters tell of what has happened. */
const LETTERS_MS = 2000
/** Far longer than a server that sends mail takes to see an event. */
const SKIP_LETTERS_MS = 10 * 60_000

export function createWebhookParts({
  db,
  clock,
  sealer,
  logger,
  settings,
  holder,
  facts,
  mailer,
  url,
}: WebhookPartsOptions): WebhookParts {
  const publicUrl = () => settings.publicUrl ?? url
  const callbacks = callbackAddresses(sealer, publicUrl)
  // What tenants name: this machine too is reached only where the operator says so.
  const poster = createPoster({ policy: { allowLoopback: false, allowNetworks: settings.allowNetworks } })
  const deliverer = createDeliverer({
    db,
    clock,
    logger,
    sealer,
    poster,
    callbacks,
    publicUrl,
    holder,
    leaseTtlMs: settings.takeoverMs,
    render: async (event, urls, { format }) => renderDelivery(event, await facts.load(event, urls), format),
  })
  const { wake } = deliverer
  const closers = [deliverer.close]
  return {
    webhooks: createWebhooks({ db, clock, sealer, wake }),
    callbacks: createCallbacksApp({ db, clock, callbacks, wake, logger }),
    async start(o) {
      await deliverer.start(o)
      if (mailer === undefined) {
        const work = createLetterSkipper(db)
        closers.push(startRound({ everyMs: SKIP_LETTERS_MS, logger, what: 'the log', work }).close)
      } else closers.push(startLetters(createLetters({ db, clock, logger, mailer, publicUrl }), logger))
    },
    close: async () => void (await Promise.all(closers.map((close) => close()))),
  }
}

function startLetters(look: (signal: AbortSignal) => Promise<void>, logger: Logger): () => Promise<void> {
  const closing = new AbortController()
  const round = startRound({ everyMs: LETTERS_MS, logger, what: 'letters', work: () => look(closing.signal) })
  return async () => {
    closing.abort()
    await round.close()
  }
}
