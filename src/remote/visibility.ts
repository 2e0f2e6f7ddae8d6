/**
 * Whether everybody may read a repository that we write to: what the registry's API says, and what a question without a login shows. Either of
 * them makes it public; it is private when one of them says so and none says otherwise.
 */
import type { RegistryKind } from '../api/targets.ts'
import { type AppError, isAppError, isCancelled } from '../errors.ts'
import { discard } from '../net/bounded-body.ts'
import { MANIFEST_ACCEPT } from '../oci/media-types.ts'
import { formatReference, type Reference, type RepositoryName } from '../oci/reference.ts'
import type { Abortable } from '../oci/repository.ts'
import { askVisibility } from './management-api.ts'
import type { RegistryNetwork } from './network.ts'
import { traitsOf } from './registry-traits.ts'
import { openSession, type RegistrySession, type SentRequest } from './session.ts'
import { listTags } from './tags.ts'
import type { UpstreamEndpoint } from './upstream.ts'

export type Visibility = 'private' | 'public' | 'unknown'

/** Without a login: `denied`: it is kept from us; `absent`: we may look, and there is nothing; `unknown`: it told something else; or why there was no answer. */
type Shown = 'public' | 'denied' | 'absent' | 'unknown' | AppError

/** What our own login sees of a repository, or why it sees nothing. */
type There = Reference | 'empty' | 'absent' | AppError

export interface VisibilityOptions extends Abortable {
  /** With the target's own login. */
  readonly session: RegistrySession
  readonly kind: RegistryKind
  /** At the registry itself. */
  readonly name: RepositoryName
  /** What is known to be there; otherwise a tag is looked for. */
  readonly reference?: Reference | undefined
  readonly onRequest?: ((request: SentRequest) => void) | undefined
}

/**
 * `unknown` where neither tells, and where nothing is there yet that would be made with a visibility that depends on settings.
 * @throws AppError CANCELLED; UPSTREAM_UNAVAILABLE, UPSTREAM_RATE_LIMITED and UPSTREAM_DENIED (of our own login) where nothing was learned
 */
export async function findVisibility(
  network: RegistryNetwork,
  endpoint: UpstreamEndpoint,
  options: VisibilityOptions,
): Promise<Visibility> {
  const { session, kind, name, signal } = options
  const o = signal === undefined ? {} : { signal }
  if (kind === 'ecr-public') return 'public'
  const { url, ca, plainHttp } = endpoint
  const nobody = { url, ...(ca === undefined ? {} : { ca }), ...(plainHttp === undefined ? {} : { plainHttp }) }
  const visitor = openSession(network, nobody, options.onRequest)
  let there: There = options.reference ?? (await findTag(session, name, o))
  let shown = await look(visitor, name, there, o)
  if (shown === 'absent' && options.reference !== undefined) {
    there = await findTag(session, name, o)
    shown = await look(visitor, name, there, o)
  }
  if (shown === 'public') return 'public'
  const told = await askVisibility(session, kind, name, o)
  if (told !== undefined) return told
  if (isAppError(shown)) throw shown
  // What we see and nobody else does is kept from them, by whatever answer.
  if (isReference(there) || there === 'empty') return shown === 'unknown' ? 'unknown' : 'private'
  if (isAppError(there, 'UPSTREAM_INVALID') || isAppError(there, 'UPSTREAM_UNSUPPORTED')) return 'unknown'
  if (isAppError(there)) throw there
  // Who may look into what is not there may look into what will be, where a project or the whole registry is open.
  if (shown === 'absent') return (await isOpen(visitor, kind, o)) ? 'public' : 'unknown'
  return shown === 'denied' && traitsOf(kind).madeAs === 'private' ? 'private' : 'unknown'
}

async function findTag(session: RegistrySession, name: RepositoryName, o: Abortable): Promise<There> {
  try {
    for await (const { tag } of listTags(session, name, o)) return { tag }
    return 'empty'
  } catch (error) {
    if (isCancelled(error)) throw error
    if (!isAppError(error)) throw error
    return error.code === 'UPSTREAM_NOT_FOUND' ? 'absent' : error
  }
}

function isReference(there: There): there is Reference {
  return typeof there === 'object' && !isAppError(there)
}

/** Whether what everybody may do in a repository does not depend on the repository. */
async function isOpen(session: RegistrySession, kind: RegistryKind, { signal }: Abortable): Promise<boolean> {
  if (traitsOf(kind).repositories === 'by-people') return true
  try {
    const url = new URL('/v2/', session.address.base)
    const response = await session.ask({ url, as: 'nobody', what: '/v2/ without a login', signal })
    await discard(response)
    return response.status === 200
  } catch (error) {
    if (isCancelled(error)) throw error
    return false
  }
}

/** By a manifest where one is known: some registries keep their lists of tags to themselves, and give everybody what they hold. */
async function look(
  session: RegistrySession,
  name: RepositoryName,
  there: There,
  { signal }: Abortable,
): Promise<Shown> {
  const path = isReference(there) ? `manifests/${formatReference(there)}` : 'tags/list'
  const request = {
    url: new URL(`/v2/${name}/${path}`, session.address.base),
    scope: `repository:${name}:pull`,
    headers: { accept: isReference(there) ? MANIFEST_ACCEPT : 'application/json' },
    redirect: 'same-origin',
    what: `${name} without a login`,
    signal,
  } as const
  const ask = async (method: 'GET' | 'HEAD') => {
    const response = await session.send({ ...request, method })
    const { status } = response
    if (status === 408 || status === 429 || status >= 500) throw await session.failure(response, request)
    await discard(response)
    return status
  }
  try {
    // A HEAD is no pull, where those are counted.
    let status = await ask(isReference(there) ? 'HEAD' : 'GET')
    if (isReference(there) && (status === 404 || status === 405)) status = await ask('GET')
    if (status === 200) return 'public'
    if (status === 401 || status === 403) return 'denied'
    return status === 404 ? 'absent' : 'unknown'
  } catch (error) {
    if (isCancelled(error)) throw error
    if (isAppError(error, 'UPSTREAM_DENIED')) return 'denied'
    const isPassing = isAppError(error, 'UPSTREAM_UNAVAILABLE') || isAppError(error, 'UPSTREAM_RATE_LIMITED')
    return isPassing ? error : 'unknown'
  }
}
