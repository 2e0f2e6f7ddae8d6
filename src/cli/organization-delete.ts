import type { Command } from 'commander'
import { type OrganizationLosses, organizationLossesSchema } from '../api/organizations.ts'
import { segment } from './client.ts'
import { addCommand, answer, type CommandLine, connect } from './command-line.ts'
import { confirmName } from './confirm.ts'

interface DeleteOptions {
  readonly json?: boolean
  readonly confirm?: string
  readonly withRepositories?: boolean
}

export function addOrganizationDeleteCommand(organization: Command, line: CommandLine): void {
  addCommand(organization, 'delete', 'delete an organization with all that it has (owners, operators)')
    .argument('<org>', 'name of the organization')
    .option('--with-repositories', 'also when it has repositories: they go with it')
    .option('--confirm <name>', 'the name of the organization once more; asked for in a terminal')
    .action((name: string, o: DeleteOptions) => remove(line, name, o))
}

async function remove(line: CommandLine, name: string, o: DeleteOptions): Promise<void> {
  const api = await connect(line)
  const path = `/organizations/${segment(name)}`
  const { losses } = await api.call('GET', `${path}/deletion`, organizationLossesSchema)
  line.terminal.note(`${name} is deleted with ${lossesText(losses)}. This cannot be undone.`)
  await confirmName(line, name, o.confirm)
  const query = { confirm: name, ...(o.withRepositories === true ? { withRepositories: 'true' } : {}) }
  await api.send('DELETE', path, { query })
  answer(line, o, { deleted: name }, () => `Deleted ${name}. Its name stays taken.`)
}

/** `3 repositories, 40 tags and 1 webhook` */
function lossesText(losses: OrganizationLosses): string {
  const parts = Object.entries(losses).flatMap(([what, count]) => {
    if (count === 0) return []
    const one = what === 'repositories' ? 'repository' : what.slice(0, -1)
    return [`${count} ${count === 1 ? one : what}`]
  })
  const last = parts.pop()
  return last === undefined ? 'nothing in it' : parts.length === 0 ? last : `${parts.join(', ')} and ${last}`
}
