/** Where one goes within an organization, from the side of the page. */
import {
  ContainerIcon,
  GearIcon,
  HomeIcon,
  type Icon,
  MirrorIcon,
  PackageIcon,
  PeopleIcon,
  SearchIcon,
  WebhookIcon,
} from '@primer/octicons-react'
import type { Text } from '../text/en/index.ts'

type Label = 'home' | 'catalog' | 'repositories' | 'mirrors' | 'webhooks' | 'searchImages' | 'people' | 'settings'

export interface Place {
  readonly to: `/o/$organization${'' | `/${string}`}`
  readonly label: keyof Pick<Text['shell'], Label>
  readonly icon: Icon
  /** Where the addresses begin, behind the organization's, that belong to it; the organization's own is none of the others'. */
  readonly begins: string
}

export const PLACES = [
  { to: '/o/$organization', label: 'home', icon: HomeIcon, begins: '' },
  { to: '/o/$organization/catalog', label: 'catalog', icon: PackageIcon, begins: '/catalog' },
  { to: '/o/$organization/repositories', label: 'repositories', icon: ContainerIcon, begins: '/repositor' },
  { to: '/o/$organization/mirrors', label: 'mirrors', icon: MirrorIcon, begins: '/mirrors' },
  { to: '/o/$organization/webhooks', label: 'webhooks', icon: WebhookIcon, begins: '/webhooks' },
  { to: '/o/$organization/search', label: 'searchImages', icon: SearchIcon, begins: '/search' },
  { to: '/o/$organization/people', label: 'people', icon: PeopleIcon, begins: '/people' },
  { to: '/o/$organization/settings', label: 'settings', icon: GearIcon, begins: '/settings' },
] as const satisfies readonly Place[]

/** @param rest of the address, behind the organization's */
export function isAt(place: Place, rest: string): boolean {
  return place.begins === '' ? rest.replace(/\/$/, '') === '' : rest.startsWith(place.begins)
}
