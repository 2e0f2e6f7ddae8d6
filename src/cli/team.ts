import { Argument, type Command } from 'commander'
import {
  teamAnswerSchema,
  teamGrantAnswerSchema,
  teamGrantSchema,
  teamMemberSchema,
  teamPermissionSchema,
  teamSchema,
} from '../api/teams.ts'
import { segment } from './client.ts'
import { addCommand, answer, type CommandLine, connect } from './command-line.ts'
import { UsageError } from './exit.ts'
import { age } from './format.ts'
import { blocks, properties, table } from './table.ts'

interface Json {
  readonly json?: boolean
}

interface Settings extends Json {
  readonly description?: string
  readonly manageMirrors?: boolean
}

export function addTeamCommands(program: Command, line: CommandLine): void {
  const team = program.command('team').description('teams of an organization, and what they may do')
  const on = (name: string, about: string) =>
    addCommand(team, name, about).argument('<org>', 'the organization').argument('<team>', 'name of the team')
  const repository = 'a repository, or a pattern such as dhi-*: * is any characters'
  on('create', 'create a team (owners)')
    .option('--description <text>', 'what it is for')
    .option('--manage-mirrors', 'its members start, stop, pause and change mirrors and subscriptions')
    .action((org: string, name: string, o: Settings) => create(line, org, name, o))
  addCommand(team, 'list', 'list teams; for plain members, those that they are in')
    .argument('<org>', 'the organization')
    .action((org: string, o: Json) => list(line, org, o))
  on('show', 'show a team: who is in it, and what it is granted').action((org: string, name: string, o: Json) =>
    show(line, org, name, o),
  )
  on('change', 'change what a team is for, or whether it manages mirrors (owners)')
    .option('--description <text>', 'what it is for')
    .option('--manage-mirrors', 'its members start, stop, pause and change mirrors and subscriptions')
    .option('--no-manage-mirrors', 'they do not')
    .action((org: string, name: string, o: Settings) => change(line, org, name, o))
  on('delete', 'delete a team, with what it is granted (owners)').action((org: string, name: string, o: Json) =>
    remove(line, org, name, o),
  )
  on('member', 'put a member of the organization into a team, or take one out (owners)')
    .addArgument(new Argument('<change>', 'what to do').choices(['add', 'remove']))
    .argument('<user>', 'name of the user')
    .action((org: string, name: string, how: 'add' | 'remove', user: string, o: Json) =>
      member(line, { org, name, how, user }, o),
    )
  on('grant', 'grant a team a permission, in place of what it has on the same name or pattern')
    .argument('<repository>', repository)
    .addArgument(new Argument('<permission>', 'each includes the ones before').choices(teamPermissionSchema.options))
    .action((org: string, name: string, on: string, permission: string, o: Json) =>
      grant(line, { org, name, repository: on, permission }, o),
    )
  on('revoke', 'take a grant back')
    .argument('<repository>', repository)
    .action((org: string, name: string, on: string, o: Json) => revoke(line, org, name, on, o))
}

function pathOf(org: string, name: string): string {
  return `/organizations/${segment(org)}/teams/${segment(name)}`
}

type Team = ReturnType<typeof teamAnswerSchema.parse>['team']

function manages({ manageMirrors }: Team): string {
  return manageMirrors ? 'yes' : 'no'
}

async function create(line: CommandLine, org: string, name: string, o: Settings): Promise<void> {
  const body = { name, description: o.description, manageMirrors: o.manageMirrors }
  const path = `/organizations/${segment(org)}/teams`
  const document = await (await connect(line)).call('POST', path, teamAnswerSchema, { body })
  answer(line, o, document, () => `Created team ${name} of ${org}.`)
}

async function list(line: CommandLine, org: string, o: Json): Promise<void> {
  const teams = await (await connect(line)).listAll(`/organizations/${segment(org)}/teams`, 'teams', teamSchema)
  answer(line, o, { teams, next: null }, () =>
    table(
      ['team', 'members', 'grants', 'manages mirrors', 'description'],
      teams.map((team) => [team.name, String(team.members), String(team.grants), manages(team), team.description]),
      'No teams.',
    ),
  )
}

async function show(line: CommandLine, org: string, name: string, o: Json): Promise<void> {
  const client = await connect(line)
  const path = pathOf(org, name)
  const { team } = await client.call('GET', path, teamAnswerSchema)
  const members = await client.listAll(`${path}/members`, 'members', teamMemberSchema)
  const grants = await client.listAll(`${path}/grants`, 'grants', teamGrantSchema)
  answer(line, o, { team, members, grants }, () =>
    blocks([
      properties([
        ['Team', team.name],
        ['Description', team.description === '' ? undefined : team.description],
        ['Manages mirrors', manages(team)],
        ['Created', age(team.createdAt, '')],
      ]),
      table(
        ['member', 'since'],
        members.map((one) => [one.username, age(one.createdAt, '-')]),
        'No members.',
      ),
      table(
        ['repository', 'permission'],
        grants.map((one) => [one.repository, one.permission]),
        'No grants.',
      ),
    ]),
  )
}

async function change(line: CommandLine, org: string, name: string, o: Settings): Promise<void> {
  const { description, manageMirrors } = o
  if (description === undefined && manageMirrors === undefined) {
    throw new UsageError('give --description, --manage-mirrors or --no-manage-mirrors')
  }
  const body = { description, manageMirrors }
  const document = await (await connect(line)).call('PATCH', pathOf(org, name), teamAnswerSchema, { body })
  answer(line, o, document, () => `Changed team ${name} of ${org}: manages mirrors: ${manages(document.team)}.`)
}

async function remove(line: CommandLine, org: string, name: string, o: Json): Promise<void> {
  await (await connect(line)).send('DELETE', pathOf(org, name))
  answer(line, o, { deleted: name }, () => `Deleted team ${name} of ${org}.`)
}

async function member(
  line: CommandLine,
  { org, name, how, user }: { org: string; name: string; how: 'add' | 'remove'; user: string },
  o: Json,
): Promise<void> {
  const isAdded = how === 'add'
  await (await connect(line)).send(isAdded ? 'PUT' : 'DELETE', `${pathOf(org, name)}/members/${segment(user)}`)
  const document = { team: name, member: user, change: isAdded ? 'added' : 'removed' }
  answer(line, o, document, () => `${user} is ${isAdded ? 'in' : 'no longer in'} team ${name} of ${org}.`)
}

async function grant(
  line: CommandLine,
  { org, name, repository, permission }: { org: string; name: string; repository: string; permission: string },
  o: Json,
): Promise<void> {
  const body = { repository, permission }
  const path = `${pathOf(org, name)}/grants`
  const document = await (await connect(line)).call('PUT', path, teamGrantAnswerSchema, { body })
  const { grant: granted } = document
  answer(line, o, document, () => `Team ${name} of ${org} has ${granted.permission} on ${granted.repository}.`)
}

async function revoke(line: CommandLine, org: string, name: string, repository: string, o: Json): Promise<void> {
  await (await connect(line)).send('DELETE', `${pathOf(org, name)}/grants`, { query: { repository } })
  answer(line, o, { revoked: repository }, () => `Team ${name} of ${org} is no longer granted ${repository}.`)
}
