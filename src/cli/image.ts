/** What is in an image: `kagami image …`. */
import type { Command } from 'commander'
import { attachedListSchema, attestationAnswerSchema } from '../api/image-attestations.ts'
import { type ImageComparison, imageComparisonAnswerSchema } from '../api/image-compare.ts'
import { type Image, imageAnswerSchema, imagePackageListSchema, imageVulnerabilityListSchema } from '../api/images.ts'
import { systemSleep } from '../lib/retry.ts'
import { type ApiClient, repositoryPath, segment } from './client.ts'
import { addCommand, answer, type CommandLine, checkRepository, connect } from './command-line.ts'
import { EXIT, ExitStatus, UsageError } from './exit.ts'
import { count, shortDigest, size } from './format.ts'
import { attestationTree, comparisonText, packageTable, vulnerabilityTable } from './image-text.ts'
import { blocks, lines, properties } from './table.ts'

interface ImageOptions {
  readonly json?: boolean
  readonly platform?: string
}

interface ListOptions extends ImageOptions {
  readonly search?: string
  readonly all?: boolean
}

const IMAGE = 'ORGANIZATION/NAME:TAG or ORGANIZATION/NAME@DIGEST'
const PLATFORM = 'of this platform, such as linux/arm64; "index" for the index itself'
/** How often is asked, and how often at most, while the server still reads an image. */
const AGAIN_MS = 500
const MAX_WAITS = 120

export function addImageCommands(program: Command, line: CommandLine): void {
  const image = program.command('image').description('what is in an image')
  addCommand(image, 'show', 'show platforms, config, layers, and how much is known of what it holds')
    .argument('<image>', IMAGE)
    .option('--platform <platform>', PLATFORM)
    .action((text: string, o: ImageOptions) => show(line, text, o))
  addCommand(image, 'packages', 'list packages, as its SBOMs name them')
    .argument('<image>', IMAGE)
    .option('--platform <platform>', PLATFORM)
    .option('--search <text>', 'a part of the name, of the source package or of the version')
    .action((text: string, o: ListOptions) => packages(line, text, o))
  addCommand(image, 'vulnerabilities', 'list vulnerabilities, as its reports name them, with VEX applied')
    .argument('<image>', IMAGE)
    .option('--platform <platform>', PLATFORM)
    .option('--search <text>', 'a part of the id or of the package')
    .option('--all', 'also those that VEX says the image does not have')
    .action((text: string, o: ListOptions) => vulnerabilities(line, text, o))
  addCommand(image, 'attestations', 'show what hangs on it: attestations, signatures, other referrers; or one of them')
    .argument('<image>', IMAGE)
    .argument('[digest]', 'of one of them: its documents are printed')
    .action((text: string, digest: string | undefined, o: ImageOptions) => attestations(line, text, digest, o))
  addCommand(image, 'compare', 'show what changed from one image of a repository to another')
    .argument('<image>', IMAGE)
    .argument('<other>', 'a tag or a digest of the same repository: what it has become')
    .option('--platform <platform>', PLATFORM)
    .action((text: string, other: string, o: ImageOptions) => compare(line, text, other, o))
}

/** @throws UsageError */
export function splitImage(text: string): { readonly repository: string; readonly reference: string } {
  const at = text.indexOf('@')
  const cut = at === -1 ? text.lastIndexOf(':') : at
  if (cut <= text.indexOf('/')) throw new UsageError(`got ${JSON.stringify(text)}, want ${IMAGE}`)
  return { repository: checkRepository(text.slice(0, cut)), reference: text.slice(cut + 1) }
}

function pathOf(text: string, rest = ''): string {
  const { repository, reference } = splitImage(text)
  return `/repositories/${repositoryPath(repository)}/images/${segment(reference)}${rest}`
}

/** Asks until the server has read what is asked for. @throws ExitStatus after a minute */
async function whenRead<T>(line: CommandLine, ask: () => Promise<T>, isReading: (answer: T) => boolean): Promise<T> {
  const { sleep = systemSleep } = line
  for (let left = MAX_WAITS; ; left--) {
    const found = await ask()
    if (!isReading(found)) return found
    if (left === MAX_WAITS) line.terminal.note('The server is reading the attestations of the image …')
    if (left === 0) {
      line.terminal.note('It is still reading: ask again later.')
      throw new ExitStatus(EXIT.failed)
    }
    await sleep(AGAIN_MS, new AbortController().signal)
  }
}

async function show(line: CommandLine, text: string, o: ImageOptions): Promise<void> {
  const client = await connect(line)
  const query = { platform: o.platform }
  const document = await client.call('GET', pathOf(text), imageAnswerSchema, { query })
  answer(line, o, document, () => imageText(document.image))
}

