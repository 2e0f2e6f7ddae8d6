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
