/**
 * Whether everybody may read a repository that we write to: what the registry's API says, and what a question without a login shows. Either of
 * them makes it public; it is private when one of them says so and none says otherwise.
 */
import type { RegistryKind } from '../api/targets.ts'
import { isAppError, isCancelled } from '../errors.ts'
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

/** Without a login: `denied`: it is kept from us; `absent`: we may look, and there is nothing; `unknown`: it did not tell. */
type Shown = 'public' | 'denied' | 'absent' | 'unknown'

/** What our own login sees of a repository. */
type There = Reference | 'empty' | 'absent' | 'unknown'

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
 * @throws AppError CANCELLED
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
  // What we see and nobody else does is kept from them, by whatever answer.
  if (typeof there === 'object' || there === 'empty') return shown === 'unknown' ? 'unknown' : 'private'
  if (there === 'unknown') return 'unknown'
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
    return isAppError(error, 'UPSTREAM_NOT_FOUND') ? 'absent' : 'unknown'
  }
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
  const path = typeof there === 'object' ? `manifests/${formatReference(there)}` : 'tags/list'
  const request = {
    url: new URL(`/v2/${name}/${path}`, session.address.base),
    scope: `repository:${name}:pull`,
    headers: { accept: typeof there === 'object' ? MANIFEST_ACCEPT : 'application/json' },
    redirect: 'same-origin',
    what: `${name} without a login`,
    signal,
  } as const
  const ask = async (method: 'GET' | 'HEAD') => {
    const response = await session.send({ ...request, method })
    await discard(response)
    return response.status
  }
  try {
    // A HEAD is no pull, where those are counted.
    let status = await ask(typeof there === 'object' ? 'HEAD' : 'GET')
    if (typeof there === 'object' && (status === 404 || status === 405)) status = await ask('GET')
    if (status === 200) return 'public'
    if (status === 401 || status === 403) return 'denied'
    return status === 404 ? 'absent' : 'unknown'
  } catch (error) {
    if (isCancelled(error)) throw error
    return isAppError(error, 'UPSTREAM_DENIED') ? 'denied' : 'unknown'
  }
}
