import { createRoute } from '@hono/zod-openapi'
import type { Authenticated } from '../../access/principal.ts'
import { decideInstance, decideOrganization, viewerOf } from '../../access/rights.ts'
import {
  catalogChangeSchema,
  catalogDetailAnswerSchema,
  catalogListSchema,
  catalogQuerySchema,
  catalogRefreshSchema,
  catalogStateAnswerSchema,
} from '../../api/catalog.ts'
import { nameSchema, sourceRepositorySchema, z } from '../../api/schema.ts'
import type { Catalogs } from '../../catalog/catalogs.ts'
import { isBeingRead, listEntries, noEntry, showEntry } from '../../catalog/entries.ts'
import { renderCatalogState } from '../../catalog/views.ts'
import type { Database } from '../../db/engine/engine.ts'
import { catalogReadingState, catalogSettingsState } from '../../db/mirrors/audit-states.ts'
import { findCatalogLogo } from '../../db/mirrors/catalog-entries.ts'
import { findCatalog } from '../../db/mirrors/catalogs.ts'
import { findUpstream } from '../../db/mirrors/upstreams.ts'
import type { OrganizationRow, UpstreamRow } from '../../db/schema.ts'
import { AppError } from '../../errors.ts'
import { type Clock, isoTime } from '../../lib/clock.ts'
import { cutPage } from '../../lib/weighed-page.ts'
import { allowAcross, allowInOrganization, allowOnInstance, asRefusal } from './decide.ts'
import { body, newRoutes, ok, type Routes, refused } from './route.ts'

const tags = ['catalog']
const organizationQuery = z.strictObject({ organization: nameSchema.optional() })

const list = createRoute({
  method: 'get',
  path: '/catalog',
  tags,
  summary: 'List the repositories of an upstream',
  description:
    'As they were read last. The first look has them read in the background: until then `reading` is true, and those that people gave are listed. UPSTREAM_UNSUPPORTED when the registry does not list them and nobody gave a list: they can be mirrored all the same.',
  request: { query: catalogQuerySchema },
  responses: ok('One page, by name', catalogListSchema),
})

const state = createRoute({
  method: 'get',
  path: '/catalog/{upstream}',
  tags,
  summary: 'Show how the catalog of an upstream stands',
  request: { params: z.strictObject({ upstream: nameSchema }), query: organizationQuery },
  responses: ok('When it was read, and from where', catalogStateAnswerSchema),
})

const ownQuery = z.strictObject({ organization: nameSchema.optional().describe('Left out: a shared one') })

const change = createRoute({
  method: 'patch',
  path: '/catalog/{upstream}',
  tags,
  summary: "Say where an upstream's names and definitions come from (owners; shared ones: operators)",
  request: {
    params: z.strictObject({ upstream: nameSchema }),
    query: ownQuery,
    body: body(catalogChangeSchema),
  },
  responses: ok('It is read anew', catalogStateAnswerSchema),
})

const refresh = createRoute({
  method: 'post',
  path: '/catalog/{upstream}/refresh',
  tags,
  summary: 'Read the catalog of an upstream now (owners and editors)',
  description: 'It goes on in the background; one that was read a moment ago is not read again.',
  request: {
    params: z.strictObject({ upstream: nameSchema }),
    query: organizationQuery,
    body: body(catalogRefreshSchema),
  },
  responses: ok('How it stands', catalogStateAnswerSchema),
})

const entryPath = {
  params: z.strictObject({ upstream: nameSchema, repository: sourceRepositorySchema }),
  query: organizationQuery,
}

const entry = createRoute({
  method: 'get',
  path: '/catalog/{upstream}/{repository}',
  tags,
  summary: 'Show one repository of an upstream: what it is, and its variants',
  description: 'Slashes in the name are written %2F. `overview` and `guides` are what others have written: Markdown.',
  request: entryPath,
  responses: ok('The entry', catalogDetailAnswerSchema),
})

