/** Platforms as people choose them: `linux/amd64`, `linux/arm64`, `linux/arm/v7`. */
import type { Platform } from './descriptor.ts'

export interface PlatformChoice {
  readonly os: string
  readonly architecture: string
  /** Undefined: any. */
  readonly variant: string | undefined
}

const CHOICE = /^[A-Za-z0-9_.-]{1,64}\/[A-Za-z0-9_.-]{1,64}(?:\/[A-Za-z0-9_.-]{1,64})?$/

/** What other tools call an architecture. */
const ARCHITECTURES: Readonly<Record<string, { readonly architecture: string; readonly variant?: string }>> = {
  x86_64: { architecture: 'amd64' },
  'x86-64': { architecture: 'amd64' },
  i386: { architecture: '386' },
  aarch64: { architecture: 'arm64' },
  armhf: { architecture: 'arm', variant: 'v7' },
  armel: { architecture: 'arm', variant: 'v6' },
}

/** What a variant that nobody wrote stands for. */
const DEFAULT_VARIANTS: Readonly<Record<string, string>> = { arm64: 'v8', arm: 'v7', amd64: 'v1' }

/** Undefined when the text is none. */
export function findPlatformChoice(text: string): PlatformChoice | undefined {
  if (!CHOICE.test(text)) return undefined
  const [os = '', architecture = '', variant] = text.toLowerCase().split('/')
  const usual = ARCHITECTURES[architecture]
  return {
    os: os === 'macos' ? 'darwin' : os,
    architecture: usual?.architecture ?? architecture,
    variant: variant ?? usual?.variant,
  }
}

/** Whether an image of this platform is among the chosen; one without variant has the usual one of its architecture. */
export function isChosenPlatform(platform: Platform, choices: readonly PlatformChoice[]): boolean {
  const found = findPlatformChoice(`${platform.os || '-'}/${platform.architecture || '-'}`)
  if (found === undefined) return false
  const variant = platform.variant?.toLowerCase() || found.variant || DEFAULT_VARIANTS[found.architecture]
  return choices.some(
    (choice) =>
      choice.os === found.os &&
      choice.architecture === found.architecture &&
      (choice.variant === undefined || choice.variant === variant),
  )
}
