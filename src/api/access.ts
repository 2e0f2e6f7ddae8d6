/** Who may do what with a repository, and through what. */
import { tokenRightSchema } from './organization-tokens.ts'
import { roleSchema } from './organizations.ts'
import { idSchema, nameSchema, timeSchema, z } from './schema.ts'
import { teamPermissionSchema } from './teams.ts'

/** What may be done with a repository; `pull` and the like stand for themselves, `admin` for its settings. */
export const repositoryRightSchema = z.enum([
  'pull',
  'push',
  'tag.delete',
  'admin',
  'grant',
  'history',
  'audit',
  'mirror.read',
  'mirror.sync',
  'mirror.start',
  'mirror.stop',
  'replication.read',
  'replication.sync',
  'replication.start',
  'replication.stop',
  'webhook.read',
  'webhook.manage',
])

const rights = z.array(repositoryRightSchema)
const count = z.int().min(0)

/**
 * `grants`: those of the team that take in the repository, by its name or by a pattern; `permission`: the most that they give, null: none.
 * Teams without a grant are there when they manage mirrors.
 */
export const repositoryTeamSchema = z.strictObject({
  name: nameSchema,
  members: count,
  manageMirrors: z.boolean(),
  permission: teamPermissionSchema.nullable(),
  grants: z.array(z.strictObject({ repository: z.string(), permission: teamPermissionSchema })),
})

/** A token of the organization whose names or patterns take in the repository. */
export const repositoryTokenSchema = z.strictObject({
  id: idSchema,
  label: z.string(),
  allow: z.array(tokenRightSchema),
  repositories: z.array(z.string()).describe('those of its names and patterns that take in the repository'),
  active: z.boolean(),
  expiresAt: timeSchema.nullable(),
  lastUsedAt: timeSchema.nullable(),
})

/**
 * `allowed`: what you may do. `members` is null for whoever is no member, `teams` are those that you may see (`allTeams`: all of them), and
 * `tokens` is null for whoever may not see them. `rules`: what each role, permission of a team and right of a token gives here.
 */
export const repositoryAccessSchema = z
  .strictObject({
    allowed: rights,
    members: z
      .strictObject({
        pullAll: z.boolean().describe('plain members pull every repository of the organization'),
        counts: z.record(roleSchema, count),
      })
      .nullable(),
    teams: z.array(repositoryTeamSchema),
    allTeams: z.boolean(),
    tokens: z.array(repositoryTokenSchema).nullable(),
    rules: z.strictObject({
      roles: z.record(roleSchema, rights),
      permissions: z.record(teamPermissionSchema, rights),
      manageMirrors: rights,
      tokens: z.record(tokenRightSchema, rights),
    }),
  })
  .openapi('RepositoryAccess')

export const repositoryAccessAnswerSchema = z.strictObject({ access: repositoryAccessSchema })

export type RepositoryRight = z.infer<typeof repositoryRightSchema>
export type RepositoryAccess = z.infer<typeof repositoryAccessSchema>
export type RepositoryTeam = z.infer<typeof repositoryTeamSchema>
export type TeamPermission = z.infer<typeof teamPermissionSchema>
