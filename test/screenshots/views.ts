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
const IMAGE = '/o/acme/image/dhi-python:3.13'

export const VIEWS: readonly View[] = [
  { name: 'sign-in', path: '/', isSignedOut: true },
  { name: 'home', path: '/o/acme', kept: ['desk-light', 'phone-dark'] },
  { name: 'board', path: '/o/acme/board', kept: ['desk-dark'] },
  { name: 'catalog', path: '/o/acme/catalog', kept: ['desk-light'] },
  { name: 'catalog-entry', path: '/o/acme/catalog/sample/nginx', kept: ['desk-light'] },
  { name: 'start-mirror', path: '/o/acme/catalog/sample/nginx', opens: { button: 'Mirror to repository' } },
  { name: 'repositories', path: '/o/acme/repositories' },
  { name: 'repository-overview', path: REPOSITORY, kept: ['desk-light'] },
  { name: 'repository-tags', path: `${REPOSITORY}?tab=tags`, kept: ['desk-light'] },
  { name: 'repository-mirror', path: `${REPOSITORY}?tab=mirror` },
  { name: 'repository-webhooks', path: `${REPOSITORY}?tab=webhooks`, kept: ['desk-light'] },
  { name: 'repository-access', path: `${REPOSITORY}?tab=access` },
  { name: 'repository-activity', path: `${REPOSITORY}?tab=activity` },
  { name: 'repository-settings', path: `${REPOSITORY}?tab=settings` },
  { name: 'image-config', path: IMAGE },
  { name: 'image-packages', path: `${IMAGE}?section=packages` },
  { name: 'image-vulnerabilities', path: `${IMAGE}?section=vulnerabilities`, kept: ['desk-light'] },
  { name: 'image-attestations', path: `${IMAGE}?section=attestations`, kept: ['desk-dark'] },
  { name: 'image-compare', path: `${IMAGE}?section=compare&with=3.12` },
  { name: 'image-history', path: `${IMAGE}?section=history` },
  { name: 'search', path: '/o/acme/search?q=openssl' },
  { name: 'webhooks', path: '/o/acme/webhooks' },
  { name: 'mirrors', path: '/o/acme/mirrors' },
  { name: 'people', path: '/o/acme/people' },
  { name: 'profile', path: '/profile' },
  { name: 'profile-two-factor', path: '/profile/two-factor', opens: { button: 'Turn on' } },
  { name: 'profile-sessions', path: '/profile/sessions' },
  { name: 'profile-tokens', path: '/profile/tokens' },
  { name: 'device', path: '/device?code=BCDF-GHJK' },
  { name: 'people-teams', path: '/o/acme/people?tab=teams' },
  { name: 'people-invitations', path: '/o/acme/people?tab=invitations' },
  { name: 'settings-general', path: '/o/acme/settings' },
  { name: 'settings-tokens', path: '/o/acme/settings?section=tokens' },
  { name: 'settings-upstreams', path: '/o/acme/settings?section=upstreams' },
  { name: 'settings-subscriptions', path: '/o/acme/settings?section=subscriptions' },
  { name: 'settings-identity', path: '/o/acme/settings?section=identity' },
  { name: 'settings-audit', path: '/o/acme/settings?section=audit' },
  { name: 'settings-usage', path: '/o/acme/settings?section=usage' },
  { name: 'operator-health', path: '/operator' },
  { name: 'operator-organizations', path: '/operator?tab=organizations' },
  { name: 'operator-users', path: '/operator?tab=users' },
  { name: 'operator-identity', path: '/operator?tab=identity' },
  { name: 'operator-settings', path: '/operator?tab=settings' },
]
