/** A session for one repository of a target: the same requests as for reading, with the right to push, and errors of a target. */
import type { RegistryKind } from '../api/targets.ts'
import { AppError, isAppError } from '../errors.ts'
import type { Lock } from '../lib/keyed-turns.ts'
import type { Sleep } from '../lib/retry.ts'
import type { HttpResponse } from '../net/guarded-fetch.ts'
import type { Digest } from '../oci/digest.ts'
import { formatReference, type Reference, type RepositoryName } from '../oci/reference.ts'
import type { Abortable } from '../oci/repository.ts'
import type { TargetMemory } from '../oci/target-repository.ts'
import type { NothingThere } from './nothing-there.ts'
import type { RegistryTraits } from './registry-traits.ts'
import type { RegistryRequest, RegistrySession } from './session.ts'
import { asTargetError } from './target-errors.ts'

/** What all that writes to one repository of a target shares for one pass. */
export interface TargetSession {
  /** Sends with the scope `pull,push` whatever a request names, and hands out errors as of an upstream. */
  readonly session: RegistrySession
  /** At the registry itself. */
  readonly name: RepositoryName
  readonly kind: RegistryKind
  readonly traits: RegistryTraits
  readonly memory: TargetMemory
  readonly nothing: NothingThere
  /** That the registry's own API has told to be absent in this pass: they are not asked for by themselves. */
  readonly absentBlobs: Set<Digest>
  readonly lock: Lock
  readonly sleep: Sleep
  readonly usage: { sentBytes: number; mountsTried: number; mountsDone: number }
}

export interface WriteRequest extends Omit<RegistryRequest, 'scope' | 'url'> {
  /** Below `/v2/NAME/`, or a whole address. */
  readonly at: string | URL
  /** Besides that of the repository itself. */
  readonly alsoScope?: string
}

/** @throws AppError UPSTREAM_*, which `asTargetError` makes those of a target on the way out */
export function sendTo({ session, name }: TargetSession, request: WriteRequest): Promise<HttpResponse> {
  const { at, alsoScope, ...rest } = request
  const url = typeof at === 'string' ? new URL(`/v2/${name}/${at}`, session.address.base) : at
  const scope = [pushScope(name), alsoScope].filter((one) => one !== undefined).join(' ')
  return session.send({ ...rest, url, scope })
}

export function pushScope(name: RepositoryName): string {
  return `repository:${name}:pull,push`
}

/** The same session, whose reads ask for the token that writes have anyway, and whose errors are a target's. */
export function asTarget(session: RegistrySession, name: RepositoryName): RegistrySession {
  const pull = `repository:${name}:pull`
  return {
    ...session,
    send: (request) => session.send(request.scope === pull ? { ...request, scope: pushScope(name) } : request),
    redacted: async (error) => naming(name, asTargetError(await session.redacted(error))),
  }
}

/** What is said of a connection does not say what it was for. */
function naming(name: RepositoryName, error: unknown): unknown {
  if (!isAppError(error, 'TARGET_UNAVAILABLE') || error.message.includes(name)) return error
  const { message, detail, about, cause } = error
  return new AppError('TARGET_UNAVAILABLE', `${name}: ${message}`, { detail, about, cause })
}

/** `app:1.0` or `app@sha256:…`, for errors. */
export function titleOf({ name }: TargetSession, reference: Reference): string {
  return `${name}${reference.digest === undefined ? ':' : '@'}${formatReference(reference)}`
}

/** Names the registry too. */
export function placeOf({ session, name }: TargetSession): string {
  return `${session.address.host}: ${name}`
}

export function signalOf({ signal }: Abortable): Abortable {
  return signal === undefined ? {} : { signal }
}
