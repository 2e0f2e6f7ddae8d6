/** What people call the program behind a user agent: `['Firefox', 'Linux']`; undefined: none that is known. */
const PROGRAMS: readonly (readonly [name: string, sign: RegExp])[] = [
  ['Edge', /Edg\//],
  ['Opera', /OPR\//],
  ['Firefox', /Firefox\//],
  ['Chrome', /(?:Headless)?Chrome\//],
  ['Safari', /Version\/.*Safari\//],
  ['kagami', /kagami/i],
  ['docker', /docker\//],
  ['podman', /(?:podman|libpod|containers)\//],
]
const SYSTEMS: readonly (readonly [name: string, sign: RegExp])[] = [
  ['Android', /Android/],
  ['iOS', /iPhone|iPad/],
  ['Windows', /Windows/],
  ['macOS', /Mac OS X|darwin/i],
  ['Linux', /Linux|linux/],
]

export function deviceOf(userAgent: string | null): { readonly program?: string; readonly system?: string } {
  const found = (names: typeof PROGRAMS) => names.find(([, sign]) => sign.test(userAgent ?? ''))?.[0]
  const [program, system] = [found(PROGRAMS), found(SYSTEMS)]
  return { ...(program === undefined ? {} : { program }), ...(system === undefined ? {} : { system }) }
}
