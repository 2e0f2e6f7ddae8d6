import { createRoute } from '@hono/zod-openapi'
import type { Authenticated } from '../../access/principal.ts'
import type { Refusals } from '../../access/refusals.ts'
import { decideOrganization } from '../../access/rights.ts'
import {
  type AuditEntry,
  auditEntrySchema,
  auditFilterSchema,
  auditListSchema,
  auditQuerySchema,
  instanceAuditFilterSchema,
  instanceAuditQuerySchema,
  repositoryAuditQuerySchema,
} from '../../api/audit.ts'
import { nameSchema, z } from '../../api/schema.ts'
import type { Database } from '../../db/engine/engine.ts'
import { findDeletedOrganization } from '../../db/people/organizations.ts'
import { type AuditFilter, listAudit } from '../../db/platform/audit.ts'
import { AppError } from '../../errors.ts'
import { isoTime } from '../../lib/clock.ts'
import { readPage } from '../../lib/weighed-page.ts'
import { allowInOrganization, allowOnInstance, allowOnRepository, nameOf } from './decide.ts'
import type { StreamFormat } from './event-stream.ts'
import { streamLines } from './json-lines.ts'
import { repositoryPathSchema } from './repositories.ts'
import { keepOpen, newRoutes, ok, type Routes, refused } from './route.ts'

const tags = ['audit']
const params = z.strictObject({ organization: nameSchema })
const LINES = 'application/jsonl'
const lines = {
  200: { description: 'One entry a line, newest first', content: { [LINES]: { schema: auditEntrySchema } } },
  ...refused,
}

const list = createRoute({
  method: 'get',
  path: '/organizations/{organization}/audit',
  tags,
  summary: 'Show who did what in an organization, and who was refused what (owners)',
  description: 'What is older than the retention (KAGAMI_AUDIT) is gone.',
  request: { params, query: auditQuerySchema },
  responses: ok('One page, newest first', auditListSchema),
})

const exportAll = createRoute({
  method: 'get',
  path: '/organizations/{organization}/audit/export',
  tags,
  summary: 'Export the audit log of an organization as JSON lines (owners)',
  request: { params, query: auditFilterSchema },
  responses: lines,
})

const listOf = createRoute({
  method: 'get',
  path: '/repositories/{organization}/{name}/audit',
  tags,
  summary: 'Show who did what to a repository, its tags, its mirror and its webhooks (admins of the repository)',
  description: 'Addresses and requests are told to owners only, as in the log of the organization.',
  request: { params: repositoryPathSchema, query: repositoryAuditQuerySchema },
  responses: ok('One page, newest first', auditListSchema),
})

const listOwn = createRoute({
  method: 'get',
  path: '/audit',
  tags,
  summary:
    'Show the audit log of the instance: users, tokens, organizations, shared upstreams, logins (operators); or that of an organization that was deleted',
  request: { query: instanceAuditQuerySchema },
  responses: ok('One page, newest first', auditListSchema),
})

const exportOwn = createRoute({
  method: 'get',
  path: '/audit/export',
  tags,
  summary: 'Export the audit log of the instance as JSON lines (operators)',
  request: { query: instanceAuditFilterSchema },
  responses: lines,
})

interface Deps {
  readonly db: Database
  readonly refusals: Refusals
}

