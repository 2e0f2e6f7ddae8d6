import { type Digest, digestOf } from '../oci/digest.ts'
import type { ImageDefinition } from './definitions.ts'
import { BASE_PACKAGES, dpkgStanza, type Package } from './packages.ts'
import { releasedAt } from './releases.ts'
import { gzipOf, type TarEntry, tarOf } from './tar.ts'

/** One layer: the gzip archive, the digest of the archive before compression, and how it came to be. */
export interface Layer {
  readonly bytes: Uint8Array
  readonly diffId: Digest
  readonly createdBy: string
  readonly fileCount: number
}

/**
 * The layers of an image, lowest first: Debian's frame, which all images of a release share, and what the image adds.
 * Together they are a root filesystem that every client unpacks; there is no program in it.
 */
export function layersOf(definition: ImageDefinition, architecture: string): Layer[] {
  const basePackages = definition.packages.filter((item) => BASE_PACKAGES.some((name) => name === item.name))
  const base = baseEntries(basePackages, architecture)
  return [
    layerOf(base, definition, `debian-13 frame for ${architecture}`),
    layerOf(imageEntries(definition, architecture), definition, `${definition.path} ${definition.version}`),
  ]
}

function layerOf(entries: readonly TarEntry[], definition: ImageDefinition, createdBy: string): Layer {
  const archive = tarOf(entries, releasedAt(definition.contentRelease))
  return {
    bytes: gzipOf(archive),
    diffId: digestOf(archive),
    createdBy,
    fileCount: entries.filter((entry) => entry.kind === 'file').length,
  }
}

const directory = (path: string, mode = 0o755, owner = 0): TarEntry => ({ kind: 'directory', path, mode, owner })
const file = (path: string, content: string): TarEntry => ({ kind: 'file', path, mode: 0o644, content })
const symlink = (path: string, target: string): TarEntry => ({ kind: 'symlink', path, mode: 0o777, target })

const OS_RELEASE = `PRETTY_NAME="Debian GNU/Linux 13 (trixie), Kagami sample"
NAME="Debian GNU/Linux"
VERSION_ID="13"
VERSION="13 (trixie)"
VERSION_CODENAME=trixie
ID=debian
`
const PASSWD = `root:x:0:0:root:/root:/sbin/nologin
nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin
`
const GROUP = `root:x:0:
nonroot:x:65532:
`

function baseEntries(packages: readonly Package[], architecture: string): TarEntry[] {
  return [
    directory('etc/'),
    file('etc/os-release', OS_RELEASE),
    file('etc/passwd', PASSWD),
    file('etc/group', GROUP),
    directory('etc/ssl/'),
    directory('etc/ssl/certs/'),
    file('etc/ssl/certs/ca-certificates.crt', '# The sample trusts nobody.\n'),
    directory('home/'),
    directory('home/nonroot/', 0o700, 65532),
    directory('root/', 0o700),
    directory('tmp/', 0o1777),
    directory('usr/'),
    directory('usr/bin/'),
    directory('usr/lib/'),
    directory('usr/share/'),
    symlink('bin', 'usr/bin'),
    symlink('lib', 'usr/lib'),
    directory('var/'),
    directory('var/lib/'),
    directory('var/lib/dpkg/'),
    dpkgStatus(packages, architecture),
  ]
}

function imageEntries(definition: ImageDefinition, architecture: string): TarEntry[] {
  const share = `usr/share/${definition.repository}/`
  return [
    directory(share),
    file(`${share}VERSION`, `${definition.version}\n`),
    file(`${share}README`, `${definition.title}: sample content of Kagami, without the program itself.\n`),
    dpkgStatus(definition.packages, architecture),
  ]
}

function dpkgStatus(packages: readonly Package[], architecture: string): TarEntry {
  return file('var/lib/dpkg/status', packages.map((item) => dpkgStanza(item, architecture)).join('\n'))
}
