/** Who is in the organization, and whom somebody has invited. */
import { Alert, Badge, Button, Group, Select, Table, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useParams } from '@tanstack/react-router'
import { useState } from 'react'
import type { Role } from '../../api/organizations.ts'
import { useChange } from '../api/client.ts'
import { useRole } from '../api/organizations.ts'
import { organizationPath } from '../api/paths.ts'
import { type Member, useInvitations, useMembers } from '../api/people.ts'
import { request } from '../api/request.ts'
import { Confirm } from '../shell/dialog.tsx'
import { Command, Failure, Page, Rows, Time } from '../shell/parts.tsx'
import { Section } from '../shell/section.tsx'
import { useTell } from '../shell/tell.ts'
import { useSpeech } from '../text/language.tsx'

export function PeoplePage() {
  const { text } = useSpeech()
  const { organization } = useParams({ from: '/within/o/$organization/people' })
  const members = useMembers(organization)
  const isOwner = useRole(organization) === 'owner'
  const { columns } = text.people
  return (
    <Page title={text.people.title} lead={text.people.lead}>
      {isOwner ? null : <Text c="dimmed">{text.people.mayNot}</Text>}
      {members.isError ? <Failure error={members.error} retry={() => void members.refetch()} /> : null}
      {members.data === undefined ? (
        <Rows count={4} />
      ) : (
        <>
          <Table verticalSpacing={6}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{columns.name}</Table.Th>
                <Table.Th>{columns.role}</Table.Th>
                <Table.Th ta="right">{columns.since}</Table.Th>
                {isOwner ? <Table.Th /> : null}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {members.data.map((member) => (
                <MemberRow key={member.username} organization={organization} member={member} isOwner={isOwner} />
              ))}
            </Table.Tbody>
          </Table>
          <Text size="sm" c="dimmed">
            {text.people.roleHelp}
          </Text>
        </>
      )}
      {isOwner ? <Invitations organization={organization} /> : null}
    </Page>
  )
}

function MemberRow(o: { readonly organization: string; readonly member: Member; readonly isOwner: boolean }) {
  const { text } = useSpeech()
  const { username, role, createdAt } = o.member
  const path = organizationPath(o.organization, `/members/${encodeURIComponent(username)}`)
  const tell = useTell()
  const change = useChange(
    (chosen: Role) => request('PUT', path, { body: { role: chosen } }),
    () => tell(text.people.changed),
  )
  const remove = useChange(() => request('DELETE', path))
  const [isRemoving, removing] = useDisclosure()
  return (
    <Table.Tr>
      <Table.Td>{username}</Table.Td>
      <Table.Td>
        {o.isOwner ? (
          <Select
            aria-label={text.people.roleOf(username)}
            size="xs"
            w={130}
            data={Object.entries(text.people.roles).map(([value, label]) => ({ value, label }))}
            value={role}
            onChange={(chosen) => {
              if (chosen !== null && chosen !== role) change.mutate(chosen as Role)
            }}
            allowDeselect={false}
          />
        ) : (
          text.people.roles[role]
        )}
        {change.isError ? <Failure error={change.error} /> : null}
      </Table.Td>
      <Table.Td ta="right">
        <Time at={createdAt} />
      </Table.Td>
      {o.isOwner ? (
        <Table.Td ta="right">
          <Button size="compact-xs" variant="default" onClick={removing.open}>
            {text.people.remove}
          </Button>
          {isRemoving ? (
            <Confirm
              title={text.people.removeTitle(username)}
              action={text.people.remove}
              change={remove}
              onClose={removing.close}
            >
              {text.people.removeLead}
            </Confirm>
          ) : null}
        </Table.Td>
      ) : null}
    </Table.Tr>
  )
}

function Invitations({ organization }: { readonly organization: string }) {
  const { text } = useSpeech()
  const path = organizationPath(organization, '/invitations')
  const invitations = useInvitations(organization, true)
  const [role, setRole] = useState<Role>('member')
  const invite = useChange(() => request<{ url: string }>('POST', path, { body: { role } }))
  const revoke = useChange((id: string) => request('DELETE', `${path}/${id}`))
  return (
    <Section
      title={text.people.invitations}
      lead={text.people.inviteLead}
      action={
        <Group gap="xs">
          <Select
            aria-label={text.people.columns.role}
            w={130}
            data={Object.entries(text.people.roles).map(([value, label]) => ({ value, label }))}
            value={role}
            onChange={(chosen) => setRole((chosen ?? 'member') as Role)}
            allowDeselect={false}
          />
          <Button loading={invite.isPending} onClick={() => invite.mutate(undefined)}>
            {text.people.invite}
          </Button>
        </Group>
      }
    >
      {invite.isError ? <Failure error={invite.error} /> : null}
      {revoke.isError ? <Failure error={revoke.error} /> : null}
      {invite.data === undefined ? null : (
        <Alert color="teal" variant="light" title={text.people.link}>
          <Command line={invite.data.url} />
        </Alert>
      )}
      {invitations.data?.length === 0 ? <Text c="dimmed">{text.people.noInvitations}</Text> : null}
      {(invitations.data ?? []).map((one) => (
        <Group key={one.id} justify="space-between">
          <Group gap="sm">
            <Badge color={one.state === 'open' ? 'teal' : 'gray'} variant="light" tt="none">
              {text.people.states[one.state]}
            </Badge>
            <Text size="sm">
              {[text.people.roles[one.role], ...(one.email === null ? [] : [one.email]), one.createdBy].join(' · ')}
            </Text>
            <Text size="sm" c="dimmed">
              <Time at={one.createdAt} />
            </Text>
          </Group>
          {one.state === 'open' ? (
            <Button size="compact-xs" variant="default" onClick={() => revoke.mutate(one.id)}>
              {text.people.revoke}
            </Button>
          ) : null}
        </Group>
      ))}
    </Section>
  )
}
