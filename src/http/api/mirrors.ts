import { createRoute } from '@hono/zod-openapi'
import type { Authenticated } from '../../access/principal.ts'
import type { RepositoryAction } from '../../access/rights.ts'
import { acrossQuerySchema } from '../../api/lists.ts'
import { mirrorChangeSchema } from '../../api/mirror-settings.ts'
import {
  type Mirror,
  mirrorAnswerSchema,
  mirrorListSchema,
  mirrorRestartSchema,
  mirrorRunAnswerSchema,
  mirrorStartSchema,
  mirrorStopSchema,
  mirrorSyncSchema,
} from '../../api/mirrors.ts'
import { planAnswerSchema } from '../../api/plans.ts'
import type { Database, Queries } from '../../db/engine/engine.ts'
import { mirrorState, repositoryState, runState, workState } from '../../db/mirrors/audit-states.ts'
import { findUpstream } from '../../db/mirrors/upstreams.ts'
import { findRepository } from '../../db/repositories/repositories.ts'
import { AppError } from '../../errors.ts'
import type { MirrorEngine, StartRequest } from '../../mirror/engine.ts'
import { destinationOf } from '../../mirror/life/start.ts'
import { parseTag } from '../../oci/reference.ts'
import { removeRepository } from '../../registry/repositories.ts'
import {
  actorOf,
  allowInOrganization,
  allowList,
  allowOnName,
  allowOnRepository,
  type Granted,
  nameOf,
} from './decide.ts'
import { repositoryPathSchema } from './repositories.ts'
import { begun, body, keepOpen, newRoutes, ok, type Routes, refused } from './route.ts'

const tags = ['mirrors']

const list = createRoute({
  method: 'get',
  path: '/mirrors',
  tags,
  summary: 'List the mirrors of your organizations that you may see',
  request: { query: acrossQuerySchema },
  responses: ok('One page, by destination', mirrorListSchema),
})

const start = createRoute({
  method: 'post',
  path: '/mirrors',
  tags,
  summary: 'Mirror an upstream repository into a private one (owners)',
  request: { body: body(mirrorStartSchema) },
  responses: begun(mirrorRunAnswerSchema, planAnswerSchema),
})

const show = createRoute({
  method: 'get',
  path: '/mirrors/{organization}/{name}',
  tags,
  summary: 'Show a mirror, by destination',
  description: 'A `/` in the name is written `%2F`.',
  request: { params: repositoryPathSchema },
  responses: ok('The mirror', mirrorAnswerSchema),
})

const sync = createRoute({
  method: 'post',
  path: '/mirrors/{organization}/{name}/sync',
  tags,
  summary: 'Bring in now what upstream has',
  description: 'When the run has ended, what upstream had at this call is here.',
  request: { params: repositoryPathSchema, body: body(mirrorSyncSchema) },
  responses: begun(mirrorRunAnswerSchema, planAnswerSchema),
})

const stop = createRoute({
  method: 'post',
  path: '/mirrors/{organization}/{name}/stop',
  tags,
  summary: 'Stop updates (owners); repository and images stay',
  description: 'With `delete`, the repository goes too, with all its images: `confirm` is then its name.',
  request: {
    params: repositoryPathSchema,
    body: { content: { 'application/json': { schema: mirrorStopSchema } }, required: false },
  },
  responses: ok('The mirror, as it was at its end', mirrorAnswerSchema),
})

const pause = createRoute({
  method: 'post',
  path: '/mirrors/{organization}/{name}/pause',
  tags,
  summary: 'Pause updates until they are resumed (owners)',
  request: { params: repositoryPathSchema },
  responses: ok('The mirror', mirrorAnswerSchema),
})

const resume = createRoute({
  method: 'post',
  path: '/mirrors/{organization}/{name}/resume',
  tags,
  summary: 'Resume what was paused by hand, or try again what upstream or the quota refused (owners)',
  description: 'A full check comes at once, unless another cause still pauses the mirror: then `pauses` says which.',
  request: { params: repositoryPathSchema },
  responses: ok('The mirror', mirrorAnswerSchema),
})

