import type { Target } from './target.ts'

/** What a browser reads that opens an address which Kagami has printed: what to do with it. Plain text, that of a link's own words checked. */

const CODE = /^[A-Z]{4}-[A-Z]{4}$/

/** Undefined: there is no such address. */
export function signpost({ path, query }: Target): string | undefined {
  switch (path) {
    case '/':
      return 'This is Kagami, a container registry that mirrors. Its API is described at /api/v1/openapi.json.'
    case '/invitations':
      return [
        'An invitation into an organization. To join, give the whole address of this page, with what stands behind the #, to',
        "  kagami invitation accept 'ADDRESS'",
        "as who you are signed in, or with a new account: --new-user NAME. The link serves once; don't pass it on.",
      ].join('\n')
    case '/device': {
      const given = new URLSearchParams(query).get('code')?.toUpperCase() ?? ''
      const code = CODE.test(given) ? given : 'CODE'
      return [
        'A command line waits to be let in. Where you are signed in, this shows who asks and from where, and asks you:',
        `  kagami device approve ${code}`,
        'If you did not begin it yourself:',
        `  kagami device deny ${code}`,
      ].join('\n')
    }
    default:
      return undefined
  }
}
