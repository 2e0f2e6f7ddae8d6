// Catalogs are read in the background: tests that are about what was read wait for it.
import { type CatalogState, catalogStateAnswerSchema } from '../../src/api/catalog.ts'
import { OWNER, type WholeServer } from './whole-server.ts'

/** Resolves once the catalog has been read and nothing is due. */
export async function catalogIsRead(
  kagami: WholeServer,
  upstream: string,
  organization?: string,
): Promise<CatalogState> {
  const query = organization === undefined ? '' : `?organization=${organization}`
  for (;;) {
    const answer = await kagami.call('GET', `/catalog/${upstream}${query}`, { login: OWNER })
    const { catalog } = answer.as(catalogStateAnswerSchema)
    if (!catalog.refreshing && catalog.triedAt !== null) return catalog
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
