// How long pages of lists take at the size that the passes have made.
import { registryClient } from '../support/registry-client.ts'
import type { Catalog } from './catalog-content.ts'
import type { CatalogKagami } from './catalog-kagami.ts'
import { median, short, table } from './ratios.ts'

const ROUNDS = 15
/** Which no page may take longer than. */
export const MOST_MS = 50

export interface PageTime {
  readonly what: string
  readonly middleMs: number
  readonly mostMs: number
}

/** Pages of each list. */
export async function measureLists({ kagami, api }: CatalogKagami, catalog: Catalog): Promise<PageTime[]> {
  const largest = catalog.repositories.reduce(
    (best, _, n) => (catalog.tagsOf(n).size > catalog.tagsOf(best).size ? n : best),
    0,
  )
  const name = catalog.repositories[largest] ?? ''
  const [mirror, repository] = [`/mirrors/acme/${name}`, `/repositories/acme/${name}`]
  const { runs } = await api.call<{ runs: { id: string }[] }>('GET', `${mirror}/runs`)
  const { subscriptions } = await api.call<{ subscriptions: { id: string }[] }>('GET', '/subscriptions')
  const { index } = catalog.image(catalog.imagesOf(largest)[0] ?? 0, false, false)
  const client = registryClient(kagami.url, `acme/${name}`, { credentials: api.credentials })
  const first = runs.at(-1)?.id
  const subscription = `/subscriptions/acme/${subscriptions[0]?.id}`
  const api1 = (path: string) => async () => void (await (await api.ask('GET', path)).arrayBuffer())
  const middle = catalog.repositories[catalog.repositories.length >> 1]
  const pages: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['`/repositories`, 100', api1('/repositories?limit=100')],
    ['`/repositories`, 100 from the middle', api1(`/repositories?limit=100&after=acme%2F${middle}`)],
    ['`/repositories`, 1,000', api1('/repositories?limit=1000')],
    ['`/mirrors`, 100', api1('/mirrors?limit=100')],
    ['`/mirrors`, 1,000', api1('/mirrors?limit=1000')],
    ['`/subscriptions`', api1('/subscriptions')],
    ['entries of a subscription, 100', api1(`${subscription}/entries?limit=100`)],
    ['`/organizations`', api1('/organizations')],
    ['`/upstreams`', api1('/upstreams')],
    ['catalog of an upstream, 100', api1('/catalog?upstream=origin&organization=acme&limit=100')],
    ['one mirror', api1(mirror)],
    ['one repository', api1(repository)],
    ['tags of a repository', api1(`${repository}/tags`)],
    ['history of a repository', api1(`${repository}/history`)],
    ['runs of a mirror', api1(`${mirror}/runs`)],
    ['items of its first run', api1(`${mirror}/runs/${first}`)],
    ['explain', api1(`${mirror}/explain`)],
    ['explain, one tag', api1(`${mirror}/explain?tag=0.0`)],
    ['`/v2/…/tags/list`', () => client.send('tags/list')],
    ['`/v2/…/referrers` of an index', () => client.send(`referrers/${index.digest}`)],
  ]
  const found: PageTime[] = []
  for (const [what, read] of pages) {
    const times: number[] = []
    await read()
    for (let round = 0; round < ROUNDS; round++) {
      const begun = performance.now()
      await read()
      times.push(performance.now() - begun)
    }
    found.push({ what, middleMs: median(times), mostMs: Math.max(...times) })
  }
  return found
}

export function listTable(pages: readonly PageTime[]): string {
  const rows = pages.map(({ what, middleMs, mostMs }) => [
    what,
    short(middleMs),
    short(mostMs),
    middleMs <= MOST_MS ? 'yes' : '**no**',
  ])
  return table(['Page', 'p50 ms', 'most ms', `p50 ≤ ${MOST_MS}`], rows)
}
