// What there is to be seen: an address each, by a name that is the picture's.

export interface View {
  readonly name: string
  readonly path: string
  /** Done before the picture: what an address does not say. */
  readonly opens?: { readonly button: string }
  readonly isSignedOut?: boolean
  /** Kept for README and docs, in these forms. */
  readonly kept?: readonly Form[]
}

export const FORMS = ['desk-light', 'desk-dark', 'phone-light', 'phone-dark'] as const
export type Form = (typeof FORMS)[number]

const REPOSITORY = '/o/acme/repository/dhi-python'

export const VIEWS: readonly View[] = [
  { name: 'sign-in', path: '/', isSignedOut: true },
  { name: 'home', path: '/o/acme', kept: ['desk-light', 'desk-dark'] },
  { name: 'catalog', path: '/o/acme/catalog', kept: ['desk-light'] },
  { name: 'catalog-entry', path: '/o/acme/catalog/sample/nginx', kept: ['desk-light'] },
  { name: 'start-mirror', path: '/o/acme/catalog/sample/nginx', opens: { button: 'Mirror to repository' } },
  { name: 'repositories', path: '/o/acme/repositories' },
  { name: 'repository-overview', path: REPOSITORY, kept: ['desk-light', 'phone-light'] },
  { name: 'repository-tags', path: `${REPOSITORY}?tab=tags`, kept: ['desk-light'] },
  { name: 'repository-mirror', path: `${REPOSITORY}?tab=mirror` },
  { name: 'repository-webhooks', path: `${REPOSITORY}?tab=webhooks` },
  { name: 'repository-settings', path: `${REPOSITORY}?tab=settings` },
  { name: 'mirrors', path: '/o/acme/mirrors' },
  { name: 'people', path: '/o/acme/people' },
  { name: 'profile', path: '/profile' },
  { name: 'profile-two-factor', path: '/profile/two-factor', opens: { button: 'Turn on' } },
  { name: 'profile-sessions', path: '/profile/sessions' },
  { name: 'profile-tokens', path: '/profile/tokens' },
  { name: 'device', path: '/device?code=BCDF-GHJK' },
]