const logo = createRoute({
  method: 'get',
  path: '/catalog/{upstream}/{repository}/logo',
  tags,
  summary: "Show an entry's logo",
  description:
    'SVG that others have made: it is for <img>, and comes under a policy that lets it load and run nothing.',
  request: { ...entryPath, query: organizationQuery.extend({ v: z.string().max(64).optional().describe('Any') }) },
  responses: { 200: { description: 'The picture', content: { 'image/svg+xml': { schema: z.string() } } }, ...refused },
})

/** An SVG from strangers: no script, nothing loaded, no type guessed, and no place in another page but as a picture. */
const LOGO_HEADERS = {
  'content-type': 'image/svg+xml',
  'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; sandbox",
  'x-content-type-options': 'nosniff',
  'content-disposition': 'inline; filename="logo.svg"',
  'cross-origin-resource-policy': 'same-origin',
  // Its address holds what it is; whose eyes it is for, the cookie says.
  'cache-control': 'private, max-age=604800, immutable',
}

interface Deps {
  readonly db: Database
  readonly catalogs: Catalogs
  readonly clock: Clock
}

/** A request about the catalog of one upstream. */
type One = {
  readonly req: { valid(target: 'query'): { readonly organization?: string | undefined } }
} & { readonly req: { valid(target: 'param'): { readonly upstream: string } } }

