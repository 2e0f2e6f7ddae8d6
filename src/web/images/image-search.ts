/** What stands in the address of an image, and of a search. */
export const SECTIONS = ['config', 'packages', 'vulnerabilities', 'attestations', 'compare', 'history'] as const
export type Section = (typeof SECTIONS)[number]

export interface ImageSearch {
  readonly section?: Section
  readonly platform?: string
  readonly q?: string
  /** The attestation that is read. */
  readonly open?: string
  /** What it is compared with. */
  readonly with?: string
}

export function parseImageSearch(search: Readonly<Record<string, unknown>>): ImageSearch {
  const section = SECTIONS.find((one) => one === search.section)
  const texts = (['platform', 'q', 'open', 'with'] as const).flatMap((name) => {
    const value = textOf(search[name])
    return value === undefined ? [] : [[name, value] as const]
  })
  return { ...(section === undefined ? {} : { section }), ...Object.fromEntries(texts) }
}

/** The router takes what looks like a number, as many tags do, for one. */
function textOf(value: unknown): string | undefined {
  return (typeof value === 'string' && value !== '') || typeof value === 'number' ? String(value) : undefined
}

export interface FindSearch {
  readonly q?: string
}

export function parseFindSearch({ q }: Readonly<Record<string, unknown>>): FindSearch {
  const text = textOf(q)
  return text === undefined ? {} : { q: text }
}

/** `name:tag` or `name@sha256:…`, as the end of an address has it. */
export function splitImage(splat: string): { readonly name: string; readonly reference: string } {
  const at = splat.indexOf('@')
  const cut = at === -1 ? splat.lastIndexOf(':') : at
  return cut === -1 ? { name: splat, reference: '' } : { name: splat.slice(0, cut), reference: splat.slice(cut + 1) }
}

export function joinImage(name: string, reference: string): string {
  return `${name}${reference.includes(':') ? '@' : ':'}${reference}`
}

/** What somebody searches for: vulnerabilities have ids of a shape of their own. */
export function isVulnerability(q: string): boolean {
  return /^(cve|ghsa|dsa|alas|rhsa|temp)-/i.test(q)
}
