/** The members: what they are, which teams they are in, and when they were last here. */
import { Button, Group, Stack, Table, Text, TextInput } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useMembers } from '../api/people.ts'
import { LongTable } from '../shell/long-table.tsx'
import { MayNot } from '../shell/may-not.tsx'
import { Empty, Failure, Rows } from '../shell/parts.tsx'
import { useSpeech } from '../text/language.tsx'
import { AddMemberDialog } from './add-member-dialog.tsx'
import { MemberCells } from './member-cells.tsx'

export function MembersTab({
  organization,
  mayManage,
}: {
  readonly organization: string
  readonly mayManage: boolean
}) {
  const { text } = useSpeech()
  const { q = '' } = useSearch({ from: '/within/o/$organization/people' })
  const navigate = useNavigate({ from: '/o/$organization/people' })
  const members = useMembers(organization)
  const [isAdding, adding] = useDisclosure()
  const wanted = q.toLowerCase()
  const found = members.data?.filter(
    ({ username, displayName }) => username.includes(wanted) || displayName.toLowerCase().includes(wanted),
  )
  const { columns } = text.people
  return (
    <Stack>
      {mayManage ? null : <MayNot>{text.people.mayNot}</MayNot>}
      <Group justify="space-between">
        <TextInput
          type="search"
          aria-label={text.people.find}
          placeholder={text.people.find}
          value={q}
          onChange={({ currentTarget: { value } }) =>
            void navigate({ search: value === '' ? {} : { q: value }, replace: true })
          }
          w={360}
          maw="100%"
        />
        {mayManage ? (
          <Button variant="default" onClick={adding.open}>
            {text.people.add}
          </Button>
        ) : null}
      </Group>
      {members.isError ? (
        <Failure error={members.error} retry={() => void members.refetch()} />
      ) : found === undefined ? (
        <Rows count={4} />
      ) : found.length === 0 ? (
        <Empty>{text.people.nobody}</Empty>
      ) : (
        <LongTable
          items={found}
          keyOf={({ username }) => username}
          head={
            <>
              <Table.Th>{columns.name}</Table.Th>
              <Table.Th>{columns.role}</Table.Th>
              <Table.Th>{columns.teams}</Table.Th>
              <Table.Th ta="right">{columns.since}</Table.Th>
              {mayManage ? <Table.Th ta="right">{columns.seen}</Table.Th> : null}
              <Table.Th />
            </>
          }
          row={(member) => <MemberCells organization={organization} member={member} mayManage={mayManage} />}
        />
      )}
      <Text size="sm" c="dimmed">
        {text.people.roleHelp}
      </Text>
      {isAdding ? <AddMemberDialog organization={organization} onClose={adding.close} /> : null}
    </Stack>
  )
}
