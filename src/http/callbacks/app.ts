/** `POST /callbacks/SECRET/`: what a receiver of a webhook says of a delivery. The address is the caller's whole authority (`allowCallback`). */
import { callbackBodySchema } from '../../api/webhooks.ts'
import { AppError, isAppError } from '../../errors.ts'
import { type CallbackDeps, takeCallback } from '../../events/callbacks.ts'
import { CALLBACKS_PATH } from '../../events/callbacks-path.ts'
import type { CallbackAddresses } from '../../events/signing.ts'
import { parseForeignJson } from '../../lib/json.ts'
import type { Logger } from '../../lib/logger.ts'
import { allowCallback } from '../api/decide.ts'
import { errorResponse } from '../api/errors.ts'
import { readSmallBody } from '../small-body.ts'
import { pathOf } from '../target.ts'

export interface CallbacksApp {
  /** @returns undefined where nothing is, as for any unknown path */
  fetch(request: Request): Promise<Response | undefined>
}

const MAX_BODY_BYTES = 16 * 1024

export function createCallbacksApp(
  deps: CallbackDeps & { readonly callbacks: CallbackAddresses; readonly logger: Logger },
): CallbacksApp {
  async function take(deliveryId: string, request: Request): Promise<Response> {
    if (request.method !== 'POST')
      throw new AppError('UNSUPPORTED', `${request.method} is not supported here, want POST`)
    const body = callbackBodySchema.safeParse(parse(await readSmallBody(request, MAX_BODY_BYTES)))
    if (!body.success) {
      const [issue] = body.error.issues
      throw new AppError('INVALID_REQUEST', `${issue?.path.join('.') || 'the body'}: ${issue?.message ?? 'not valid'}`)
    }
    await takeCallback(deps, deliveryId, body.data)
    return Response.json({ state: body.data.state }, { headers: { 'cache-control': 'no-store' } })
  }

  return {
    async fetch(request) {
      const token = pathOf(request)
        .slice(CALLBACKS_PATH.length + 1)
        .replace(/\/$/, '')
      const granted = allowCallback(deps.callbacks, token)
      if (granted === undefined) return undefined
      try {
        return await take(granted.deliveryId, request)
      } catch (error) {
        // The log must not have the secret.
        const { method, signal } = request
        const shown = new Request(`http://localhost${CALLBACKS_PATH}/…`, { method, signal })
        const response = errorResponse(error, shown, deps.logger)
        if (isAppError(error, 'UNSUPPORTED')) response.headers.set('allow', 'POST')
        if (response.status === 413) response.headers.set('connection', 'close')
        return response
      }
    },
  }
}

function parse(text: string): unknown {
  try {
    return parseForeignJson(text)
  } catch (error) {
    throw new AppError('INVALID_REQUEST', `the body ${error instanceof Error ? error.message : 'is not JSON'}`)
  }
}
