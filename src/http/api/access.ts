import { createRoute } from '@hono/zod-openapi'
import type { Authenticated } from '../../access/principal.ts'
import { readRepositoryAccess } from '../../access/repository-access.ts'
import { decideRepository } from '../../access/rights.ts'
import { repositoryAccessAnswerSchema } from '../../api/access.ts'
import type { Database } from '../../db/engine/engine.ts'
import { AppError } from '../../errors.ts'
import { allowOnName, nameOf } from './decide.ts'
import { repositoryPathSchema } from './repositories.ts'
import { newRoutes, ok, type Routes } from './route.ts'

const show = createRoute({
  method: 'get',
  path: '/repositories/{organization}/{name}/access',
  tags: ['repositories'],
  summary: 'Show what you may do with a repository, and who else may do what',
  description:
    'To whoever may pull it, or see its mirror. Members see the teams that they are in, admins of the repository all that reach it, owners also the tokens of the organization that do.',
  request: { params: repositoryPathSchema },
  responses: ok('Who may do what', repositoryAccessAnswerSchema),
})

type Named = { req: { valid(target: 'param'): { readonly organization: string; readonly name: string } } }

export function accessRoutes({ db }: { readonly db: Database }): Routes {
  const allow = async (who: Authenticated, c: Named) => {
    const name = nameOf(c.req.valid('param'))
    // Who manages mirrors sees them without being able to pull.
    const { allowed } = await decideRepository(db.read, who, name, 'mirror.read')
    return allowOnName(db, who, name, allowed ? 'mirror.read' : 'pull')
  }
  return newRoutes().serve(show, allow, async (c, { organization, role, repository }) => {
    const name = nameOf(c.req.valid('param'))
    if (repository === undefined)
      throw new AppError('NOT_FOUND', `there is no repository ${name}`, {
        about: { reason: 'absent', what: 'repository', name },
      })
    return c.json({ access: await readRepositoryAccess(db.read, c.var.who, { organization, name, role }) }, 200)
  })
}
