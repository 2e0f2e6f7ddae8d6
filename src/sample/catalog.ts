/** Definitions of the sample's images, in the form of the public ones: what a catalog shows of them. */
import { stringify } from 'yaml'
import { type CatalogWords, CHART_WORDS, IMAGE_WORDS } from './catalog-words.ts'
import { CHART_NAME } from './chart.ts'
import { type ImageDefinition, type ImageRepositoryName, imageDefinitions } from './definitions.ts'
import { SAMPLE_PREFIX } from './images.ts'
import { checkRelease, type ReleaseNumber } from './releases.ts'

/**
 * The files by their paths, such as `image/python/info.yaml`.
 * @throws AppError INVALID_REQUEST when the release is not a whole number from 1 on
 */
export function sampleDefinitionFiles(release: ReleaseNumber): Map<string, Uint8Array> {
  checkRelease(release)
  const files = new Map<string, string>()
  for (const name of Object.keys(IMAGE_WORDS) as ImageRepositoryName[]) {
    addWords(files, `image/${name}`, IMAGE_WORDS[name])
    for (const definition of imageDefinitions(name, release)) {
      files.set(`${definition.path}.yaml`, stringify(definitionOf(definition)))
    }
  }
  const chart = CHART_NAME.replace(/-chart$/, '')
  addWords(files, `chart/${chart}`, CHART_WORDS)
  const version = `1.${release - 1}.0`
  const image = `${SAMPLE_PREFIX}/${CHART_NAME}`
  files.set(
    `chart/${chart}/helm/1.yaml`,
    stringify({ name: 'NGINX chart 1.x', image, variant: 'helm', tags: [version], platforms: ['linux/amd64'] }),
  )
  return new Map([...files].map(([path, text]) => [path, new TextEncoder().encode(text)]))
}

function addWords(files: Map<string, string>, folder: string, words: CatalogWords): void {
  const metadata = {
    'display-name': words.title,
    'short-description': words.description,
    'home-url': words.homeUrl,
    categories: words.categories,
    'included-tools': words.tools.map(([name, description]) => ({ name, description })),
  }
  files.set(`${folder}/info.yaml`, stringify({ metadata }))
  files.set(`${folder}/overview.md`, words.overview)
  files.set(`${folder}/guides.md`, words.guides)
  files.set(`${folder}/logo.svg`, words.logo)
}

function definitionOf(definition: ImageDefinition) {
  const isRoot = definition.user === '0'
  return {
    name: definition.title,
    image: `${SAMPLE_PREFIX}/${definition.repository}`,
    variant: definition.variant,
    tags: definition.tags,
    platforms: ['linux/amd64', 'linux/arm64'],
    dates: { release: definition.supportedFrom, 'end-of-life': definition.supportedUntil },
    contents: { packages: definition.packages.map(({ name, version }) => `${name}=${version}`) },
    accounts: isRoot
      ? { root: true, 'run-as': 'root' }
      : { 'run-as': 'nonroot', users: [{ name: 'nonroot', uid: 65532, gid: 65532 }] },
    environment: definition.environment,
    labels: { 'com.docker.dhi.compliance': 'cis' },
    cmd: definition.command,
  }
}