const restart = createRoute({
  method: 'post',
  path: '/mirrors/{organization}/{name}/restart',
  tags,
  summary: 'Put a stopped mirror to work again, or any mirror on another source (owners)',
  description: 'What is here stays, and what people deleted stays away.',
  request: { params: repositoryPathSchema, body: body(mirrorRestartSchema) },
  responses: {
    202: { description: 'Begun', content: { 'application/json': { schema: mirrorRunAnswerSchema } } },
    ...refused,
  },
})

const change = createRoute({
  method: 'patch',
  path: '/mirrors/{organization}/{name}',
  tags,
  summary: 'Change the settings of a mirror (owners)',
  description: 'What is left out stays; null is the default again.',
  request: { params: repositoryPathSchema, body: body(mirrorChangeSchema) },
  responses: ok('The mirror', mirrorAnswerSchema),
})

interface Deps {
  readonly db: Database
  readonly mirrors: MirrorEngine
}

type MirrorPath = { req: { valid(target: 'param'): { readonly organization: string; readonly name: string } } }

/** Gives the mirror of a path, once the caller may do `action` to its destination. It throws UNAUTHORIZED, DENIED, NOT_FOUND. */
export function decideOnMirrors({ db, mirrors }: Deps) {
  return (action: RepositoryAction, what: string) =>
    async (who: Authenticated, c: MirrorPath): Promise<Granted<{ readonly mirror: Mirror }>> => {
      const name = nameOf(c.req.valid('param'))
      const granted = await allowOnName(db, who, name, action, what)
      const mirror = await mirrors.findByRepository(name)
      if (mirror !== undefined) return { ...granted, mirror }
      throw new AppError('NOT_FOUND', `there is no mirror ${name}`, {
        about: { reason: 'absent', what: 'mirror', name },
      })
    }
}

