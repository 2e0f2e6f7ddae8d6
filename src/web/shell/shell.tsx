/** What stands around every page: whose organization, where one can go, who one is. */
import { Anchor, AppShell, Burger, Divider, Group, NavLink, Select, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { ServerIcon } from '@primer/octicons-react'
import { Link, Outlet, useLocation, useNavigate, useParams } from '@tanstack/react-router'
import type { Organization } from '../../api/organizations.ts'
import type { Profile } from '../../api/users.ts'
import { useLive } from '../api/live.ts'
import { PaletteButton } from '../search/palette-button.tsx'
import { useSpeech } from '../text/language.tsx'
import { Account } from './account.tsx'
import { Activity } from './activity.tsx'
import { Mark } from './mark.tsx'
import { isAt, PLACES } from './places.ts'

export function Shell({
  user,
  organizations,
}: {
  readonly user: Profile
  readonly organizations: readonly Organization[]
}) {
  const { text } = useSpeech()
  const [isOpen, { toggle, close }] = useDisclosure()
  const navigate = useNavigate()
  const { organization = organizations[0]?.name ?? '' } = useParams({ strict: false })
  const path = useLocation({ select: ({ pathname }) => pathname })
  const rest = path.startsWith('/o/') ? path.slice(`/o/${organization}`.length) : path
  useLive(organization === '' ? undefined : organization)
  return (
    <AppShell
      header={{ height: 52 }}
      navbar={{ width: 200, breakpoint: 'sm', collapsed: { mobile: !isOpen } }}
      padding="md"
    >
      <AppShell.Header>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Group wrap="nowrap" gap="sm">
            <Anchor href="#content" className="skip">
              {text.shell.skip}
            </Anchor>
            <Burger opened={isOpen} onClick={toggle} hiddenFrom="sm" size="sm" aria-label={text.shell.navigation} />
            <Mark />
            <Text fw={700} visibleFrom="sm">
              {text.shell.program}
            </Text>
            <Select
              aria-label={text.shell.organization}
              data={organizations.map(({ name }) => name)}
              value={organization}
              onChange={(chosen) => {
                if (chosen !== null) void navigate({ to: '/o/$organization', params: { organization: chosen } })
              }}
              allowDeselect={false}
              size="xs"
              w={{ base: 104, xs: 170 }}
            />
          </Group>
          <Group wrap="nowrap" gap={6}>
            <PaletteButton organization={organization} />
            <Activity organization={organization} />
            <Account user={user} />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs" aria-label={text.shell.navigation}>
        {PLACES.map((place) => (
          <NavLink
            key={place.to}
            label={text.shell[place.label]}
            leftSection={<place.icon aria-hidden="true" />}
            renderRoot={(props) => (
              <Link
                {...props}
                to={place.to}
                activeOptions={{ exact: true }}
                params={{ organization }}
                data-active={isAt(place, rest) || undefined}
                onClick={close}
              />
            )}
          />
        ))}
        {user.operator ? (
          <>
            <Divider my="xs" />
            <NavLink
              label={text.shell.operator}
              leftSection={<ServerIcon aria-hidden="true" />}
              renderRoot={(props) => (
                <Link
                  {...props}
                  to="/operator"
                  data-active={path.startsWith('/operator') || undefined}
                  aria-current={path.startsWith('/operator') ? 'page' : undefined}
                  onClick={close}
                />
              )}
            />
          </>
        ) : null}
      </AppShell.Navbar>
      <AppShell.Main id="content" tabIndex={-1}>
        <Outlet />
      </AppShell.Main>
    </AppShell>
  )
}
