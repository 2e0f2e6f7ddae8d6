import { createRoute } from '@hono/zod-openapi'
import type { Authenticated } from '../../access/principal.ts'
import { decideOrganization, viewerOf } from '../../access/rights.ts'
import { catalogListSchema } from '../../api/catalog.ts'
import { listQuerySchema } from '../../api/lists.ts'
import { nameSchema } from '../../api/schema.ts'
import { listEntries } from '../../catalog/entries.ts'
import type { Database } from '../../db/engine/engine.ts'
import { findUpstream } from '../../db/mirrors/upstreams.ts'
import type { OrganizationRow, UpstreamRow } from '../../db/schema.ts'
import { AppError } from '../../errors.ts'
import { cutPage } from '../../lib/weighed-page.ts'
import type { RegistryReader } from '../../oci/repository.ts'
import { allowAcross, asRefusal } from './decide.ts'
import { keepOpen, newRoutes, ok, type Routes } from './route.ts'

const list = createRoute({
  method: 'get',
  path: '/catalog',
  tags: ['catalog'],
  summary: 'List the repositories of an upstream',
  description: 'UPSTREAM_UNSUPPORTED when it does not list them; they can be mirrored all the same.',
  request: { query: listQuerySchema.extend({ upstream: nameSchema, organization: nameSchema.optional() }) },
  responses: ok('One page, by name', catalogListSchema),
})

interface Deps {
  readonly db: Database
  /** Opens the list of an upstream's repositories. */
  readonly openRegistry: (upstream: UpstreamRow, organization: string | undefined) => RegistryReader
}

export function catalogRoutes({ db, openRegistry }: Deps): Routes {
  return newRoutes().serve(
    list,
    (who, c) => allowCatalog(db, who, c.req.valid('query')),
    async (c, granted) => {
      const { upstream: name, limit, after } = c.req.valid('query')
      const { organizations, upstream } = granted
      keepOpen(c)
      const rows = await listEntries(
        db,
        openRegistry(upstream, upstream.organization_id ?? organizations[0]?.id),
        upstream,
        {
          organizationIds: organizations.map(({ id }) => id),
          viewer: granted.viewer,
          limit: limit + 1,
          after,
          signal: c.req.raw.signal,
        },
      )
      const { items, next } = cutPage(rows, limit, (row) => row.repository)
      const entries = items.map(({ repository, mirrors }) => ({
        upstream: name,
        repository,
        title: null,
        mirrors: [...mirrors],
      }))
      return c.json({ entries, next }, 200)
    },
  )
}

/**
 * The list is asked for with the upstream's credential. One's own organization's is its members' to use; that of a shared upstream is
 * the operator's, and used by those who may bring content into some organization.
 * @throws AppError UNAUTHORIZED, DENIED, NOT_FOUND (also for whoever sees no upstream at all)
 */
async function allowCatalog(
  db: Database,
  who: Authenticated,
  o: { readonly organization?: string | undefined; readonly upstream: string },
) {
  const granted = await allowAcross(db, who, o.organization, 'upstream.read')
  const { organizations, isOperator } = granted
  if (organizations.length === 0 && !isOperator) {
    const attempt = { organization: undefined, action: 'upstream.read', object: `upstream:${o.upstream}` }
    throw asRefusal(unknownUpstream(o.upstream), attempt)
  }
  const upstream = await getUpstream(db, organizations, o.upstream)
  const isOperators = upstream.organization_id === null && upstream.username !== null
  if (isOperators && !isOperator && !(await mayUseShared(db, who, organizations))) {
    throw new AppError('DENIED', `you may not use the shared upstream ${o.upstream}: owners and editors do`)
  }
  return { ...granted, upstream, viewer: await viewerOf(db.read, who, 'mirror.read') }
}

async function mayUseShared(db: Database, who: Authenticated, organizations: readonly OrganizationRow[]) {
  for (const { name } of organizations) {
    if ((await decideOrganization(db.read, who, name, 'upstream.use')).allowed) return true
  }
  return false
}

function unknownUpstream(name: string): AppError {
  return new AppError('NOT_FOUND', `there is no upstream ${name}`)
}

/** What the name means to these organizations. @throws AppError NOT_FOUND; INVALID_REQUEST when it means several things */
async function getUpstream(
  db: Database,
  organizations: readonly OrganizationRow[],
  name: string,
): Promise<UpstreamRow> {
  const found = new Map<string, UpstreamRow>()
  for (const id of organizations.length === 0 ? [null] : organizations.map((organization) => organization.id)) {
    const row = await findUpstream(db.read, id, name)
    if (row !== undefined) found.set(row.id, row)
  }
  const [row, ...others] = found.values()
  if (row === undefined) throw unknownUpstream(name)
  if (others.length === 0) return row
  throw new AppError(
    'INVALID_REQUEST',
    `upstream ${name} means several registries in your organizations: name one of them`,
  )
}
