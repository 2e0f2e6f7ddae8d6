/** Everything that has a name, by its name: pages, repositories, tags, images of the catalog, and what one does for oneself. */
import '@mantine/spotlight/styles.css'
import { useMantineColorScheme } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { createSpotlight, Spotlight } from '@mantine/spotlight'
import {
  ContainerIcon,
  type Icon,
  MirrorIcon,
  PackageIcon,
  PersonIcon,
  SearchIcon,
  TagIcon,
} from '@primer/octicons-react'
import { useNavigate } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { useNames } from '../api/home.ts'
import { useOrganizations } from '../api/organizations.ts'
import { signOut } from '../api/profile.ts'
import { useListedRepositories } from '../api/repositories.ts'
import { joinImage } from '../images/image-search.ts'
import { PLACES } from '../shell/places.ts'
import { repositoryPlace } from '../shell/repository-link.tsx'
import { useSpeech } from '../text/language.tsx'
import { useEntriesLike } from './catalog-items.ts'

const [store, spotlight] = createSpotlight()

const DEBOUNCE_MS = 150
const SHOWN = 8
const SCHEMES = ['auto', 'light', 'dark'] as const

interface Item {
  readonly id: string
  readonly label: string
  readonly icon: Icon
  readonly go: () => void
}

/** @param o.asked it opens whenever this is another number */
export function Palette({ organization, asked }: { readonly organization: string; readonly asked: number }) {
  const { text } = useSpeech()
  const [query, setQuery] = useState('')
  useEffect(() => {
    if (asked > 0) spotlight.open()
  }, [asked])
  const groups = useGroups(organization, query)
  // What is found later may stand before what was first: Enter takes what stands first.
  const ids = groups.flatMap(([, items]) => items.map(({ id }) => id)).join('\n')
  useEffect(() => {
    if (ids !== '' && query !== '') selectFirst()
  }, [ids, query])
  const isEmpty = groups.every(([, items]) => items.length === 0)
  return (
    <Spotlight.Root
      store={store}
      query={query}
      onQueryChange={setQuery}
      shortcut={null}
      scrollable
      maxHeight={420}
      clearQueryOnClose
      attributes={{ content: { 'aria-label': text.shell.find } }}
    >
      <Spotlight.Search
        placeholder={text.palette.placeholder}
        aria-label={text.palette.placeholder}
        leftSection={<SearchIcon />}
      />
      <Spotlight.ActionsList>
        {groups.map(([label, items]) =>
          items.length === 0 ? null : (
            <Spotlight.ActionsGroup key={label} label={label}>
              {items.map((item) => (
                <Spotlight.Action
                  key={item.id}
                  label={item.label}
                  leftSection={<item.icon aria-hidden="true" />}
                  onClick={item.go}
                />
              ))}
            </Spotlight.ActionsGroup>
          ),
        )}
        {isEmpty ? <Spotlight.Empty>{text.palette.nothing}</Spotlight.Empty> : null}
      </Spotlight.ActionsList>
    </Spotlight.Root>
  )
}

/** As the library does itself when one types, which it lets nobody else ask for. */
function selectFirst(): void {
  const list = document.getElementById(store.getState().listId)
  for (const one of list?.querySelectorAll('[data-selected]') ?? []) one.removeAttribute('data-selected')
  list?.querySelector('[data-action]')?.setAttribute('data-selected', 'true')
  store.updateState((state) => ({ ...state, selected: 0 }))
}

/** What has such a name, under what it is. */
function useGroups(organization: string, query: string): readonly (readonly [label: string, items: readonly Item[]])[] {
  const { text } = useSpeech()
  const navigate = useNavigate()
  const { setColorScheme } = useMantineColorScheme()
  const wanted = query.trim().toLowerCase()
  const [asked] = useDebouncedValue(wanted, DEBOUNCE_MS)
  const names = useNames(organization, asked).data
  const repositories = useListedRepositories(organization)
  const organizations = useOrganizations().data ?? []
  const entries = useEntriesLike(organization, asked, SHOWN)
  const isWanted = ({ label }: Pick<Item, 'label'>) => label.toLowerCase().includes(wanted)

  const toRepository = (name: string) => () =>
    void navigate({ to: '/o/$organization/repository/$', params: repositoryPlace(name) })
  const toImage = (repository: string, tag: string) => () => {
    const { organization, _splat } = repositoryPlace(repository)
    void navigate({ to: '/o/$organization/image/$', params: { organization, _splat: joinImage(_splat, tag) } })
  }
  const pages: Item[] = [
    ...PLACES.map(({ to, label, icon }) => ({
      id: to,
      label: text.shell[label],
      icon,
      go: () => void navigate({ to, params: { organization } }),
    })),
    {
      id: 'board',
      label: text.palette.board,
      icon: MirrorIcon,
      go: () => void navigate({ to: '/o/$organization/board', params: { organization } }),
    },
    ...organizations
      .filter(({ name }) => name !== organization)
      .map(({ name }) => ({
        id: `organization ${name}`,
        label: text.palette.toOrganization(name),
        icon: PersonIcon,
        go: () => void navigate({ to: '/o/$organization', params: { organization: name } }),
      })),
  ].filter(isWanted)
  // Those that are at hand at once, and what the server finds besides.
  const found = new Set(
    [
      ...repositories.map(({ name }) => name).filter((name) => name.includes(wanted)),
      ...(names?.repositories ?? []),
    ].slice(0, SHOWN),
  )
  const listed = wanted === '' ? [] : [...found].filter((name) => name.includes(wanted.split(':')[0] ?? ''))
  const catalog: Item[] = entries.map(({ upstream, repository }) => ({
    id: `entry ${upstream}/${repository}`,
    label: `${upstream}/${repository}`,
    icon: PackageIcon,
    go: () =>
      void navigate({
        to: '/o/$organization/catalog/$upstream/$',
        params: { organization, upstream, _splat: repository },
      }),
  }))
  const part = query.trim()
  const further: Item[] = [
    {
      id: 'search images',
      label: text.palette.searchImages(part),
      icon: SearchIcon,
      go: () => void navigate({ to: '/o/$organization/search', params: { organization }, search: { q: part } }),
    },
    {
      id: 'search the catalog',
      label: text.palette.searchCatalog(part),
      icon: SearchIcon,
      go: () => void navigate({ to: '/o/$organization/catalog', params: { organization }, search: { q: part } }),
    },
  ]
  const actions: Item[] = [
    { id: 'profile', label: text.shell.profile, icon: PersonIcon, go: () => void navigate({ to: '/profile' }) },
    ...SCHEMES.map((scheme) => ({
      id: `theme ${scheme}`,
      label: text.shell.theme[scheme],
      icon: PersonIcon,
      go: () => setColorScheme(scheme),
    })),
    { id: 'sign out', label: text.shell.signOut, icon: PersonIcon, go: () => void signOut() },
  ].filter(isWanted)
  return [
    [text.palette.pages, pages],
    [
      text.palette.repositories,
      listed.map((name) => ({ id: name, label: name, icon: ContainerIcon, go: toRepository(name) })),
    ],
    [
      text.palette.tags,
      (wanted === '' ? [] : (names?.tags ?? [])).slice(0, SHOWN).map(({ repository, tag }) => ({
        id: `${repository}:${tag}`,
        label: `${repository}:${tag}`,
        icon: TagIcon,
        go: toImage(repository, tag),
      })),
    ],
    [text.palette.catalog, catalog],
    [text.palette.further, part === '' ? [] : further],
    [text.palette.actions, actions],
  ]
}
