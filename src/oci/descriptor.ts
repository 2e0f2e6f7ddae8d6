import type { Digest } from './digest.ts'

export interface Platform {
  readonly architecture: string
  readonly os: string
  readonly variant?: string
  readonly 'os.version'?: string
  readonly 'os.features'?: readonly string[]
}

/** OCI image-spec descriptor.md. `size` is in bytes. */
export interface Descriptor {
  readonly mediaType: string
  readonly digest: Digest
  readonly size: number
  readonly artifactType?: string
  readonly annotations?: Readonly<Record<string, string>>
  readonly platform?: Platform
}

/** `linux/arm64/v8` and the like, as people write platforms. */
export function formatPlatform(platform: Platform): string {
  const base = `${platform.os}/${platform.architecture}`
  return platform.variant === undefined || platform.variant === '' ? base : `${base}/${platform.variant}`
}

const MAX_PLATFORM_WORD = 64

/** The parts that people choose by, each cut to what a real one never reaches: a platform may be megabytes of text. */
export function cutPlatform({ os, architecture, variant }: Platform): Platform {
  const cut = (text: string) => text.slice(0, MAX_PLATFORM_WORD)
  return { os: cut(os), architecture: cut(architecture), ...(variant === undefined ? {} : { variant: cut(variant) }) }
}
