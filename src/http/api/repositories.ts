import { createRoute } from '@hono/zod-openapi'
import type { Authenticated } from '../../access/principal.ts'
import type { RepositoryAction } from '../../access/rights.ts'
import { acrossQuerySchema } from '../../api/lists.ts'
import type { Mirror } from '../../api/mirrors.ts'
import {
  type ImmutableTags,
  type RepositoryDetail,
  repositoryAnswerSchema,
  repositoryChangeAnswerSchema,
  repositoryChangeSchema,
  repositoryCreateSchema,
  repositoryDeleteQuerySchema,
  repositoryListSchema,
} from '../../api/repositories.ts'
import { nameSchema, sourceRepositorySchema, z } from '../../api/schema.ts'
import { listRepositories } from '../../db/content/repository-lists.ts'
import { type RepositorySummary, summarizeRepositories } from '../../db/content/repository-summaries.ts'
import type { Database, Queries } from '../../db/engine/engine.ts'
import { repositoryState, workState } from '../../db/mirrors/audit-states.ts'
import { listReplicationIds } from '../../db/replication/life.ts'
import type { RepositoryRow } from '../../db/schema.ts'
import { AppError } from '../../errors.ts'
import { readPage } from '../../lib/weighed-page.ts'
import type { MirrorEngine } from '../../mirror/engine.ts'
import { parseRepositoryName, type RepositoryName } from '../../oci/reference.ts'
import { changeSettings, createWithSettings, removeRepository, type Settings } from '../../registry/repositories.ts'
import type { Replications } from '../../replication/engine.ts'
import { actorOf, allowList, allowOnName, allowOnRepository, nameOf } from './decide.ts'
import { body, created, done, newRoutes, ok, type Routes } from './route.ts'

const tags = ['repositories']
export const repositoryPathSchema = z.strictObject({ organization: nameSchema, name: sourceRepositorySchema })

const list = createRoute({
  method: 'get',
  path: '/repositories',
  tags,
  summary: 'List the repositories of your organizations that you may pull',
  request: { query: acrossQuerySchema },
  responses: ok('One page, by name', repositoryListSchema),
})

const create = createRoute({
  method: 'post',
  path: '/repositories',
  tags,
  summary: 'Create a repository',
  request: { body: body(repositoryCreateSchema) },
  responses: created('The repository', repositoryAnswerSchema),
})

const show = createRoute({
  method: 'get',
  path: '/repositories/{organization}/{name}',
  tags,
  summary: 'Show a repository',
  description: 'A `/` in the name is written `%2F`.',
  request: { params: repositoryPathSchema },
  responses: ok('The repository', repositoryAnswerSchema),
})

const change = createRoute({
  method: 'patch',
  path: '/repositories/{organization}/{name}',
  tags,
  summary: 'Change settings of a repository',
  description:
    'Making it public, or archiving it, pauses the mirror that feeds it until neither holds, and needs the right to do so. `effects` says so; with `dryRun` nothing else happens.',
  request: { params: repositoryPathSchema, body: body(repositoryChangeSchema) },
  responses: ok('The repository', repositoryChangeAnswerSchema),
})

const remove = createRoute({
  method: 'delete',
  path: '/repositories/{organization}/{name}',
  tags,
  summary: 'Delete a repository with all its content',
  request: { params: repositoryPathSchema, query: repositoryDeleteQuerySchema },
  responses: done('Deleted'),
})

/** A request about one repository. */
interface One {
  readonly req: { valid(target: 'param'): { readonly organization: string; readonly name: string } }
}

/** What people do to a repository. */
function auditOfRepository(action: string) {
  return {
    action,
    on: (c: One) => ({ organization: c.req.valid('param').organization, object: nameOf(c.req.valid('param')) }),
    read: (db: Queries, c: One) => repositoryState(db, nameOf(c.req.valid('param'))),
  }
}

