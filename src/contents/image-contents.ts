/** What an image holds, as far as its config and its attestations tell. Pure shapes; `read-image.ts` fills them. */
import type { Digest } from '../oci/digest.ts'

/** One package of an SBOM. */
export interface Package {
  readonly name: string
  /** Of its package URL: `deb`, `npm`; `generic` where it has none. */
  readonly type: string
  readonly version: string
  /** The source package that it was built from. */
  readonly source?: string
  readonly purl?: string
  readonly licence?: string
  /** It has no package URL, so that its name tells little: it is listed, and not compared. */
  readonly isUnnamed?: true
}

/** A vulnerability that a report names. */
export interface Finding {
  readonly id: string
  readonly severity: string
  readonly package: string
  /** Empty when the report does not say. */
  readonly fixedIn: string
  /** Of the package as the report has it, where it says so. */
  readonly version?: string
  readonly type?: string
  /** CVSS, of 10. */
  readonly score?: string
}

/** One statement of an OpenVEX document, about one package. */
export interface VexStatement {
  readonly id: string
  readonly status: string
  /** The name in the product's package URL; the product itself, where it has none. */
  readonly package: string
  readonly version: string
  /** ISO 8601; the newest counts. */
  readonly at: string
  /** Other ids of the vulnerability. */
  readonly aliases?: readonly string[]
  /** Of the package URL; `oci` and `docker` name the image itself. */
  readonly type?: string
  readonly justification?: string
  /** What its author says of it, in words. */
  readonly impact?: string
  readonly action?: string
  /** The blob that it stands in. */
  readonly document?: Digest
}

export const SBOM_FORMATS = ['cyclonedx', 'spdx'] as const

export type SbomFormat = (typeof SBOM_FORMATS)[number]

export type Entries = Readonly<Record<string, string>>

export interface ImageConfig {
  readonly environment: Entries
  readonly labels: Entries
  /** The rest of what a container starts with, each value as JSON. */
  readonly configuration: Entries
}

export interface ImageContents {
  readonly digest: Digest
  readonly config: ImageConfig | undefined
  /** By the format of the SBOM; a format that is not there is not known. */
  readonly packages: ReadonlyMap<SbomFormat, readonly Package[]>
  /** By the kind of report; a kind that is not there is not known. */
  readonly findings: ReadonlyMap<string, readonly Finding[]>
  readonly vex: readonly VexStatement[]
}
