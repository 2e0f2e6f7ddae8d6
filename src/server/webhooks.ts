/** Webhooks of this server, put together: what people do with them, what delivers, and what receivers say. */
import type { Settings } from '../config/settings.ts'
import { createDeliverer } from '../events/deliverer.ts'
import type { FactsLoader } from '../events/payload/load-facts.ts'
import { renderDelivery } from '../events/payload/render.ts'
import { callbackAddresses } from '../events/signing.ts'
import { createWebhooks, type Webhooks } from '../events/webhooks.ts'
import { type CallbacksApp, createCallbacksApp } from '../http/callbacks/app.ts'
import type { Logger } from '../lib/logger.ts'
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
  /** Where the server listens: receivers are told this address when there is no public one. */
  readonly url: string
}

export function createWebhookParts({
  db,
  clock,
  sealer,
  logger,
  settings,
  holder,
  facts,
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
  return {
    webhooks: createWebhooks({ db, clock, sealer, wake }),
    callbacks: createCallbacksApp({ db, clock, callbacks, wake, logger }),
    start: deliverer.start,
    close: deliverer.close,
  }
}
