/** Who may do what with a repository, and who did what to it. */
import type { Command } from 'commander'
import { type RepositoryAccess, repositoryAccessAnswerSchema } from '../api/access.ts'
import { auditListSchema } from '../api/audit.ts'
import { auditTable } from './audit.ts'
import { repositoryPath } from './client.ts'
import { addCommand, answer, type CommandLine, checkRepository, connect } from './command-line.ts'
import { blocks, properties, table } from './table.ts'

interface ActivityOptions {
  readonly json?: boolean
  readonly actor?: string
  readonly action?: string
  readonly limit?: string
  readonly after?: string
}

export function addRepositoryPeopleCommands(repository: Command, line: CommandLine): void {
  addCommand(repository, 'access', 'show what you may do with a repository, and who else may do what')
    .argument('<repository>', 'ORGANIZATION/NAME')
    .action((name: string, o: { json?: boolean }) => access(line, name, o))
  addCommand(repository, 'activity', 'show who did what to a repository, newest first (its admins)')
    .argument('<repository>', 'ORGANIZATION/NAME')
    .option('--actor <user>', 'only what this user did')
    .option('--action <action>', "only this action, such as tag.delete; 'tag.*' for all that begin so")
    .option('--limit <count>', 'entries of the page', '100')
    .option('--after <seq>', 'those after the `next` of the page before')
    .action((name: string, o: ActivityOptions) => activity(line, name, o))
}

async function access(line: CommandLine, name: string, o: { json?: boolean }): Promise<void> {
  const path = `/repositories/${repositoryPath(checkRepository(name))}/access`
  const document = await (await connect(line)).call('GET', path, repositoryAccessAnswerSchema)
  answer(line, o, document, () => accessText(document.access))
}

function accessText({ allowed, members, teams, tokens }: RepositoryAccess): string {
  const people = members === null ? [] : Object.entries(members.counts).map(([role, count]) => `${count} ${role}`)
  return blocks([
    properties([
      ['You may', allowed.join(' ') || 'nothing'],
      ['People', people.join(', ') || undefined],
      ['Members', members === null ? undefined : members.pullAll ? 'pull it' : 'pull it where a team lets them'],
    ]),
    table(
      ['team', 'permission', 'by', 'manages mirrors', 'members'],
      teams.map((team) => [
        team.name,
        team.permission ?? '-',
        team.grants.map(({ repository, permission }) => `${repository} (${permission})`).join(' ') || '-',
        team.manageMirrors ? 'yes' : '-',
        String(team.members),
      ]),
      'No team that you may see reaches it.',
    ),
    tokens === null
      ? ''
      : table(
          ['token', 'rights', 'by', 'state'],
          tokens.map((one) => [
            one.label,
            one.allow.join(' '),
            one.repositories.join(' '),
            one.active ? 'active' : 'deactivated',
          ]),
          'No token of the organization reaches it.',
        ),
  ])
}

async function activity(line: CommandLine, name: string, o: ActivityOptions): Promise<void> {
  const path = `/repositories/${repositoryPath(checkRepository(name))}/audit`
  const query = { actor: o.actor, action: o.action, limit: o.limit, after: o.after }
  const document = await (await connect(line)).call('GET', path, auditListSchema, { query })
  if (document.next !== null && o.json !== true) line.terminal.note(`There are more: --after ${document.next}`)
  answer(line, o, document, () => auditTable(document.entries))
}
