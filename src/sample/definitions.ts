import { parseTag, type Tag } from '../oci/reference.ts'
import { BASE_PACKAGES, type Package, packagesOf } from './packages.ts'
import { checkRelease, type ReleaseNumber } from './releases.ts'

export type ImageRepositoryName = 'python' | 'node' | 'nginx'

/** One image as it is in one release: everything that its layers, config and attestations say. */
export interface ImageDefinition {
  readonly repository: ImageRepositoryName
  /** What the definition is called where it is kept: `image/python/debian-13/3.13`. */
  readonly path: string
  readonly title: string
  readonly license: string
  readonly series: string
  readonly version: string
  readonly variant: 'runtime' | 'dev'
  /** The most exact tag, by which changelogs and purls name the image. */
  readonly exactTag: Tag
  readonly tags: readonly Tag[]
  readonly packages: readonly Package[]
  readonly environment: Readonly<Record<string, string>>
  readonly command: readonly string[]
  readonly user: '0' | '65532'
  readonly supportedFrom: string
  readonly supportedUntil: string
  /** The release whose content this is; lower than the current one for an image that is no longer rebuilt. */
  readonly contentRelease: ReleaseNumber
}

interface Line {
  readonly repository: ImageRepositoryName
  readonly title: string
  readonly license: string
  readonly series: string
  readonly variant: 'runtime' | 'dev'
  /** Full version in a release. */
  readonly versionIn: (release: ReleaseNumber) => string
  /** Tag stems next to the exact version: `3.13`, `3-debian13`, …; the variant's suffix is added. */
  readonly aliases: readonly string[]
  /** Distributions that follow the exact version in a tag; the empty one is the version alone. */
  readonly exactSuffixes: readonly string[]
  readonly packages: (release: ReleaseNumber) => readonly string[]
  readonly environment: (release: ReleaseNumber) => Readonly<Record<string, string>>
  readonly command: string
  readonly supported: readonly [from: string, until: string]
  /** No longer rebuilt after this release. */
  readonly frozenAfter?: ReleaseNumber
}

const DEV_PACKAGES = ['apt', 'bash', 'coreutils', 'dpkg'] as const
const SEVEN_ALIASES = (major: string, series: string) => [
  major,
  series,
  `${major}-debian`,
  `${major}-debian13`,
  `${series}-debian13`,
]

const PYTHON_PACKAGES = ['libexpat1', 'libffi8', 'libsqlite3-0']

const PYTHON_313: Omit<Line, 'variant'> = {
  repository: 'python',
  title: 'Python 3.13.x',
  license: 'PSF-2.0',
  series: '3.13',
  versionIn: (release) => `3.13.${8 + release}`,
  aliases: SEVEN_ALIASES('3', '3.13'),
  exactSuffixes: ['', '-debian13'],
  // One package leaves and one comes with every release, so that each changelog has both.
  packages: (release) => [...PYTHON_PACKAGES, release % 2 === 1 ? 'netbase' : 'media-types'],
  environment: (release) => (release === 1 ? {} : { PYTHONDONTWRITEBYTECODE: '1' }),
  command: 'python3',
  supported: ['2024-10-07', '2029-10-31'],
}

const NODE_24: Omit<Line, 'variant'> = {
  repository: 'node',
  title: 'Node.js 24.x',
  license: 'MIT',
  series: '24.10',
  versionIn: (release) => `24.10.${release - 1}`,
  aliases: SEVEN_ALIASES('24', '24.10'),
  exactSuffixes: ['', '-debian13'],
  packages: () => ['libgcc-s1', 'libstdc++6'],
  environment: () => ({ NODE_ENV: 'production' }),
  command: 'node',
  supported: ['2025-05-06', '2028-04-30'],
}

/** Every image of the sample, each with seven tags. */
const LINES: readonly Line[] = [
  { ...PYTHON_313, variant: 'runtime' },
  { ...PYTHON_313, variant: 'dev' },
  {
    ...PYTHON_313,
    variant: 'runtime',
    title: 'Python 3.12.x',
    series: '3.12',
    versionIn: () => '3.12.12',
    aliases: ['3.12', '3.12-debian', '3.12-debian13', '3.12-trixie'],
    exactSuffixes: ['', '-debian', '-debian13'],
    supported: ['2023-10-02', '2028-10-31'],
    frozenAfter: 1,
  },
  { ...NODE_24, variant: 'runtime' },
  { ...NODE_24, variant: 'dev' },
  {
    repository: 'nginx',
    title: 'NGINX 1.29.x',
    license: 'BSD-2-Clause',
    series: '1.29',
    variant: 'runtime',
    versionIn: (release) => `1.29.${release}`,
    aliases: SEVEN_ALIASES('1', '1.29'),
    exactSuffixes: ['', '-debian13'],
    packages: () => ['libpcre2-8-0'],
    environment: () => ({}),
    command: 'nginx',
    supported: ['2025-06-24', '2027-04-30'],
  },
]

/**
 * The images of one repository in `release`.
 * @throws AppError INVALID_REQUEST when the release is not a whole number from 1 on
 */
export function imageDefinitions(repository: ImageRepositoryName, release: ReleaseNumber): ImageDefinition[] {
  checkRelease(release)
  return LINES.filter((line) => line.repository === repository).map((line) => definitionOf(line, release))
}

/** The same image one release of its own earlier; undefined for its first. */
export function previousDefinition(definition: ImageDefinition): ImageDefinition | undefined {
  if (definition.contentRelease === 1) return undefined
  return imageDefinitions(definition.repository, definition.contentRelease - 1).find(
    (candidate) => candidate.path === definition.path,
  )
}

function definitionOf(line: Line, release: ReleaseNumber): ImageDefinition {
  const contentRelease = Math.min(release, line.frozenAfter ?? release)
  const version = line.versionIn(contentRelease)
  const isDev = line.variant === 'dev'
  const suffix = isDev ? '-dev' : ''
  const product: Package = {
    name: `${line.repository}-${line.series}`,
    source: `${line.repository}-${line.series}`,
    version: `${version}-1`,
    license: line.license,
  }
  const names = [...BASE_PACKAGES, ...line.packages(contentRelease), ...(isDev ? DEV_PACKAGES : [])]
  const exact = line.exactSuffixes.map((distribution) => `${version}${distribution}`)
  return {
    repository: line.repository,
    path: `image/${line.repository}/debian-13/${line.series}${suffix}`,
    title: isDev ? `${line.title} (dev)` : line.title,
    license: line.license,
    series: line.series,
    version,
    variant: line.variant,
    exactTag: parseTag(`${version}-debian13${suffix}`),
    tags: [...line.aliases, ...exact].map((stem) => parseTag(`${stem}${suffix}`)),
    packages: [...packagesOf(names, contentRelease), product],
    environment: {
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      [`${line.repository.toUpperCase()}_VERSION`]: version,
      SSL_CERT_FILE: '/etc/ssl/certs/ca-certificates.crt',
      ...line.environment(contentRelease),
    },
    command: [line.command],
    user: isDev ? '0' : '65532',
    supportedFrom: line.supported[0],
    supportedUntil: line.supported[1],
    contentRelease,
  }
}