export function catalogRoutes({ db, catalogs, clock }: Deps): Routes {
  const now = () => isoTime(clock.now())
  const today = () => now().slice(0, 10)
  const asked = (c: One) => ({
    organization: c.req.valid('query').organization,
    upstream: c.req.valid('param').upstream,
  })

  const stateOf = async (upstream: UpstreamRow, organization: string | null, seesAddress: boolean) => {
    const row = await findCatalog(db.read, upstream.id)
    return renderCatalogState(upstream, organization, row, { now: now(), seesAddress })
  }
  const organizationOf = ({ organizations, upstream }: Awaited<ReturnType<typeof allowCatalog>>) =>
    organizations.find(({ id }) => id === upstream.organization_id)?.name ?? null

  /** Asks for requests with the upstream's credential: as `upstream.use` says, in the organization that it is of, or in any. */
  const allowRefresh = async (
    who: Authenticated,
    c: One & { req: { valid(target: 'json'): { acceptShrink: boolean } } },
  ) => {
    const granted = await allowCatalog(db, who, asked(c))
    const { organizations, upstream, isOperator } = granted
    const mayManage = await mayManageCatalog(db, who, upstream, organizations)
    const own =
      upstream.organization_id === null
        ? organizations
        : organizations.filter(({ id }) => id === upstream.organization_id)
    if (c.req.valid('json').acceptShrink && !mayManage) {
      throw new AppError('DENIED', `you may not accept what ${upstream.name} lists: whoever manages it does`)
    }
    if (!mayManage && !isOperator && !(await mayUse(db, who, own))) {
      throw new AppError('DENIED', `you may not refresh the catalog of ${upstream.name}: owners and editors do`)
    }
    return { ...granted, seesAddress: mayManage }
  }
  const allowChange = async (who: Authenticated, c: One) => {
    const { organization, upstream: name } = asked(c)
    const granted =
      organization === undefined
        ? { ...(await allowOnInstance(db, who, 'upstream.share', 'change shared upstreams')), organization: undefined }
        : await allowInOrganization(db, who, organization, 'upstream.manage', 'change upstreams')
    const id = granted.organization?.id ?? null
    const upstream = await findUpstream(db.read, id, name)
    if (upstream === undefined || upstream.organization_id !== id) throw unknownUpstream(name)
    return { ...granted, upstream }
  }

  return newRoutes()
    .serve(
      list,
      (who, c) => allowCatalog(db, who, c.req.valid('query')),
      async (c, granted) => {
        const { limit, after, q: part } = c.req.valid('query')
        const { organizations, upstream, viewer } = granted
        const catalog = await findCatalog(db.read, upstream.id)
        catalogs.want(upstream.id, catalog)
        const rows = await listEntries(db, upstream, catalog, {
          organizationIds: organizations.map(({ id }) => id),
          viewer,
          limit: limit + 1,
          after,
          part,
          today: today(),
        })
        const { items, next } = cutPage(rows, limit, (row) => row.repository)
        return c.json({ entries: [...items], next, reading: isBeingRead(catalog) }, 200)
      },
    )
    .serve(
      state,
      (who, c) => allowCatalog(db, who, asked(c)),
      async (c, granted) => {
        const { upstream, organizations } = granted
        const seesAddress = await mayManageCatalog(db, c.var.who, upstream, organizations)
        return c.json({ catalog: await stateOf(upstream, organizationOf(granted), seesAddress) }, 200)
      },
    )
    .change(
      change,
      allowChange,
      {
        action: 'catalog.change',
        on: (c) => ({ organization: asked(c).organization, object: `catalog:${asked(c).upstream}` }),
        read: (tx, _c, { upstream }) => catalogSettingsState(tx, upstream.id),
      },
      async (c, { upstream, organization }) => {
        await catalogs.change(upstream, c.req.valid('json'))
        return c.json({ catalog: await stateOf(upstream, organization?.name ?? null, true) }, 200)
      },
    )
    .change(
      refresh,
      allowRefresh,
      {
        action: 'catalog.refresh',
        on: (c) => ({ organization: asked(c).organization, object: `catalog:${asked(c).upstream}` }),
        read: (tx, _c, { upstream }) => catalogReadingState(tx, upstream.id),
      },
      async (c, granted) => {
        const { upstream, seesAddress } = granted
        await catalogs.refresh(upstream.id, c.req.valid('json'))
        return c.json({ catalog: await stateOf(upstream, organizationOf(granted), seesAddress) }, 200)
      },
    )
    .serve(
      logo,
      (who, c) => allowCatalog(db, who, asked(c)),
      async (c, { upstream }) => {
        const { repository } = c.req.valid('param')
        const bytes = await findCatalogLogo(db.read, upstream.id, repository)
        if (bytes === undefined) throw noEntry(upstream.name, `logo of ${repository}`)
        return c.body(new Uint8Array(bytes), 200, LOGO_HEADERS) as never
      },
    )
    .serve(
      entry,
      (who, c) => allowCatalog(db, who, asked(c)),
      async (c, { upstream, organizations, viewer }) => {
        const { repository } = c.req.valid('param')
        const organizationIds = organizations.map(({ id }) => id)
        const shown = await showEntry(db, upstream, repository, { organizationIds, viewer, today: today() })
        return c.json({ entry: shown }, 200)
      },
    )
}

async function mayManageCatalog(
  db: Database,
  who: Authenticated,
  upstream: UpstreamRow,
  organizations: readonly OrganizationRow[],
): Promise<boolean> {
  if (upstream.organization_id === null) return (await decideInstance(db.read, who, 'upstream.share')).allowed
  const owner = organizations.find(({ id }) => id === upstream.organization_id)
  return owner !== undefined && (await decideOrganization(db.read, who, owner.name, 'upstream.manage')).allowed
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
  if (isOperators && !isOperator && !(await mayUse(db, who, organizations))) {
    throw new AppError('DENIED', `you may not use the shared upstream ${o.upstream}: owners and editors do`)
  }
  return { ...granted, upstream, viewer: await viewerOf(db.read, who, 'mirror.read') }
}

async function mayUse(db: Database, who: Authenticated, organizations: readonly OrganizationRow[]) {
  for (const { name } of organizations) {
    if ((await decideOrganization(db.read, who, name, 'upstream.use')).allowed) return true
  }
  return false
}

function unknownUpstream(name: string): AppError {
  return new AppError('NOT_FOUND', `there is no upstream ${name}`, {
    about: { reason: 'absent', what: 'upstream', name },
  })
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
