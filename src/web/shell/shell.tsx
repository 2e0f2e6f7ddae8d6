/** What stands around every page: whose organization, where one can go, who one is. */
import { Anchor, AppShell, Burger, Divider, Group, NavLink, Select, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { ServerIcon } from '@primer/octicons-react'
import { Link, Outlet, useLocation, useNavigate, useParams } from '@tanstack/react-router'
import { useEffect } from 'react'
import type { Organization } from '../../api/organizations.ts'
import type { Profile } from '../../api/users.ts'
import { useLive } from '../api/live.ts'
import { shownName } from '../api/organizations.ts'
import { PaletteButton } from '../search/palette-button.tsx'
import { useSpeech } from '../text/language.tsx'
import { Absent } from './absent.tsx'
import { Account } from './account.tsx'
import { Activity } from './activity.tsx'
import { keepOrganization, lastOrganization } from './last-organization.ts'
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
  const { organization: wanted } = useParams({ strict: false })
  const isOwn = wanted !== undefined && organizations.some(({ name }) => name === wanted)
  const organization = (isOwn ? wanted : lastOrganization(organizations)) ?? ''
  const path = useLocation({ select: ({ pathname }) => pathname })
  const search = useLocation({ select: (at) => at.search as Readonly<Record<string, unknown>> })
  const rest = wanted === undefined ? path : path.slice(`/o/${wanted}`.length)
  useEffect(() => {
    if (isOwn) keepOrganization(wanted)
  }, [isOwn, wanted])
  useLive(organization === '' ? undefined : organization)
  const change = (chosen: string | null) => {
    if (chosen === null) return
    // The same of the other one, where it has that.
    const place = wanted === undefined ? undefined : PLACES.find((one) => isAt(one, rest))
    // Only what may be there too is kept: neither what is looked at there, nor what was looked for.
    const kept = place === undefined || rest !== place.begins ? {} : keptSearch(search)
    void navigate({ to: place?.to ?? '/o/$organization', params: { organization: chosen }, search: kept })
  }
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
              data={organizations.map((one) => ({ value: one.name, label: shownName(one) }))}
              renderOption={({ option }) => <Chosen name={option.value} label={option.label} />}
              value={wanted === undefined || isOwn ? organization : null}
              placeholder={text.shell.organization}
              onChange={change}
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
        {wanted === undefined || isOwn || isShared(rest) ? (
          <Outlet />
        ) : (
          <Absent
            title={text.shell.absent}
            way={
              organization === '' ? undefined : (
                <Anchor renderRoot={(props) => <Link {...props} to="/o/$organization" params={{ organization }} />}>
                  {text.shell.goTo(organization)}
                </Anchor>
              )
            }
          >
            {text.shell.absentLead(wanted)}
          </Absent>
        )}
      </AppShell.Main>
    </AppShell>
  )
}

/** Which part of a page is shown, of all that an address says. */
function keptSearch({ section, tab }: Readonly<Record<string, unknown>>) {
  return { ...(section === undefined ? {} : { section }), ...(tab === undefined ? {} : { tab }) } as object
}

/** Display names may be the same, names are not. */
function Chosen({ name, label }: { readonly name: string; readonly label: string }) {
  return (
    <div>
      <Text size="xs">{label}</Text>
      {label === name ? null : (
        <Text size="xs" c="dimmed">
          {name}
        </Text>
      )}
    </div>
  )
}

/** What others may show to everybody, whoever is in the organization: these pages say themselves what is not there. */
function isShared(rest: string): boolean {
  return /^\/(repository|image)\//.test(rest)
}
