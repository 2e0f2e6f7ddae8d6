// What a browser does with redirects and cookies, and no more: each origin has cookies of its own.
export interface Browser {
  /** Follows redirects until there is none, or one leads to where `stopAt` says. */
  open(url: string, o?: { readonly stopAt?: (url: string) => boolean }): Promise<Landing>
  /** The cookies that go to an URL. */
  cookies(url: string): string
}

export interface Landing {
  readonly url: string
  readonly status: number
  readonly text: string
  /** Every URL on the way. */
  readonly way: readonly string[]
}

const MAX_HOPS = 20

/** @param o.accept `text/html`: what goes wrong is told to the page, as in a browser that people look at; else to who asks */
export function newBrowser({ accept = '*/*' }: { readonly accept?: string } = {}): Browser {
  const jar = new Map<string, Map<string, { readonly value: string; readonly path: string }>>()

  const cookies = (url: string) => {
    const { origin, pathname } = new URL(url)
    return [...(jar.get(origin) ?? [])]
      .filter(([, { path }]) => pathname.startsWith(path))
      .map(([name, { value }]) => `${name}=${value}`)
      .join('; ')
  }
  function keep(url: string, headers: Headers) {
    const { origin } = new URL(url)
    const own = jar.get(origin) ?? new Map()
    jar.set(origin, own)
    for (const line of headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (value === '') own.delete(name)
      else own.set(name, { value, path: /;\s*path=([^;]+)/i.exec(line)?.[1] ?? '/' })
    }
  }
  return {
    cookies,
    async open(start, { stopAt = () => false } = {}) {
      const way = [start]
      let url = start
      for (let hops = 0; hops < MAX_HOPS; hops++) {
        const response = await fetch(url, {
          redirect: 'manual',
          headers: { cookie: cookies(url), accept },
        })
        keep(url, response.headers)
        const location = response.headers.get('location')
        const text = await response.text()
        if (location === null) return { url, status: response.status, text, way }
        url = new URL(location, url).href
        way.push(url)
        if (stopAt(url)) return { url, status: response.status, text, way }
      }
      throw new Error(`more than ${MAX_HOPS} redirects: ${way.join(' ')}`)
    },
  }
}