/** A mirror ends before its repository goes. */
const stopsMirror = {
  action: 'mirror.stop',
  read: (db: Queries, c: One) => workState(db, nameOf(c.req.valid('param'))),
}

interface Deps {
  readonly db: Database
  readonly mirrors: MirrorEngine
  readonly replications: Pick<Replications, 'halt'>
}

export function repositoryRoutes({ db, mirrors, replications }: Deps): Routes {
  const detail = async (row: RepositoryRow) => {
    const [summary] = await summarizeRepositories(db.read, [row])
    if (summary === undefined) throw new Error('a summary has a row for each repository')
    return { repository: detailOf(summary) }
  }
  /** The mirror at work on the repository, which the change will pause or end: only who may stop it may make the change. */
  const findOwnMirror = async (name: RepositoryName, who: Authenticated) => {
    const mirror = await mirrors.findByRepository(name)
    if (mirror === undefined || mirror.state === 'stopped') return undefined
    await allowOnName(db, who, name, 'mirror.stop', 'pause or end the mirror that feeds')
    return mirror
  }
  const allow =
    (action: RepositoryAction) =>
    (who: Authenticated, c: { req: { valid(target: 'param'): { organization: string; name: string } } }) =>
      allowOnRepository(db, who, nameOf(c.req.valid('param')), action)
  const allowCreate = async (who: Authenticated, { name, ...settings }: z.infer<typeof repositoryCreateSchema>) => {
    const granted = await allowOnName(db, who, parseRepositoryName(name), 'create')
    // Settings are the repository's admin's business; whoever may create it but not that takes the defaults.
    if (Object.values(settings).some((value) => value !== undefined)) {
      await allowOnName(db, who, parseRepositoryName(name), 'admin', 'set up')
    }
    return granted
  }
  return newRoutes()
    .serve(
      list,
      (who, c) => allowList(db, who, c.req.valid('query').organization, 'repositories'),
      async (c, { organizations, viewer }) => {
        const { limit, after } = c.req.valid('query')
        const organizationIds = organizations.map(({ id }) => id)
        const page = await readPage({
          limit,
          after,
          read: (from, count) =>
            listRepositories(db.read, {
              organizationIds,
              viewer,
              limit: count,
              ...(from === undefined ? {} : { after: from }),
            }),
          keyOf: (row) => row.name,
        })
        const repositories = (await summarizeRepositories(db.read, page.items)).map(listedOf)
        return c.json({ repositories, next: page.next }, 200)
      },
    )
    .change(
      create,
      (who, c) => allowCreate(who, c.req.valid('json')),
      {
        action: 'repository.create',
        on: (c) => {
          const { name } = c.req.valid('json')
          return { organization: name.slice(0, Math.max(0, name.indexOf('/'))), object: name }
        },
        read: (db, c) => repositoryState(db, c.req.valid('json').name),
      },
      async (c, { organization }) => {
        const { name: text, ...settings } = c.req.valid('json')
        const row = await createWithSettings(
          db,
          organization,
          parseRepositoryName(text),
          settingsOf(settings),
          actorOf(c.var.who),
        )
        return c.json(await detail(row), 201)
      },
    )
    .serve(show, allow('pull'), async (c, { repository }) => c.json(await detail(repository), 200))
    .change(change, allow('admin'), auditOfRepository('repository.change'), async (c, { repository }) => {
      const name = nameOf(c.req.valid('param'))
      const settings = c.req.valid('json')
      const isEnd = settings.visibility === 'public' || settings.archived === true
      if (isEnd) await findOwnMirror(name, c.var.who)
      const mirror = await mirrors.findByRepository(name)
      const effects = mirror === undefined ? [] : effectsOf(mirror, settings)
      if (settings.dryRun === true) return c.json({ ...(await detail(repository)), effects }, 200)
      const row = await changeSettings(db, repository, settingsOf(settings), actorOf(c.var.who))
      // The change itself has paused the mirror or made it due; a run under way would find out only when it publishes.
      if (mirror !== undefined) await mirrors.halt(mirror.id)
      mirrors.wake()
      return c.json({ ...(await detail(row)), effects }, 200)
    })
    .change(
      remove,
      allow('admin'),
      { ...auditOfRepository('repository.delete'), also: [stopsMirror] },
      async (c, { repository }) => {
        const name = nameOf(c.req.valid('param'))
        const { confirm } = c.req.valid('query')
        if (confirm !== name) {
          const got = confirm === undefined ? 'nothing' : JSON.stringify(confirm)
          throw new AppError(
            'INVALID_REQUEST',
            `confirm: got ${got}, want ${name}: it is deleted with all its content`,
            { about: { reason: 'not-confirmed', what: 'repository', name, where: 'confirm' } },
          )
        }
        const mirror = await findOwnMirror(name, c.var.who)
        if (mirror !== undefined) await mirrors.stop(mirror.id, actorOf(c.var.who))
        const sentOn = await listReplicationIds(db.read, { repositoryId: repository.id })
        await removeRepository(db, repository, actorOf(c.var.who))
        // They went with it; what is at the targets stays.
        for (const id of sentOn) await replications.halt(id)
        mirrors.wake()
        return c.body(null, 204)
      },
    )
}

