import { Argument, type Command } from 'commander'
import { listedMemberSchema, memberAnswerSchema } from '../api/members.ts'
import { roleSchema } from '../api/organizations.ts'
import { segment } from './client.ts'
import { addCommand, answer, type CommandLine, connect } from './command-line.ts'
import { age } from './format.ts'
import { table } from './table.ts'

export function addMemberCommands(program: Command, line: CommandLine): void {
  const member = program.command('member').description('who belongs to an organization, and as what')
  addCommand(member, 'add', 'add a user, or change the role of a member')
    .argument('<org>', 'the organization')
    .argument('<user>', 'name of the user')
    .addArgument(new Argument('<role>', 'what they may do').choices(roleSchema.options))
    .action((org: string, user: string, role: string, o: { json?: boolean }) => add(line, org, user, role, o))
  addCommand(member, 'list', 'list members')
    .argument('<org>', 'the organization')
    .action((org: string, o: { json?: boolean }) => list(line, org, o))
  addCommand(member, 'remove', 'remove a member')
    .argument('<org>', 'the organization')
    .argument('<user>', 'name of the user')
    .action((org: string, user: string, o: { json?: boolean }) => remove(line, org, user, o))
  addCommand(member, 'leave', 'leave an organization; its last owner cannot')
    .argument('<org>', 'the organization')
    .action((org: string, o: { json?: boolean }) => leave(line, org, o))
}

async function add(line: CommandLine, org: string, user: string, role: string, o: { json?: boolean }): Promise<void> {
  const path = `/organizations/${segment(org)}/members/${segment(user)}`
  const document = await (await connect(line)).call('PUT', path, memberAnswerSchema, { body: { role } })
  answer(line, o, document, () => `${user} is ${role} of ${org}.`)
}

async function list(line: CommandLine, org: string, o: { json?: boolean }): Promise<void> {
  const path = `/organizations/${segment(org)}/members`
  const members = await (await connect(line)).listAll(path, 'members', listedMemberSchema)
  answer(line, o, { members, next: null }, () =>
    table(
      ['user', 'role', 'teams', 'since', 'last seen'],
      members.map((member) => [
        member.username,
        member.role,
        member.teams.join(' ') || '-',
        age(member.createdAt, '-'),
        age(member.lastSeenAt, '-'),
      ]),
      'No members.',
    ),
  )
}

async function remove(line: CommandLine, org: string, user: string, o: { json?: boolean }): Promise<void> {
  await (await connect(line)).send('DELETE', `/organizations/${segment(org)}/members/${segment(user)}`)
  answer(line, o, { removed: user }, () => `${user} is no longer a member of ${org}.`)
}

async function leave(line: CommandLine, org: string, o: { json?: boolean }): Promise<void> {
  await (await connect(line)).send('POST', `/organizations/${segment(org)}/leave`)
  answer(line, o, { left: org }, () => `You are no longer a member of ${org}.`)
}