function imageText(image: Image): string {
  const { selected, chart } = image
  const { config, contents } = selected ?? { config: null, contents: image.contents }
  const open = Object.values(contents.vulnerabilities).reduce((sum, number) => sum + number, 0)
  const facts = properties([
    ['Image', `${image.repository}${image.tag === null ? '@' : ':'}${image.tag ?? image.digest}`],
    ['Digest', image.digest],
    ['Kind', image.kind],
    ['Size', size(image.sizeBytes)],
    ['Tags', image.tags.join(', ') || undefined],
    [
      'Platforms',
      image.platforms.map((one) => `${one.platform}${one.available ? '' : ' (not here)'}`).join(', ') || undefined,
    ],
    ['Attached', image.attested.length === 0 ? undefined : image.attested.join(', ')],
    ['Chart', chart === null ? undefined : `${chart.name} ${chart.version}`],
    ['Its images', chart?.images?.map((one) => one.image).join(', ') || undefined],
    ['Platform', selected?.platform || undefined],
    ['Its digest', selected === null || selected.digest === image.digest ? undefined : selected.digest],
    ['Created', config?.created ?? undefined],
    ['Entrypoint', config === null || config.entrypoint.length === 0 ? undefined : JSON.stringify(config.entrypoint)],
    ['Command', config === null || config.cmd.length === 0 ? undefined : JSON.stringify(config.cmd)],
    ['User', config?.user ?? undefined],
    ['Ports', config?.ports.join(', ') || undefined],
    [
      'Packages',
      contents.state === 'reading' ? 'being read' : contents.hasSbom ? String(contents.packages) : 'no SBOM',
    ],
    [
      'Vulnerabilities',
      contents.state === 'reading'
        ? 'being read'
        : contents.hasReport
          ? `${open} open, ${contents.suppressed} that VEX rules out`
          : 'no report',
    ],
  ])
  const layers = (selected?.layers ?? []).map(
    (layer) => `${shortDigest(layer.digest)}  ${size(layer.sizeBytes)}  ${layer.command ?? ''}`,
  )
  return blocks([facts, layers.length === 0 ? '' : lines(['', count(selected?.layerCount ?? 0, 'layer'), ...layers])])
}

async function packages(line: CommandLine, text: string, o: ListOptions): Promise<void> {
  const client = await connect(line)
  const ask = (after: string | undefined) =>
    client.call('GET', pathOf(text, '/packages'), imagePackageListSchema, {
      query: { platform: o.platform, q: o.search, limit: 1000, after },
    })
  const first = await whenRead(
    line,
    () => ask(undefined),
    ({ contents }) => contents.state === 'reading',
  )
  const all = [...first.packages]
  for (let { next } = first; next !== null; ) {
    const page = await ask(next)
    all.push(...page.packages)
    next = page.next
  }
  const empty = first.contents.hasSbom ? 'No packages.' : 'No SBOM is attached to this image.'
  answer(line, o, { ...first, packages: all, next: null }, () => packageTable(all, empty))
}

async function vulnerabilities(line: CommandLine, text: string, o: ListOptions): Promise<void> {
  const client = await connect(line)
  const suppressed = o.all === true ? undefined : 'false'
  const ask = (after: string | undefined) =>
    client.call('GET', pathOf(text, '/vulnerabilities'), imageVulnerabilityListSchema, {
      query: { platform: o.platform, q: o.search, suppressed, limit: 1000, after },
    })
  const first = await whenRead(
    line,
    () => ask(undefined),
    ({ contents }) => contents.state === 'reading',
  )
  const all = [...first.vulnerabilities]
  for (let { next } = first; next !== null; ) {
    const page = await ask(next)
    all.push(...page.vulnerabilities)
    next = page.next
  }
  const { hasReport, suppressed: hidden } = first.contents
  answer(line, o, { ...first, vulnerabilities: all, next: null }, () => {
    const found = vulnerabilityTable(
      all,
      hasReport ? 'No open vulnerabilities.' : 'No report is attached to this image.',
    )
    const more = o.all === true || hidden === 0 ? '' : lines(['', `VEX rules out ${hidden} more: --all shows them.`])
    return blocks([found, more])
  })
}

async function attestations(
  line: CommandLine,
  text: string,
  digest: string | undefined,
  o: ImageOptions,
): Promise<void> {
  const client = await connect(line)
  if (digest !== undefined) {
    const path = pathOf(text, `/attestations/${segment(digest)}`)
    const document = await client.call('GET', path, attestationAnswerSchema)
    return answer(line, o, document, () =>
      lines(
        document.documents.flatMap((one) => [
          one.saidType ?? one.predicateType ?? one.mediaType,
          ...(one.isAboutParent === false ? ['It is about something else than what it hangs on.'] : []),
          ...(one.problem === null ? JSON.stringify(one.value, null, 2).split('\n') : [one.problem]),
        ]),
      ),
    )
  }
  const list = await client.call('GET', pathOf(text, '/attestations'), attachedListSchema)
  const { image } = await client.call('GET', pathOf(text), imageAnswerSchema)
  answer(line, o, list, () => attestationTree(image, list))
}

async function compare(line: CommandLine, text: string, other: string, o: ImageOptions): Promise<void> {
  const { repository, reference } = splitImage(text)
  const to = other.includes('/') ? splitImage(other) : { repository, reference: other.replace(/^[:@]/, '') }
  if (to.repository !== repository) {
    throw new UsageError(`got ${to.repository} and ${repository}, want two images of one repository`)
  }
  const client: ApiClient = await connect(line)
  const query = { from: reference, to: to.reference, platform: o.platform }
  const path = `/repositories/${repositoryPath(repository)}/compare`
  const isReading = ({ from, to }: ImageComparison) => [from, to].some(({ contents }) => contents.state === 'reading')
  const document = await whenRead(
    line,
    () => client.call('GET', path, imageComparisonAnswerSchema, { query }),
    ({ comparison }) => isReading(comparison),
  )
  answer(line, o, document, () => comparisonText(document.comparison))
}
