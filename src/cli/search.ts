/** Over an organization: which tags hold a package, and which have a vulnerability. */
import type { Command } from 'commander'
import { foundPackageSchema, foundVulnerabilitySchema } from '../api/image-search.ts'
import { addCommand, answer, type CommandLine, connect } from './command-line.ts'
import { wordOf } from './image-text.ts'
import { table } from './table.ts'

interface SearchOptions {
  readonly json?: boolean
  readonly org?: string
}

export function addSearchCommands(program: Command, line: CommandLine): void {
  const search = program.command('search').description('find tags by what they hold')
  addCommand(search, 'package', 'find the tags that hold a package')
    .argument('<package>', 'the beginning of its name or of its source, NAME@VERSION, or a package URL')
    .option('--org <org>', 'in one organization; default: in all of yours')
    .action((q: string, o: SearchOptions) => findPackages(line, q, o))
  addCommand(search, 'cve', 'find the tags that have a vulnerability, and what VEX says of each')
    .argument('<id>', 'such as CVE-2026-12345')
    .option('--org <org>', 'in one organization; default: in all of yours')
    .action((q: string, o: SearchOptions) => findVulnerabilities(line, q, o))
}

async function findPackages(line: CommandLine, q: string, o: SearchOptions): Promise<void> {
  const query = { organization: o.org, q }
  const packages = await (await connect(line)).listAll('/search/packages', 'packages', foundPackageSchema, query)
  answer(line, o, { packages, next: null }, () =>
    table(
      ['package', 'version', 'repository', 'platform', 'tags'],
      packages.map((one) => [one.name, one.version, one.repository, one.platform || '-', tagsText(one.tags)]),
      'No tag holds it.',
    ),
  )
}

async function findVulnerabilities(line: CommandLine, q: string, o: SearchOptions): Promise<void> {
  const query = { organization: o.org, q }
  const client = await connect(line)
  const vulnerabilities = await client.listAll(
    '/search/vulnerabilities',
    'vulnerabilities',
    foundVulnerabilitySchema,
    query,
  )
  answer(line, o, { vulnerabilities, next: null }, () =>
    table(
      ['severity', 'package', 'version', 'fixed in', 'vex', 'repository', 'platform', 'tags'],
      vulnerabilities.map((one) => [
        one.severity,
        one.package || '-',
        one.version ?? '-',
        one.fixedIn ?? '-',
        wordOf(one.status),
        one.repository,
        one.platform || '-',
        tagsText(one.tags),
      ]),
      'No report that is attached to a tag names it.',
    ),
  )
}

const SHOWN = 5

function tagsText(tags: readonly string[]): string {
  const more = tags.length - SHOWN
  return tags.slice(0, SHOWN).join(', ') + (more > 0 ? ` and ${more} more` : '') || '-'
}
