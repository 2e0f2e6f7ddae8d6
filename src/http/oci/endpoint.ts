/** An endpoint of `/v2`: what it needs, who decides that, and what serves it. There is no other way into the table of `app.ts`. */

import { watchWrites } from '../../db/engine/watch.ts'
import { type AuditedChange, watchChange } from '../../db/platform/audited-change.ts'
import type { AppError } from '../../errors.ts'
import { inRequest } from '../../lib/request-context.ts'
import { contextOf } from '../request-context.ts'
import {
  authorizeBase,
  authorizeCatalog,
  authorizePresent,
  authorizeRepository,
  type ContentAction,
  type Decided,
  type Granted,
  type GrantedPresent,
  type Need,
} from './authorize.ts'
import type { Call, OciDependencies } from './call.ts'

export interface Endpoint {
  readonly needs: Need
  serve(deps: OciDependencies, call: Call): Promise<Response>
}

type Handler<G> = (deps: OciDependencies, call: Call, granted: G) => Promise<Response>

function guarded<G extends object>(
  needs: Need,
  decide: (deps: OciDependencies, call: Call) => Promise<Decided<G>>,
  handle: Handler<G>,
  audit?: (call: Call, granted: G) => AuditedChange | undefined,
): Endpoint {
  if (audit === undefined) return { needs, serve: async (deps, call) => handle(deps, call, await decide(deps, call)) }
  return {
    needs,
    async serve(deps, call) {
      const granted = await decide(deps, call)
      const change = audit(call, granted)
      if (change === undefined) return handle(deps, call, granted)
      const watch = watchChange(change)
      const work = () => watchWrites(watch, async () => handle(deps, call, granted))
      return inRequest(contextOf(call.request, call.server, call.who), work).finally(watch.end)
    },
  }
}

/** On the repository of the path, which may be absent. */
export function onRepository(
  action: ContentAction,
  handle: Handler<Granted>,
  audit?: (call: Call, granted: Granted) => AuditedChange | undefined,
): Endpoint {
  return guarded(action, (deps, call) => authorizeRepository(deps, call, action), handle, audit)
}

/** On a repository that has to be there. @param absent the error when it is not; NAME_UNKNOWN by default */
export function onPresent(
  action: ContentAction,
  handle: Handler<GrantedPresent>,
  absent?: (call: Call) => AppError,
  audit?: (call: Call, granted: GrantedPresent) => AuditedChange,
): Endpoint {
  const missing = (call: Call) => (absent === undefined ? undefined : () => absent(call))
  return guarded(action, (deps, call) => authorizePresent(deps, call, action, missing(call)), handle, audit)
}

export function onCatalog(handle: Handler<object>): Endpoint {
  return guarded('catalog', authorizeCatalog, handle)
}

export function onBase(handle: Handler<object>): Endpoint {
  return guarded('token', authorizeBase, handle)
}
