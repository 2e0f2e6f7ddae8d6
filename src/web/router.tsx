/** Every address of the page. What is shown there comes as a file of its own once it is opened. */
import { Anchor, Loader } from '@mantine/core'
import {
  createRootRoute,
  createRoute,
  createRouter,
  Link,
  lazyRouteComponent,
  Navigate,
  Outlet,
  parseSearchWith,
  stringifySearchWith,
} from '@tanstack/react-router'
import { useOrganizations } from './api/organizations.ts'
import { isSetupWanted, useProfile } from './api/profile.ts'
import { parseCatalogSearch } from './catalog/catalog-search.ts'
import { parseEntrySearch } from './catalog/entry-search.ts'
import { parseFindSearch, parseImageSearch } from './images/image-search.ts'
import { parseMirrorsSearch } from './mirrors/mirrors-search.ts'
import { parseOperatorSearch } from './operator/operator-search.ts'
import { parseSettingsSearch } from './organization/settings-search.ts'
import { parsePeopleSearch } from './people/people-search.ts'
import { parseRepositoriesSearch } from './repositories/repositories-search.ts'
import { parseRepositorySearch } from './repositories/tabs.ts'
import { SignInPage } from './session/sign-in-page.tsx'
import { lastOrganization } from './shell/last-organization.ts'
import { Empty, Failure } from './shell/parts.tsx'
import { Sheet } from './shell/sheet.tsx'
import { Shell } from './shell/shell.tsx'
import { useSpeech } from './text/language.tsx'
import { parseWebhooksSearch } from './webhooks/webhooks-search.ts'

function Root() {
  const { text } = useSpeech()
  const profile = useProfile()
  if (profile.isError) return <Failure error={profile.error} retry={() => void profile.refetch()} />
  if (profile.data === undefined) return <Loader m="xl" aria-label={text.common.loading} />
  if (isSetupWanted) return <SetupPage />
  const isOpen = ['/invitations', '/enter', '/setup'].includes(location.pathname)
  return profile.data === null && !isOpen ? <SignInPage /> : <Outlet />
}

function Within() {
  const { text } = useSpeech()
  const profile = useProfile()
  const organizations = useOrganizations()
  if (organizations.isError) return <Failure error={organizations.error} retry={() => void organizations.refetch()} />
  if (!profile.data || organizations.data === undefined) return <Loader m="xl" aria-label={text.common.loading} />
  return <Shell user={profile.data} organizations={organizations.data} />
}

function Start() {
  const { text } = useSpeech()
  const organizations = useOrganizations()
  const organization = lastOrganization(organizations.data ?? [])
  if (organization !== undefined) return <Navigate to="/o/$organization" params={{ organization }} replace />
  return organizations.isSuccess ? <Empty>{text.shell.noOrganization}</Empty> : null
}

function NotFound() {
  const { text } = useSpeech()
  return (
    <Sheet title={text.common.absent} lead={text.common.notFound}>
      <Anchor renderRoot={(props) => <Link {...props} to="/" />}>{text.common.toStart}</Anchor>
    </Sheet>
  )
}

