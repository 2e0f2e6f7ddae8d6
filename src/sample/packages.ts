import { PackageURL } from 'packageurl-js'
import { patchLevel } from './flaws.ts'
import type { ReleaseNumber } from './releases.ts'

/** One binary package of Debian 13 in an image. */
export interface Package {
  readonly name: string
  readonly source: string
  /** Debian's version, with the epoch where there is one. */
  readonly version: string
  readonly license: string
}

type Origin = Pick<Package, 'source' | 'version' | 'license'>

const ORIGINS: Readonly<Record<string, Origin>> = {
  apt: { source: 'apt', version: '3.0.3', license: 'GPL-2.0-or-later' },
  'base-files': { source: 'base-files', version: '13.8', license: 'GPL-2.0-or-later' },
  bash: { source: 'bash', version: '5.2.37-2', license: 'GPL-3.0-or-later' },
  'ca-certificates': { source: 'ca-certificates', version: '20250419', license: 'MPL-2.0' },
  coreutils: { source: 'coreutils', version: '9.7-3', license: 'GPL-3.0-or-later' },
  dpkg: { source: 'dpkg', version: '1.22.21', license: 'GPL-2.0-or-later' },
  libc6: { source: 'glibc', version: '2.41-12', license: 'LGPL-2.1-or-later' },
  libexpat1: { source: 'expat', version: '2.7.1-2', license: 'MIT' },
  libffi8: { source: 'libffi', version: '3.4.8-2', license: 'MIT' },
  'libgcc-s1': { source: 'gcc-14', version: '14.2.0-19', license: 'GPL-3.0-or-later' },
  'libpcre2-8-0': { source: 'pcre2', version: '10.45-1', license: 'BSD-3-Clause' },
  'libsqlite3-0': { source: 'sqlite3', version: '3.46.1-7', license: 'blessing' },
  libssl3t64: { source: 'openssl', version: '3.5.1-1', license: 'Apache-2.0' },
  'libstdc++6': { source: 'gcc-14', version: '14.2.0-19', license: 'GPL-3.0-or-later' },
  'media-types': { source: 'media-types', version: '13.0.0', license: 'CC-PDDC' },
  netbase: { source: 'netbase', version: '6.5', license: 'GPL-2.0-only' },
  tzdata: { source: 'tzdata', version: '2025b-4', license: 'CC-PDDC' },
  zlib1g: { source: 'zlib', version: '1:1.3.dfsg+really1.3.1-1', license: 'Zlib' },
}

/** What every image is built on. */
export const BASE_PACKAGES = ['base-files', 'ca-certificates', 'libc6', 'libssl3t64', 'tzdata', 'zlib1g'] as const

/** The packages as they are in `release`. @throws Error when a name has no entry in the table above */
export function packagesOf(names: readonly string[], release: ReleaseNumber): Package[] {
  return names.map((name) => {
    const origin = ORIGINS[name]
    if (origin === undefined) throw new Error(`package ${name} is not in the sample's table`)
    return { name, ...origin, version: versionAt(origin.version, patchLevel(origin.source, release)) }
  })
}

/** A Debian version at a patch level: level 0 is the version as Debian has it. */
export function versionAt(version: string, level: number): string {
  return level === 0 ? version : `${version}+dhi${level}`
}

/** Debian's version before any patch of ours, the inverse of versionAt. */
export function unpatchedVersion(version: string): string {
  return version.replace(/\+dhi\d+$/, '')
}

/** The patch level in a version; 0 when it has none. */
export function levelOf(version: string): number {
  return Number(/\+dhi(\d+)$/.exec(version)?.[1] ?? 0)
}

/** Package URL of the binary package, as SBOMs name it. The epoch is a qualifier (purl type `deb`). */
export function binaryPurl(item: Package, architecture: string): string {
  const [, epoch, version] = /^(?:(\d+):)?(.*)$/.exec(item.version) ?? []
  return new PackageURL('deb', 'debian', item.name, version, {
    arch: architecture,
    distro: 'debian-13',
    ...(epoch === undefined ? {} : { epoch }),
    ...(item.source === item.name ? {} : { upstream: item.source }),
  }).toString()
}

/** Package URL of the source package, as advisories and VEX name it. */
export function sourcePurl(source: string, version: string): string {
  return new PackageURL('deb', 'debian', source, version, {
    os_distro: 'trixie',
    os_name: 'debian',
    os_version: '13',
  }).toString()
}

/** One installed package in `/var/lib/dpkg/status` (deb-control). */
export function dpkgStanza(item: Package, architecture: string): string {
  return [
    `Package: ${item.name}`,
    'Status: install ok installed',
    `Architecture: ${architecture}`,
    'Maintainer: Kagami sample <sample@example.invalid>',
    `Source: ${item.source}`,
    `Version: ${item.version}`,
    `Description: ${item.name} (sample, without files)`,
    '',
  ].join('\n')
}
