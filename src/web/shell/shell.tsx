/** What stands around every page: whose organization, where one can go, who one is. */
import {
  Anchor,
  AppShell,
  Burger,
  Button,
  Group,
  Menu,
  NavLink,
  Select,
  Text,
  useMantineColorScheme,
} from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { Link, Outlet, useLocation, useNavigate, useParams } from '@tanstack/react-router'
import type { Organization } from '../../api/organizations.ts'
import type { Profile } from '../../api/users.ts'
import { useChange } from '../api/queries.ts'
import { request } from '../api/request.ts'
import { LANGUAGES, nameOf, useSpeech } from '../text/language.tsx'

const SCHEMES = ['auto', 'light', 'dark'] as const

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
  const places = [
    ['/o/$organization', text.shell.home, ''],
    ['/o/$organization/catalog', text.shell.catalog, '/catalog'],
    ['/o/$organization/repositories', text.shell.repositories, '/repositor'],
    ['/o/$organization/mirrors', text.shell.mirrors, '/mirrors'],
    ['/o/$organization/people', text.shell.people, '/people'],
  ] as const
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
            <Text fw={700} visibleFrom="xs">
              鏡 Kagami
            </Text>
            <Select
              aria-label={text.shell.organization}
              data={organizations.map(({ name }) => name)}
              value={organization}
              onChange={(chosen) => {
                if (chosen !== null) void navigate({ to: '/o/$organization/catalog', params: { organization: chosen } })
              }}
              allowDeselect={false}
              size="xs"
              w={170}
            />
          </Group>
          <Account user={user} />
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs" aria-label={text.shell.navigation}>
        {places.map(([to, label, part]) => (
          <NavLink
            key={to}
            label={label}
            renderRoot={(props) => (
              <Link
                {...props}
                to={to}
                params={{ organization }}
                data-active={isWithin(path, `/o/${organization}`, part) || undefined}
                onClick={close}
              />
            )}
          />
        ))}
      </AppShell.Navbar>
      <AppShell.Main id="content">
        <Outlet />
      </AppShell.Main>
    </AppShell>
  )
}

/** The organization's own page is not a part of the others' addresses. */
function isWithin(path: string, base: string, part: string): boolean {
  return part === '' ? path.replace(/\/$/, '') === base : path.startsWith(`${base}${part}`)
}

function Account({ user }: { readonly user: Profile }) {
  const { text, language, choose } = useSpeech()
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  const signOut = useChange(async () => {
    const { sessions } = await request<{ sessions: readonly { id: string; current: boolean }[] }>(
      'GET',
      '/user/sessions',
    )
    const current = sessions.find((one) => one.current)
    if (current !== undefined) await request('DELETE', `/user/sessions/${current.id}`)
  })
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button variant="subtle" color="gray" size="compact-md" aria-label={`${text.shell.account}: ${user.username}`}>
          {user.displayName}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {SCHEMES.map((scheme) => (
          <Menu.Item
            key={scheme}
            onClick={() => setColorScheme(scheme)}
            rightSection={colorScheme === scheme ? '✓' : null}
          >
            {text.shell.theme[scheme]}
          </Menu.Item>
        ))}
        <Menu.Divider role="separator" />
        <Menu.Label>{text.shell.language}</Menu.Label>
        {LANGUAGES.map((one) => (
          <Menu.Item key={one} lang={one} onClick={() => choose(one)} rightSection={language === one ? '✓' : null}>
            {nameOf(one)}
          </Menu.Item>
        ))}
        <Menu.Divider role="separator" />
        <Menu.Item onClick={() => signOut.mutate(undefined)}>{text.shell.signOut}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}
