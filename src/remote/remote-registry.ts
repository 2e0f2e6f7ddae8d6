import { AppError } from '../errors.ts'
import type { HttpResponse } from '../net/guarded-fetch.ts'
import { readJsonItems, requireList } from '../net/json-items.ts'
import { MAX_NAME_LENGTH } from '../oci/reference.ts'
import type { RegistryReader } from '../oci/repository.ts'
import type { RegistryNetwork } from './network.ts'
import { createListingMeter, type ListingMeter, type Page, walkSizedPages } from './pages.ts'
import { redactedRegistry } from './redacted-reader.ts'
import { openSession, type SentRequest } from './session.ts'
import { nameUnderPrefix, type UpstreamEndpoint } from './upstream.ts'

/** The largest public registries have more, and no catalog. */
const LIMITS = { entries: 250_000, pageBytes: 64 * 1024 * 1024, bytes: 128 * 1024 * 1024 }

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
  const title = `${address.host}: catalog`

  const reader: RegistryReader = {
    async *listRepositories({ signal } = {}) {
      const meter = createListingMeter(title, LIMITS)
      const request = { method: 'GET', scope: 'registry:catalog:*', signal, what: 'catalog' } as const
      const read = async (response: HttpResponse): Promise<Page<string>> => {
        if (response.status === 404 || response.status === 405) {
          const { message } = await session.failure(response, request)
          throw new AppError('UPSTREAM_UNSUPPORTED', `${address.host} has no catalog of its repositories (${message})`)
        }
        if (response.status !== 200) throw await session.failure(response, request)
        return await readCatalogPage(response, title, meter)
      }
      const walk = walkSizedPages(new URL('/v2/_catalog', address.base), {
        keyOf: (name: string) => name,
        what: title,
        send: (url) => session.send({ ...request, url, headers: { accept: 'application/json' } }),
        read,
      })
      for await (const full of walk) {
        const name = nameUnderPrefix(address, full)
        if (name !== undefined) yield name
      }
    },
  }
  return redactedRegistry(reader, session.redacted)
}

/** One page of a catalog. @throws AppError UPSTREAM_INVALID when it is none, or larger than `meter` allows */
export async function readCatalogPage(
  response: HttpResponse,
  title: string,
  meter: ListingMeter,
): Promise<Page<string>> {
  const items: string[] = []
  let entries = 0
  meter.page()
  const fields = await readJsonItems(response, {
    fields: ['repositories'],
    paths: ['$.repositories.*'],
    onItem(value) {
      meter.entry()
      entries++
      // With a prefix of the endpoint a name may be longer than ours may be; nothing real is twice as long.
      if (typeof value === 'string' && value.length <= 2 * MAX_NAME_LENGTH) items.push(value)
    },
    onBytes: meter.bytes,
    what: title,
  })
  requireList(fields.get('repositories'), 'repositories', title)
  return { items, entries, link: response.headers.get('link') }
}
