import { type Command, Option } from 'commander'
import {
  type CatalogEntry,
  catalogDetailAnswerSchema,
  catalogEntrySchema,
  catalogListSchema,
  catalogStateAnswerSchema,
  complianceSchema,
  supportSchema,
} from '../api/catalog.ts'
import { upstreamSchema } from '../api/upstreams.ts'
import { isAppError } from '../errors.ts'
import { systemSleep } from '../lib/retry.ts'
import { detailText, entriesText, stateText } from './catalog-text.ts'
import { type ApiClient, segment } from './client.ts'
import { addCommand, answer, type CommandLine, chooseOrganization, connect } from './command-line.ts'
import { EXIT, ExitStatus, UsageError } from './exit.ts'
import { blocks, lines } from './table.ts'

interface Common {
  readonly json?: boolean
  readonly org?: string
}

interface ListOptions extends Common {
  readonly match?: string
  readonly search?: string
  readonly kind?: 'image' | 'chart'
  readonly category?: string
  readonly distribution?: string
  readonly compliance?: readonly CatalogEntry['compliance'][number][]
  readonly support?: CatalogEntry['support']
  /** False by `--not-mirrored`. */
  readonly mirrored?: boolean
  readonly notMirrored?: boolean
}

interface ChangeOptions extends Common {
  readonly shared?: boolean
  readonly names?: string | false
  readonly definitions?: string | false
}

const AS_SEEN = 'as one organization sees it'
const POLL_MS = 500
/** Longer than any registry is waited for. */
const MOST_POLLS = 1200
const TOLD_AT = 4

export function addCatalogCommands(program: Command, line: CommandLine): void {
  const catalog = program.command('catalog').description('what can be mirrored')
  addCommand(catalog, 'list', 'list the repositories of upstreams')
    .argument('[upstream]', 'of this one only')
    .option('--org <org>', AS_SEEN)
    .option('--match <part>', 'it stands in UPSTREAM/NAME or in the title; the server looks for it')
    .option('--search <words>', 'all of these words stand in name, title, description or tags')
    .addOption(new Option('--kind <kind>', 'images or charts only').choices(['image', 'chart']))
    .option('--category <category>', 'of this category, such as databases-and-storage')
    .option('--distribution <distribution>', 'built on this one: debian, debian-13, alpine')
    .addOption(new Option('--compliance <standard...>', 'that meet all of these').choices(complianceSchema.options))
    .addOption(new Option('--support <state>', 'by its dates').choices(supportSchema.options))
    .option('--mirrored', 'that you see a mirror of')
    .option('--not-mirrored', 'that you see no mirror of')
    .action((upstream: string | undefined, o: ListOptions) => list(line, upstream, o))
  addCommand(catalog, 'show', 'show one repository: what it is, its variants, its mirrors')
    .argument('<source>', 'UPSTREAM/REPOSITORY')
    .option('--org <org>', AS_SEEN)
    .action((source: string, o: Common) => show(line, source, o))
  addCommand(catalog, 'status', 'show when a catalog was read, and from where')
    .argument('<upstream>', 'its name')
    .option('--org <org>', AS_SEEN)
    .action((upstream: string, o: Common) => status(line, upstream, o))
  addCommand(catalog, 'refresh', 'read a catalog now, and wait for it')
    .argument('<upstream>', 'its name')
    .option('--org <org>', AS_SEEN)
    .option('--accept-shrink', 'what is listed now is all there is')
    .action((upstream: string, o: Common & { acceptShrink?: boolean }) => refresh(line, upstream, o))
  addCommand(catalog, 'change', 'say where names and definitions of a catalog come from')
    .argument('<upstream>', 'its name')
    .option('--org <org>', 'the organization that it belongs to; default: your only one')
    .option('--shared', 'it is shared (operators)')
    .option('--names <names>', 'its repositories, for a registry that lists none: A,B,C')
    .option('--no-names', 'as the registry lists them')
    .option('--definitions <url>', 'https address of a .tar or .tar.gz of hardened-image definitions')
    .option('--no-definitions', 'without definitions')
    .action((upstream: string, o: ChangeOptions) => change(line, upstream, o))
}

/** An upstream that cannot be listed is named on standard error; it fails the command when it alone was asked for, or all failed. */
async function list(line: CommandLine, upstream: string | undefined, o: ListOptions): Promise<void> {
  if (o.mirrored === true && o.notMirrored === true)
    throw new UsageError('--mirrored and --not-mirrored exclude each other')
  const client = await connect(line)
  const read = async (name: string) => {
    const query = { upstream: name, organization: o.org }
    await firstRead(line, client, query)
    return client.listAll('/catalog', 'entries', catalogEntrySchema, { ...query, q: o.match })
  }
  const entries: CatalogEntry[] = []
  let failed = 0
  if (upstream !== undefined) {
    entries.push(...(await read(upstream)))
  } else {
    const upstreams = await client.listAll('/upstreams', 'upstreams', upstreamSchema, { organization: o.org })
    const names = [...new Set(upstreams.map(({ name }) => name))]
    for (const name of names) {
      try {
        entries.push(...(await read(name)))
      } catch (error) {
        if (!isAppError(error)) throw error
        failed++
        line.terminal.note(lines([`${name}: ${error.message}`]))
      }
    }
    if (failed > 0 && failed === names.length) throw new ExitStatus(EXIT.failed)
  }
  const found = entries.filter((entry) => isWanted(entry, o))
  answer(line, o, { entries: found, next: null }, () => entriesText(found, entries.length))
}

