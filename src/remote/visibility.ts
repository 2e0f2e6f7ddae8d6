/** Whether everybody may read a repository of a target. */
import { isAppError } from '../errors.ts'
import { discard } from '../net/bounded-body.ts'
import { MANIFEST_ACCEPT } from '../oci/media-types.ts'
import { formatReference, type Reference, type RepositoryName } from '../oci/reference.ts'
import type { Abortable } from '../oci/repository.ts'
import type { RegistrySession } from './session.ts'

export type Visibility = 'private' | 'public' | 'unknown'

const REFUSED: ReadonlySet<number> = new Set([401, 403, 404])

/**
 * Asks as somebody without a login would: for the tag list, and where that is refused, for a manifest.
 * @param session one without a credential: its token is asked for anonymously too
 * @param find names a manifest that is there; undefined: none is known
 * @throws AppError UPSTREAM_UNAVAILABLE and UPSTREAM_RATE_LIMITED: nothing was learned
 */
export async function probeAnonymously(
  session: RegistrySession,
  name: RepositoryName,
  find: () => Promise<Reference | undefined>,
  o: Abortable,
): Promise<Visibility> {
  const list = await ask(session, name, 'tags/list?n=1', o)
  if (list === 'public') return list
  // Registries that list nothing to strangers may still give them what they can name.
  const reference = await find()
  if (reference === undefined) return list
  const manifest = await ask(session, name, `manifests/${formatReference(reference)}`, o)
  return manifest === 'public' || list === 'private' ? manifest : 'unknown'
}

async function ask(session: RegistrySession, name: RepositoryName, at: string, o: Abortable): Promise<Visibility> {
  try {
    const response = await session.send({
      method: 'GET',
      url: new URL(`/v2/${name}/${at}`, session.address.base),
      scope: `repository:${name}:pull`,
      headers: at.startsWith('manifests/') ? { accept: MANIFEST_ACCEPT } : {},
      redirect: 'same-origin',
      signal: o.signal,
      what: `${name}: whether everybody may read it`,
    })
    const { status } = response
    if (status === 408 || status === 429 || status >= 500) {
      throw await session.failure(response, { what: `${name}: whether everybody may read it` })
    }
    await discard(response)
    // Artifacts are sent on to storage.
    if (status === 200 || (at.startsWith('manifests/') && status === 307)) return 'public'
    return REFUSED.has(status) ? 'private' : 'unknown'
  } catch (error) {
    // Basic without a login, and a token service that gives strangers nothing.
    if (isAppError(error, 'UPSTREAM_DENIED')) return 'private'
    throw error
  }
}
