import { AppError } from '../errors.ts'
import { readJson } from '../net/bounded-body.ts'
import type { RegistryReader } from '../oci/repository.ts'
import type { RegistryNetwork } from './network.ts'
import { walkPages } from './pages.ts'
import { redactedRegistry } from './redacted-reader.ts'
import { openSession, type SentRequest } from './session.ts'
import { nameUnderPrefix, type UpstreamEndpoint } from './upstream.ts'

const PAGE_SIZE = 1000
const MAX_PAGE_BYTES = 16 * 1024 * 1024

/**
 * Lists the repositories of another registry that lie under the endpoint's prefix, without the prefix (distribution's `_catalog`).
 * @throws AppError UPSTREAM_UNSUPPORTED while listing when the registry has no catalog, UPSTREAM_DENIED when it keeps it to itself
 */
export function openRemoteRegistry(
  network: RegistryNetwork,
  endpoint: UpstreamEndpoint,
  { onRequest }: { readonly onRequest?: (request: SentRequest) => void } = {},
): RegistryReader {
  const session = openSession(network, endpoint, onRequest)
  const { address } = session
  const base = new URL(`/v2/_catalog?n=${PAGE_SIZE}`, address.base)
  const title = `${address.host}: catalog`
  const after = (last: string) => {
    const url = new URL(base)
    url.searchParams.set('last', last)
    return url
  }

  const reader: RegistryReader = {
    async *listRepositories({ signal } = {}) {
      const load = async (url: URL) => {
        const request = { method: 'GET', url, scope: 'registry:catalog:*', signal, what: 'catalog' } as const
        const response = await session.send({ ...request, headers: { accept: 'application/json' } })
        if (response.status === 404 || response.status === 405) {
          const { message } = await session.failure(response, request)
          throw new AppError('UPSTREAM_UNSUPPORTED', `${address.host} has no catalog of its repositories (${message})`)
        }
        if (response.status !== 200) throw await session.failure(response, request)
        return {
          items: namesOf(await readJson(response, MAX_PAGE_BYTES, title), title),
          link: response.headers.get('link'),
        }
      }
      for await (const full of walkPages(base, load, { keyOf: (name) => name, after, what: title })) {
        const name = nameUnderPrefix(address, full)
        if (name !== undefined) yield name
      }
    },
  }
  return redactedRegistry(reader, session.redacted)
}

function namesOf(body: unknown, title: string): string[] {
  const repositories = (body as { repositories?: unknown } | null)?.repositories
  if (repositories === null) return []
  if (!Array.isArray(repositories)) throw new AppError('UPSTREAM_INVALID', `${title} holds no array "repositories"`)
  return repositories.filter((name) => typeof name === 'string')
}
