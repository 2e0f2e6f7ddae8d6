import { Button, CloseButton, Group, Select, Table, Text } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { useChange } from '../api/client.ts'
import { useMembers } from '../api/people.ts'
import { request } from '../api/request.ts'
import { teamPath, useTeamMembers } from '../api/teams.ts'
import { LongTable } from '../shell/long-table.tsx'
import { Failure, Rows, Time } from '../shell/parts.tsx'
import { Section } from '../shell/section.tsx'
import { useSpeech } from '../text/language.tsx'

interface OfTeam {
  readonly organization: string
  readonly team: string
  readonly isOwner: boolean
}

export function TeamMembers({ organization, team, isOwner }: OfTeam) {
  const { text } = useSpeech()
  const members = useTeamMembers(organization, team)
  const take = useChange((name: string) =>
    request('DELETE', teamPath(organization, team, `/members/${encodeURIComponent(name)}`)),
  )
  return (
    <Section
      title={text.teams.members}
      action={
        isOwner && members.data !== undefined ? (
          <AddMember organization={organization} team={team} known={members.data.map(({ username }) => username)} />
        ) : null
      }
    >
      {members.isError ? <Failure error={members.error} retry={() => void members.refetch()} /> : null}
      {take.isError ? <Failure error={take.error} /> : null}
      {members.data === undefined ? (
        members.isError ? null : (
          <Rows count={2} />
        )
      ) : members.data.length === 0 ? (
        <Text size="sm" c="dimmed">
          {text.teams.noMembers}
        </Text>
      ) : (
        <LongTable
          items={members.data}
          keyOf={({ username }) => username}
          row={({ username, createdAt }) => (
            <>
              <Table.Td>{username}</Table.Td>
              <Table.Td ta="right" c="dimmed">
                <Time at={createdAt} />
              </Table.Td>
              {isOwner ? (
                <Table.Td w={50} ta="right">
                  <CloseButton
                    size="sm"
                    aria-label={text.teams.removeMember(username)}
                    onClick={() => take.mutate(username)}
                  />
                </Table.Td>
              ) : null}
            </>
          )}
        />
      )}
    </Section>
  )
}

function AddMember(o: { readonly organization: string; readonly team: string; readonly known: readonly string[] }) {
  const { text } = useSpeech()
  const members = useMembers(o.organization)
  const [chosen, setChosen] = useState<string | null>(null)
  const add = useChange(
    (name: string) => request('PUT', teamPath(o.organization, o.team, `/members/${encodeURIComponent(name)}`)),
    () => setChosen(null),
  )
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (chosen !== null) add.mutate(chosen)
  }
  return (
    <form onSubmit={submit}>
      <Group gap="xs">
        <Select
          aria-label={text.teams.addMember}
          placeholder={text.teams.addMember}
          data={(members.data ?? []).map(({ username }) => username).filter((name) => !o.known.includes(name))}
          value={chosen}
          onChange={setChosen}
          searchable
          limit={50}
          w={250}
        />
        <Button type="submit" variant="default" loading={add.isPending} disabled={chosen === null}>
          {text.teams.add}
        </Button>
      </Group>
      {add.isError ? <Failure error={add.error} /> : null}
    </form>
  )
}