export function auditRoutes({ db, refusals }: Deps): Routes {
  type Named = { req: { valid(target: 'param'): { readonly organization: string } } }
  const allow = (who: Authenticated, c: Named) =>
    allowInOrganization(db, who, c.req.valid('param').organization, 'audit.read', 'read the audit log')
  const allowOwn = (who: Authenticated) => allowOnInstance(db, who, 'instance.audit', 'read the audit log')

  async function pageOf(
    organizationId: string | null,
    query: z.infer<typeof auditQuerySchema>,
    more: Pick<AuditFilter, 'repository'> = {},
  ) {
    // What was refused a moment ago is among it.
    await refusals.flush()
    const { limit, after, ...given } = query
    const filter = { ...filterOf(given), ...more }
    const page = await readPage({
      limit,
      after,
      read: (from, count) => listAudit(db.read, organizationId, filter, { after: seqOf(from), limit: count }),
      keyOf: ({ seq }) => String(seq),
    })
    return { entries: [...page.items], next: page.next }
  }

  function stream(
    c: Parameters<typeof keepOpen>[0],
    organizationId: string | null,
    given: z.infer<typeof auditFilterSchema>,
    again: () => Promise<unknown>,
  ) {
    const filter = filterOf(given)
    keepOpen(c)
    const open = (signal: AbortSignal) => pages(organizationId, filter, signal)
    // The framework knows only whole documents.
    return streamLines(c.req.raw.signal, open, again, PAGES) as never
  }

  async function* pages(
    organizationId: string | null,
    filter: AuditFilter,
    signal: AbortSignal,
  ): AsyncGenerator<AuditEntry[]> {
    await refusals.flush()
    for (let after: number | undefined; !signal.aborted; ) {
      const entries = await listAudit(db.read, organizationId, filter, { after, limit: EXPORT_PAGE })
      if (entries.length > 0) yield entries
      if (entries.length < EXPORT_PAGE) return
      after = entries.at(-1)?.seq
    }
  }

  /** @param deleted name of an organization that was deleted; undefined: the log is the instance's */
  async function findLog(deleted: string | undefined): Promise<string | null> {
    if (deleted === undefined) return null
    const row = await findDeletedOrganization(db.read, deleted)
    if (row === undefined) throw new AppError('NOT_FOUND', `no organization ${deleted} was deleted`)
    return row.id
  }

  return newRoutes()
    .serve(list, allow, async (c, { organization }) => c.json(await pageOf(organization.id, c.req.valid('query')), 200))
    .serve(exportAll, allow, async (c, { organization }, again) =>
      stream(c, organization.id, c.req.valid('query'), again),
    )
    .serve(
      listOf,
      (who, c) => allowOnRepository(db, who, nameOf(c.req.valid('param')), 'audit', 'see what was done to'),
      async (c, { organization, repository }) => {
        const page = await pageOf(organization.id, c.req.valid('query'), { repository: repository.name })
        const seesAll = await decideOrganization(db.read, c.var.who, organization.name, 'audit.read')
        if (seesAll.allowed) return c.json(page, 200)
        return c.json({ ...page, entries: page.entries.map(withoutPlace) }, 200)
      },
    )
    .serve(listOwn, allowOwn, async (c) => {
      const { deleted, ...query } = c.req.valid('query')
      return c.json(await pageOf(await findLog(deleted), query), 200)
    })
    .serve(exportOwn, allowOwn, async (c, _, again) => {
      const { deleted, ...query } = c.req.valid('query')
      return stream(c, await findLog(deleted), query, again)
    })
}

/** Where somebody was, and by which request, is not for everybody who administers a repository. */
function withoutPlace(entry: AuditEntry): AuditEntry {
  return { ...entry, address: null, requestId: null }
}

const EXPORT_PAGE = 500

const PAGES: StreamFormat<readonly AuditEntry[]> = {
  contentType: LINES,
  opening: '',
  keepAlive: '\n',
  render: (entries) => entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''),
}

function filterOf({ actor, since, until, ...rest }: z.infer<typeof auditFilterSchema>): AuditFilter {
  const time = (text: string | undefined) => (text === undefined ? undefined : isoTime(new Date(text)))
  const whole = actor === undefined || actor === 'system' || actor.includes(':') ? actor : `user:${actor}`
  return { ...rest, actor: whole, since: time(since), until: time(until) }
}

/** @throws AppError INVALID_REQUEST: a list never begins anew because its cursor is not one */
function seqOf(after: string | undefined): number | undefined {
  if (after === undefined) return undefined
  if (/^\d{1,15}$/.test(after)) return Number(after)
  throw new AppError(
    'INVALID_REQUEST',
    `after: got ${JSON.stringify(after.slice(0, 80))}, want the \`next\` of the page before`,
  )
}
