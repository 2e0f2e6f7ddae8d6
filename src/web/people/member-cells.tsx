/** One member, and what can be done with them. */
import { Button, Group, Select, Table, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import type { ListedMember } from '../../api/members.ts'
import type { Role } from '../../api/organizations.ts'
import { useChange } from '../api/client.ts'
import { organizationPath } from '../api/paths.ts'
import { useProfile } from '../api/profile.ts'
import { request } from '../api/request.ts'
import { Confirm } from '../shell/dialog.tsx'
import { Failure, Time } from '../shell/parts.tsx'
import { useTell } from '../shell/tell.ts'
import { useSpeech } from '../text/language.tsx'

export function MemberCells(o: {
  readonly organization: string
  readonly member: ListedMember
  readonly mayManage: boolean
}) {
  const { text } = useSpeech()
  const { username, displayName, role, teams, createdAt, lastSeenAt } = o.member
  const isSelf = useProfile().data?.username === username
  return (
    <>
      <Table.Td>
        <Group gap={6} wrap="nowrap">
          <Text size="sm" fw={500}>
            {username}
          </Text>
          <Text size="sm" c="dimmed">
            {[...(displayName === username ? [] : [displayName]), ...(isSelf ? [text.people.you] : [])].join(' · ')}
          </Text>
        </Group>
      </Table.Td>
      <Table.Td>
        {o.mayManage ? <RoleChoice organization={o.organization} member={o.member} /> : text.people.roles[role]}
      </Table.Td>
      <Table.Td>
        <Group gap="xs">
          {teams.map((team) => (
            <Link
              key={team}
              to="/o/$organization/people/teams/$team"
              params={{ organization: o.organization, team }}
              className="name"
            >
              {team}
            </Link>
          ))}
        </Group>
      </Table.Td>
      <Table.Td ta="right">
        <Time at={createdAt} />
      </Table.Td>
      {o.mayManage ? (
        <Table.Td ta="right">{lastSeenAt === null ? text.common.never : <Time at={lastSeenAt} />}</Table.Td>
      ) : null}
      <Table.Td ta="right">
        {isSelf ? <Leave organization={o.organization} /> : o.mayManage ? <Remove {...o} username={username} /> : null}
      </Table.Td>
    </>
  )
}

function RoleChoice({ organization, member }: { readonly organization: string; readonly member: ListedMember }) {
  const { text } = useSpeech()
  const tell = useTell()
  const path = organizationPath(organization, `/members/${encodeURIComponent(member.username)}`)
  const change = useChange(
    (chosen: Role) => request('PUT', path, { body: { role: chosen } }),
    () => tell(text.people.changed),
  )
  return (
    <>
      <Select
        aria-label={text.people.roleOf(member.username)}
        size="xs"
        w={130}
        data={Object.entries(text.people.roles).map(([value, label]) => ({ value, label }))}
        value={change.isPending ? change.variables : member.role}
        onChange={(chosen) => {
          if (chosen !== null && chosen !== member.role) change.mutate(chosen as Role)
        }}
        allowDeselect={false}
      />
      {change.isError ? <Failure error={change.error} /> : null}
    </>
  )
}

function Remove({ organization, username }: { readonly organization: string; readonly username: string }) {
  const { text } = useSpeech()
  const [isOpen, dialog] = useDisclosure()
  const path = organizationPath(organization, `/members/${encodeURIComponent(username)}`)
  const remove = useChange(() => request('DELETE', path))
  return (
    <>
      <Button
        size="compact-xs"
        variant="default"
        onClick={dialog.open}
        aria-label={`${text.people.remove}: ${username}`}
      >
        {text.people.remove}
      </Button>
      {isOpen ? (
        <Confirm
          title={text.people.removeTitle(username)}
          action={text.people.remove}
          change={remove}
          onClose={dialog.close}
        >
          {text.people.removeLead}
        </Confirm>
      ) : null}
    </>
  )
}

function Leave({ organization }: { readonly organization: string }) {
  const { text } = useSpeech()
  const [isOpen, dialog] = useDisclosure()
  const navigate = useNavigate()
  const client = useQueryClient()
  const leave = useChange(async () => {
    await request('POST', organizationPath(organization, '/leave'))
    // Away first: what is closed now is not to be asked for again.
    await client.refetchQueries({ queryKey: ['organizations'], exact: true })
    await navigate({ to: '/' })
  })
  return (
    <>
      <Button size="compact-xs" variant="default" onClick={dialog.open}>
        {text.people.leave}
      </Button>
      {isOpen ? (
        <Confirm
          title={text.people.leaveTitle(organization)}
          action={text.people.leave}
          change={leave}
          onClose={dialog.close}
        >
          {text.people.leaveLead}
        </Confirm>
      ) : null}
    </>
  )
}
