/** Who asks, for what is done on the way of one request and notes it; set by the middleware of each door (`http/request-context.ts`). */
import { AsyncLocalStorage } from 'node:async_hooks'

export interface RequestContext {
  /** `user:<name>` or `token:<label>`, as events name them. */
  readonly actor: string
  /** Id of the token behind the request; undefined: there is none. */
  readonly tokenId: string | undefined
  /** Of the client; undefined where there is no socket. */
  readonly address: string | undefined
  /** That of errors' answers and of the log. */
  readonly requestId: string
}

const present = new AsyncLocalStorage<RequestContext | undefined>()

export function inRequest<T>(context: RequestContext, work: () => T): T {
  return present.run(context, work)
}

/** For the doors where somebody comes in without a name, and proves it there: what `work` does is theirs. @param actor as events name them */
export function actingAs<T>(actor: string, work: () => T): T {
  const request = present.getStore()
  return request === undefined ? work() : present.run({ ...request, actor }, work)
}

/** Undefined: the system itself is at work. */
export function currentRequest(): RequestContext | undefined {
  return present.getStore()
}

/** For what a request sets off and does not wait for: it is nobody's request. */
export function outsideOfRequests<T>(work: () => T): T {
  return present.run(undefined, work)
}