export function mirrorRoutes(deps: Deps): Routes {
  const { db, mirrors } = deps
  const allow = decideOnMirrors(deps)
  /** Where the mirror would write is asked about by name; to take a repository that no mirror has made needs the right to write there. */
  const allowStart = async (who: Authenticated, request: StartRequest) => {
    const { organization } = await allowInOrganization(db, who, request.organization, 'mirror.list', 'start mirrors')
    // That there is no such upstream is for the engine to say, to those who may start a mirror.
    const upstream = await findUpstream(db.read, organization.id, request.upstream)
    const destination = destinationOf(request, upstream ?? { prefix: '' })
    const granted = await allowOnName(db, who, destination, 'mirror.start', 'start a mirror into')
    const isTaken = request.adopt === true && (await mirrors.findByRepository(destination)) === undefined
    if (isTaken) await allowOnName(db, who, destination, 'push', 'write to')
    return granted
  }
  type One = { req: { valid(target: 'param'): { readonly organization: string; readonly name: string } } }
  const audit = (action: string, read = mirrorState) => ({
    action,
    on: (c: One) => ({ organization: c.req.valid('param').organization, object: nameOf(c.req.valid('param')) }),
    read: (db: Queries, c: One) => read(db, nameOf(c.req.valid('param'))),
  })
  return newRoutes()
    .serve(
      list,
      (who, c) => allowList(db, who, c.req.valid('query').organization, 'mirrors'),
      async (c, { organizations, viewer }) => {
        const { limit, after } = c.req.valid('query')
        const page = await mirrors.list({ organizations: organizations.map(({ name }) => name), viewer, limit, after })
        return c.json({ mirrors: [...page.mirrors], next: page.next }, 200)
      },
    )
    .change(
      start,
      (who, c) => allowStart(who, c.req.valid('json')),
      {
        action: 'mirror.start',
        on: (c) => {
          const { organization, repository, as } = c.req.valid('json')
          return { organization, object: `${organization}/${as ?? repository}` }
        },
        // Its name may follow from the upstream's prefix.
        read: async (db, c, { organization }) => {
          const upstream = await findUpstream(db, organization.id, c.req.valid('json').upstream)
          return upstream && mirrorState(db, destinationOf(c.req.valid('json'), upstream))
        },
      },
      async (c) => {
        const { dryRun, ...request } = c.req.valid('json')
        keepOpen(c)
        const { signal } = c.req.raw
        if (dryRun) return c.json({ plan: await mirrors.planStart(request, { signal }) }, 200)
        return c.json(await mirrors.start({ ...request, by: actorOf(c.var.who), signal }), 202)
      },
    )
    .serve(show, allow('mirror.read', 'see the mirror'), async (c, { mirror }) => c.json({ mirror }, 200))
    .change(sync, allow('mirror.sync', 'sync the mirror'), audit('mirror.sync', runState), async (c, { mirror }) => {
      const { full, acceptShrink, tags: names, dryRun, settings, plan } = c.req.valid('json')
      const only = names === undefined ? undefined : new Set(names.map(parseTag))
      keepOpen(c)
      const asked = { full, acceptShrink, only, signal: c.req.raw.signal }
      if (dryRun) return c.json({ plan: await mirrors.planSync(mirror.id, { ...asked, settings }) }, 200)
      return c.json(await mirrors.sync(mirror.id, { ...asked, trigger: 'sync', plan }), 202)
    })
    .change(
      stop,
      async (who, c) => {
        const granted = await allow('mirror.stop', 'stop the mirror')(who, c)
        if (c.req.valid('json').delete) await allowOnRepository(db, who, nameOf(c.req.valid('param')), 'admin')
        return granted
      },
      {
        ...audit('mirror.stop', workState),
        also: [{ action: 'repository.delete', read: (db, c) => repositoryState(db, nameOf(c.req.valid('param'))) }],
      },
      async (c, { mirror }) => {
        const { delete: isDeleted, confirm } = c.req.valid('json')
        if (isDeleted && confirm !== mirror.repository) {
          const got = confirm === undefined ? 'nothing' : JSON.stringify(confirm)
          throw new AppError(
            'INVALID_REQUEST',
            `confirm: got ${got}, want ${mirror.repository}: it is deleted with all its images`,
            { about: { reason: 'not-confirmed', what: 'repository', name: mirror.repository, where: 'confirm' } },
          )
        }
        const stopped = await mirrors.stop(mirror.id, actorOf(c.var.who))
        const repository = isDeleted ? await findRepository(db.read, nameOf(c.req.valid('param'))) : undefined
        if (repository !== undefined) await removeRepository(db, repository, actorOf(c.var.who))
        return c.json({ mirror: stopped }, 200)
      },
    )
    .change(pause, allow('mirror.stop', 'pause the mirror'), audit('mirror.pause'), async (c, { mirror }) =>
      c.json({ mirror: await mirrors.pause(mirror.id, actorOf(c.var.who)) }, 200),
    )
    .change(resume, allow('mirror.start', 'resume the mirror'), audit('mirror.resume'), async (c, { mirror }) =>
      c.json({ mirror: await mirrors.unpause(mirror.id, actorOf(c.var.who)) }, 200),
    )
    .change(restart, allow('mirror.start', 'restart the mirror'), audit('mirror.restart'), async (c, { mirror }) => {
      const { upstream, repository } = c.req.valid('json')
      const from = upstream === undefined || repository === undefined ? undefined : { upstream, repository }
      keepOpen(c)
      return c.json(await mirrors.restart(mirror.id, { by: actorOf(c.var.who), from }), 202)
    })
    .change(change, allow('mirror.start', 'change the mirror'), audit('mirror.change'), async (c, { mirror }) =>
      c.json({ mirror: await mirrors.change(mirror.id, c.req.valid('json'), actorOf(c.var.who)) }, 200),
    )
}