/** What a change of the repository does to the mirror that feeds it, in sentences. */
function effectsOf({ repository, state, pauses }: Mirror, change: z.infer<typeof repositoryChangeSchema>): string[] {
  if (state === 'stopped') return []
  const rests = new Set(pauses.map(({ cause }) => cause))
  const after = new Set(rests)
  for (const [cause, holds] of [
    ['public', change.visibility === undefined ? undefined : change.visibility === 'public'],
    ['archived', change.archived],
  ] as const) {
    if (holds === true) after.add(cause)
    if (holds === false) after.delete(cause)
  }
  const begins = [...after].filter((cause) => !rests.has(cause))
  if (begins.includes('public')) {
    return [
      `The mirror ${repository} pauses: a public repository gets no updates. Its images stay and can be pulled by anybody.`,
    ]
  }
  if (begins.length > 0) return [`The mirror ${repository} pauses: an archived repository gets no updates.`]
  if (after.size === rests.size) return []
  if (after.size === 0) return [`The mirror ${repository} resumes, with a full check.`]
  return [`The mirror ${repository} stays paused: ${[...after].join(', ')}.`]
}

function settingsOf(
  o: z.infer<typeof repositoryChangeSchema> | Omit<z.infer<typeof repositoryCreateSchema>, 'name'>,
): Settings {
  const { immutableTags, dryRun: _, ...rest } = { dryRun: undefined, ...o }
  if (immutableTags === undefined) return rest
  const patterns = immutableTags.mode === 'patterns' ? immutableTags.patterns : []
  return { ...rest, immutableTags: immutableTags.mode, immutablePatterns: patterns }
}

function listedOf({ row, mirrorId: mirror, ...counts }: RepositorySummary) {
  return { name: row.name, visibility: row.visibility, mirror, ...counts, updatedAt: row.updated_at }
}

function detailOf(summary: RepositorySummary): RepositoryDetail {
  const { row } = summary
  return {
    ...listedOf(summary),
    description: row.description,
    immutableTags: immutableTagsOf(row),
    allowSparse: row.allow_sparse === 1,
    keepSuperseded: {
      newest: row.keep_superseded_newest,
      days: row.keep_superseded_days,
      daysAfterPull: row.keep_superseded_days_after_pull,
    },
    archivedAt: row.archived_at,
    createdAt: row.created_at,
  }
}

function immutableTagsOf(row: RepositoryRow): ImmutableTags {
  if (row.immutable_tags !== 'patterns') return { mode: row.immutable_tags }
  return { mode: 'patterns', patterns: JSON.parse(row.immutable_patterns) as string[] }
}
