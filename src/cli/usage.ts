/** What was pulled and stored over time, of an organization or a repository. */
import { type Command, Option } from 'commander'
import { type UsageAnswer, usageAnswerSchema } from '../api/usage.ts'
import { repositoryPath, segment } from './client.ts'
import { addCommand, answer, type CommandLine, checkRepository, connect } from './command-line.ts'
import { size } from './format.ts'
import { momentOf } from './moment.ts'
import { table } from './table.ts'

interface UsageOptions {
  readonly json?: boolean
  readonly per?: string
  readonly from?: string
  readonly to?: string
}

function withSpan(command: Command): Command {
  return command
    .addOption(
      new Option('--per <what>', 'numbers of each hour (of the last 7 days) or day; default: day').choices([
        'hour',
        'day',
      ]),
    )
    .option('--from <time>', 'from when: 2026-01-31, 2026-01-31T12:00:00Z, or 7d for seven days ago')
    .option('--to <time>', 'until when; default: now')
}

export function addOrganizationUsageCommand(organization: Command, line: CommandLine): void {
  withSpan(addCommand(organization, 'usage', 'show what was pulled from an organization, and what it stored, by day'))
    .argument('<org>', 'name of the organization')
    .action((name: string, o: UsageOptions) => show(line, `/organizations/${segment(name)}/usage`, o))
}

export function addRepositoryUsageCommand(repository: Command, line: CommandLine): void {
  withSpan(addCommand(repository, 'usage', 'show what was pulled from a repository, and what it stored, by day'))
    .argument('<repository>', 'ORGANIZATION/NAME')
    .action((name: string, o: UsageOptions) =>
      show(line, `/repositories/${repositoryPath(checkRepository(name))}/usage`, o),
    )
}

async function show(line: CommandLine, path: string, o: UsageOptions): Promise<void> {
  const query = { per: o.per, from: momentOf(o.from), to: momentOf(o.to) }
  const document = await (await connect(line)).call('GET', path, usageAnswerSchema, { query })
  answer(line, o, document, () => usageText(document))
}

function usageText({ per, periods }: UsageAnswer): string {
  const length = per === 'hour' ? 'YYYY-MM-DDTHH:MM'.length : 'YYYY-MM-DD'.length
  return table(
    [per === 'hour' ? 'hour (UTC)' : 'day (UTC)', 'pulls', 'checks', 'served', 'stored'],
    periods.map(({ at, pulls, checks, servedBytes, storedBytes }) => [
      at.slice(0, length).replace('T', ' '),
      String(pulls),
      String(checks),
      size(servedBytes),
      storedBytes === null ? '-' : size(storedBytes),
    ]),
    '',
  )
}
