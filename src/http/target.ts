/**
 * The path and query of a request, read in one place for every route. Bun gives an absolute URL where the Host is usable (with
 * dot segments resolved and the host of an absolute-form target ignored), and the bare target where it is not: HTTP/1.0 without Host.
 */
export interface Target {
  /** As sent, nothing decoded; starts with `/`, or is empty for what is no path (`CONNECT host:80`). */
  readonly path: string
  /** Without the question mark. */
  readonly query: string
}

const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i

export function parseTarget(url: string): Target {
  const origin = url.startsWith('/') ? '' : (ORIGIN.exec(url)?.[0] ?? url)
  const [sent = ''] = url.slice(origin.length).split('#', 1)
  const mark = sent.indexOf('?')
  const path = mark === -1 ? sent : sent.slice(0, mark)
  const query = mark === -1 ? '' : sent.slice(mark + 1)
  return { path: path === '' && ORIGIN.test(url) && !url.startsWith('/') ? '/' : path, query }
}

/** For Hono, whose own reading slices the URL behind the eighth character; for the door, which asks it of every request. */
export function pathOf({ url }: Request): string {
  return plainPath(url) ?? parseTarget(url).path
}

/** The same of a URL of ours that has neither query nor fragment, without a look at each of its characters; undefined: of any other. */
export function plainPath(url: string): string | undefined {
  if (!url.startsWith('http://') && !url.startsWith('https://')) return undefined
  const start = url.indexOf('/', url.indexOf(':') + '://'.length)
  return start === -1 || url.includes('?') || url.includes('#') ? undefined : url.slice(start)
}
