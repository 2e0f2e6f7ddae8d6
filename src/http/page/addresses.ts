/** What a browser can open, and which page of `src/web` it sees there. The router of the page has the same addresses. */

/** By the beginning of its file's name. Of those that fit, the first. */
const PAGES: readonly (readonly [address: RegExp, page: string])[] = [
  [/^\/device$/, 'device-page'],
  [/^\/invitations$/, 'invitation-page'],
  [/^\/setup$/, 'setup-page'],
  [/^\/enter$/, 'enter-page'],
  [/^\/operator$/, 'operator-page'],
  [/^\/profile(\/|$)/, 'profile-page'],
  [/^\/o\/[^/]+\/?$/, 'home-page'],
  [/^\/o\/[^/]+\/board$/, 'board-page'],
  [/^\/o\/[^/]+\/catalog$/, 'catalog-page'],
  [/^\/o\/[^/]+\/catalog\//, 'entry-page'],
  [/^\/o\/[^/]+\/repositories$/, 'repositories-page'],
  [/^\/o\/[^/]+\/repository\//, 'repository-page'],
  [/^\/o\/[^/]+\/image\//, 'image-page'],
  [/^\/o\/[^/]+\/search$/, 'find-page'],
  [/^\/o\/[^/]+\/mirrors$/, 'mirrors-page'],
  [/^\/o\/[^/]+\/webhooks$/, 'webhooks-page'],
  [/^\/o\/[^/]+\/people$/, 'people-page'],
  [/^\/o\/[^/]+\/people\/teams\//, 'team-page'],
  [/^\/o\/[^/]+\/settings$/, 'settings-page'],
]

/** Of something that the page shows, if only that nothing is there. */
export function isAddress(path: string): boolean {
  return path === '/' || path.startsWith('/o/') || PAGES.some(([address]) => address.test(path))
}

/** Undefined: what is shown there has no file of its own. */
export function pageAt(path: string): string | undefined {
  return PAGES.find(([address]) => address.test(path))?.[1]
}
