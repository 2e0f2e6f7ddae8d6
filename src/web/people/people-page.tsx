/** Who is in the organization, and whom somebody has invited. */
import { Alert, Badge, Button, Card, Group, Modal, Select, Stack, Table, Text, Title } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { notifications } from '@mantine/notifications'
import { useParams } from '@tanstack/react-router'
import { useState } from 'react'
import type { Role } from '../../api/organizations.ts'
import { type Member, useChange, useInvitations, useMembers, useOrganizations } from '../api/queries.ts'
import { request } from '../api/request.ts'
import { Command, Failure, Page, Rows, Time } from '../shell/parts.tsx'
import { useSpeech } from '../text/language.tsx'

export function PeoplePage() {
  const { text } = useSpeech()
  const { organization } = useParams({ from: '/within/o/$organization/people' })
  const members = useMembers(organization)
  const isOwner = useOrganizations().data?.find(({ name }) => name === organization)?.role === 'owner'
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
  const path = `/organizations/${encodeURIComponent(o.organization)}/members/${encodeURIComponent(username)}`
  const change = useChange((chosen: Role) => request('PUT', path, { body: { role: chosen } }))
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
              if (chosen === null || chosen === role) return
              change.mutate(chosen as Role, {
                onSuccess: () =>
                  notifications.show({
                    closeButtonProps: { 'aria-label': text.common.close },
                    message: text.people.changed,
                  }),
              })
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
            <Modal
              closeButtonProps={{ 'aria-label': text.common.close }}
              opened
              onClose={removing.close}
              title={text.people.removeTitle(username)}
            >
              <Stack>
                <Text ta="left">{text.people.removeLead}</Text>
                {remove.isError ? <Failure error={remove.error} /> : null}
                <Group justify="flex-end">
                  <Button variant="default" onClick={removing.close}>
                    {text.common.cancel}
                  </Button>
                  <Button color="red" loading={remove.isPending} onClick={() => remove.mutate(undefined)}>
                    {text.people.remove}
                  </Button>
                </Group>
              </Stack>
            </Modal>
          ) : null}
        </Table.Td>
      ) : null}
    </Table.Tr>
  )
}

function Invitations({ organization }: { readonly organization: string }) {
  const { text } = useSpeech()
  const path = `/organizations/${encodeURIComponent(organization)}/invitations`
  const invitations = useInvitations(organization, true)
  const [role, setRole] = useState<Role>('member')
  const invite = useChange(() => request<{ url: string }>('POST', path, { body: { role } }))
  const revoke = useChange((id: string) => request('DELETE', `${path}/${id}`))
  return (
    <Card withBorder>
      <Stack gap="sm">
        <Group justify="space-between">
          <div>
            <Title order={2} size="h5">
              {text.people.invitations}
            </Title>
            <Text size="sm" c="dimmed">
              {text.people.inviteLead}
            </Text>
          </div>
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
        </Group>
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
      </Stack>
    </Card>
  )
}
