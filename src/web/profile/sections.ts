/** The parts of one's own profile; the address names which. */
export const SECTIONS = ['account', 'password', 'two-factor', 'sessions', 'tokens', 'identities'] as const
export type Section = (typeof SECTIONS)[number]

export function sectionOf(name: string | undefined): Section {
  return SECTIONS.find((one) => one === name) ?? 'account'
}