const root = createRootRoute({ component: Root, notFoundComponent: NotFound })
const device = createRoute({
  getParentRoute: () => root,
  path: '/device',
  validateSearch: (search: Readonly<Record<string, unknown>>): { readonly code?: string } =>
    typeof search.code === 'string' ? { code: search.code } : {},
  component: lazyRouteComponent(() => import('./session/device-page.tsx'), 'DevicePage'),
})
const invitation = createRoute({
  getParentRoute: () => root,
  path: '/invitations',
  component: lazyRouteComponent(() => import('./session/invitation-page.tsx'), 'InvitationPage'),
})
const SetupPage = lazyRouteComponent(() => import('./session/setup-page.tsx'), 'SetupPage')
const setup = createRoute({ getParentRoute: () => root, path: '/setup', component: SetupPage })
const enter = createRoute({
  getParentRoute: () => root,
  path: '/enter',
  component: lazyRouteComponent(() => import('./session/enter-page.tsx'), 'EnterPage'),
})
const within = createRoute({ getParentRoute: () => root, id: 'within', component: Within })
const start = createRoute({ getParentRoute: () => within, path: '/', component: Start })
const catalog = createRoute({
  getParentRoute: () => within,
  path: '/o/$organization/catalog',
  validateSearch: parseCatalogSearch,
  component: lazyRouteComponent(() => import('./catalog/catalog-page.tsx'), 'CatalogPage'),
})
const entry = createRoute({
  getParentRoute: () => within,
  path: '/o/$organization/catalog/$upstream/$',
  validateSearch: parseEntrySearch,
  component: lazyRouteComponent(() => import('./catalog/entry-page.tsx'), 'EntryPage'),
})
const repositories = createRoute({
  getParentRoute: () => within,
  path: '/o/$organization/repositories',
  validateSearch: parseRepositoriesSearch,
  component: lazyRouteComponent(() => import('./repositories/repositories-page.tsx'), 'RepositoriesPage'),
})
const repository = createRoute({
  getParentRoute: () => within,
  path: '/o/$organization/repository/$',
  validateSearch: parseRepositorySearch,
  component: lazyRouteComponent(() => import('./repositories/repository-page.tsx'), 'RepositoryPage'),
})
const image = createRoute({
  getParentRoute: () => within,
  path: '/o/$organization/image/$',
  validateSearch: parseImageSearch,
  component: lazyRouteComponent(() => import('./images/image-page.tsx'), 'ImagePage'),
})
const find = createRoute({
  getParentRoute: () => within,
  path: '/o/$organization/search',
  validateSearch: parseFindSearch,
  component: lazyRouteComponent(() => import('./images/find-page.tsx'), 'FindPage'),
})
const mirrors = createRoute({
  getParentRoute: () => within,
  path: '/o/$organization/mirrors',
  validateSearch: parseMirrorsSearch,
  component: lazyRouteComponent(() => import('./mirrors/mirrors-page.tsx'), 'MirrorsPage'),
})
const webhooks = createRoute({
  getParentRoute: () => within,
  path: '/o/$organization/webhooks',
  validateSearch: parseWebhooksSearch,
  component: lazyRouteComponent(() => import('./webhooks/webhooks-page.tsx'), 'WebhooksPage'),
})

const home = createRoute({
  getParentRoute: () => within,
  path: '/o/$organization',
  component: lazyRouteComponent(() => import('./home/home-page.tsx'), 'HomePage'),
})
/** Without the shell: it is for a screen on a wall. */
const board = createRoute({
  getParentRoute: () => root,
  path: '/o/$organization/board',
  component: lazyRouteComponent(() => import('./home/board-page.tsx'), 'BoardPage'),
})
const people = createRoute({
  getParentRoute: () => within,
  path: '/o/$organization/people',
  validateSearch: parsePeopleSearch,
  component: lazyRouteComponent(() => import('./people/people-page.tsx'), 'PeoplePage'),
})
const team = createRoute({
  getParentRoute: () => within,
  path: '/o/$organization/people/teams/$team',
  component: lazyRouteComponent(() => import('./people/team-page.tsx'), 'TeamPage'),
})
const settings = createRoute({
  getParentRoute: () => within,
  path: '/o/$organization/settings',
  validateSearch: parseSettingsSearch,
  component: lazyRouteComponent(() => import('./organization/settings-page.tsx'), 'SettingsPage'),
})
const operator = createRoute({
  getParentRoute: () => within,
  path: '/operator',
  validateSearch: parseOperatorSearch,
  component: lazyRouteComponent(() => import('./operator/operator-page.tsx'), 'OperatorPage'),
})

const ProfilePage = lazyRouteComponent(() => import('./profile/profile-page.tsx'), 'ProfilePage')
const profile = createRoute({ getParentRoute: () => within, path: '/profile', component: ProfilePage })
const profileSection = createRoute({
  getParentRoute: () => within,
  path: '/profile/$section',
  component: ProfilePage,
})

/** A value of an address. What reads as a number is a text all the same: the tag 24.10 is not 24.1. */
function readValue(text: string): unknown {
  if (/^["[{]/.test(text)) return JSON.parse(text)
  throw new Error('a text as it is')
}

export const router = createRouter({
  parseSearch: parseSearchWith(readValue),
  stringifySearch: stringifySearchWith(JSON.stringify, readValue),
  routeTree: root.addChildren([
    device,
    invitation,
    board,
    setup,
    enter,
    within.addChildren([
      start,
      profile,
      profileSection,
      home,
      people,
      team,
      settings,
      operator,
      catalog,
      entry,
      repositories,
      repository,
      image,
      find,
      mirrors,
      webhooks,
    ]),
  ]),
  defaultPreload: 'intent',
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