/** A catalog that nobody has looked at before is read in the background: what lists it waits for that. */
async function firstRead(
  line: CommandLine,
  client: ApiClient,
  query: { readonly upstream: string; readonly organization: string | undefined },
): Promise<void> {
  for (let polls = 0; ; polls++) {
    const { reading } = await client.call('GET', '/catalog', catalogListSchema, { query: { ...query, limit: 1 } })
    if (!reading || polls === MOST_POLLS) return
    if (polls === TOLD_AT) line.terminal.note(lines([`${query.upstream}: its catalog is read for the first time …`]))
    await (line.sleep ?? systemSleep)(POLL_MS)
  }
}

function isWanted(entry: CatalogEntry, o: ListOptions): boolean {
  const text = [entry.upstream, entry.repository, entry.title, entry.description, entry.words].join(' ').toLowerCase()
  const words = (o.search ?? '').toLowerCase().split(/\s+/).filter(Boolean)
  const on = (distribution: string) => distribution === o.distribution || distribution.startsWith(`${o.distribution}-`)
  return (
    words.every((word) => text.includes(word)) &&
    (o.kind === undefined || entry.kind === o.kind) &&
    (o.category === undefined || entry.categories.includes(o.category)) &&
    (o.distribution === undefined || entry.distributions.some(on)) &&
    (o.compliance ?? []).every((one) => entry.compliance.includes(one)) &&
    (o.support === undefined || entry.support === o.support) &&
    (o.mirrored !== true || entry.mirrors.length > 0) &&
    (o.notMirrored !== true || entry.mirrors.length === 0)
  )
}

async function show(line: CommandLine, source: string, o: Common): Promise<void> {
  const slash = source.indexOf('/')
  if (slash < 1) throw new UsageError(`got ${JSON.stringify(source)}, want UPSTREAM/REPOSITORY such as sample/python`)
  const client = await connect(line)
  const path = `/catalog/${segment(source.slice(0, slash))}/${segment(source.slice(slash + 1))}`
  const document = await client.call('GET', path, catalogDetailAnswerSchema, { query: { organization: o.org } })
  answer(line, o, document, () => detailText(document.entry, line.program))
}

function readState(client: ApiClient, upstream: string, organization: string | undefined) {
  return client.call('GET', `/catalog/${segment(upstream)}`, catalogStateAnswerSchema, { query: { organization } })
}

async function status(line: CommandLine, upstream: string, o: Common): Promise<void> {
  const document = await readState(await connect(line), upstream, o.org)
  answer(line, o, document, () => stateText(document.catalog, line.program))
}

async function refresh(line: CommandLine, upstream: string, o: Common & { acceptShrink?: boolean }): Promise<void> {
  const client = await connect(line)
  const path = `/catalog/${segment(upstream)}/refresh`
  const asked = { query: { organization: o.org }, body: { acceptShrink: o.acceptShrink === true } }
  let document = await client.call('POST', path, catalogStateAnswerSchema, asked)
  while (document.catalog.refreshing) {
    await (line.sleep ?? systemSleep)(POLL_MS)
    document = await readState(client, upstream, o.org)
  }
  answer(line, o, document, () => stateText(document.catalog, line.program))
  if (document.catalog.problem !== null) throw new ExitStatus(EXIT.failed)
}

async function change(line: CommandLine, upstream: string, o: ChangeOptions): Promise<void> {
  if (o.org !== undefined && o.shared === true) throw new UsageError('--org and --shared exclude each other')
  if (o.names === undefined && o.definitions === undefined) throw new UsageError('got nothing to change')
  const client = await connect(line)
  const organization = o.shared === true ? undefined : await chooseOrganization(client, o.org)
  const names = typeof o.names === 'string' ? o.names.split(/[\s,]+/).filter(Boolean) : o.names
  const body = {
    names: names === false ? null : names,
    definitions: o.definitions === false ? null : o.definitions,
  }
  const path = `/catalog/${segment(upstream)}`
  const document = await client.call('PATCH', path, catalogStateAnswerSchema, { query: { organization }, body })
  answer(line, o, document, () =>
    blocks([
      lines([`Changed the catalog of ${upstream}; it is read anew.`]),
      stateText(document.catalog, line.program),
    ]),
  )
}
