/** The teams that one sees: an owner and an editor all of them, a member those that they are in. */
import { Stack, Table, Text } from '@mantine/core'
import { CheckIcon } from '@primer/octicons-react'
import { Link } from '@tanstack/react-router'
import { useRole } from '../api/organizations.ts'
import { ApiError } from '../api/request.ts'
import { useTeams } from '../api/teams.ts'
import { number } from '../format/sizes.ts'
import { LongTable } from '../shell/long-table.tsx'
import { MayNot } from '../shell/may-not.tsx'
import { Failure, Rows, Time } from '../shell/parts.tsx'
import { Status } from '../shell/status.tsx'
import { Teach } from '../shell/teach.tsx'
import { useSpeech } from '../text/language.tsx'

export function TeamsTab({ organization, isOwner }: { readonly organization: string; readonly isOwner: boolean }) {
  const { text, language } = useSpeech()
  const teams = useTeams(organization)
  const isMember = useRole(organization) === 'member'
  const { columns } = text.teams
  return (
    <Stack>
      <Text c="dimmed" size="sm">
        {text.teams.lead}
      </Text>
      {isOwner ? null : <MayNot>{text.teams.mayNot}</MayNot>}
      {teams.error instanceof ApiError && teams.error.status === 403 ? null : teams.isError ? (
        <Failure error={teams.error} retry={() => void teams.refetch()} />
      ) : teams.data === undefined ? (
        <Rows count={3} />
      ) : teams.data.length === 0 ? (
        isMember ? (
          <Teach>{text.teams.emptyForMember}</Teach>
        ) : (
          <Teach command={`kagami team create ${organization} platform`}>{text.teams.empty}</Teach>
        )
      ) : (
        <LongTable
          items={teams.data}
          keyOf={({ name }) => name}
          head={
            <>
              <Table.Th>{columns.name}</Table.Th>
              <Table.Th>{columns.description}</Table.Th>
              <Table.Th ta="right">{columns.members}</Table.Th>
              <Table.Th ta="right">{columns.grants}</Table.Th>
              <Table.Th ta="right">{columns.made}</Table.Th>
            </>
          }
          row={(team) => (
            <>
              <Table.Td>
                <Link
                  to="/o/$organization/people/teams/$team"
                  params={{ organization, team: team.name }}
                  className="name"
                >
                  {team.name}
                </Link>{' '}
                {team.manageMirrors ? (
                  <Status tone="good" icon={CheckIcon}>
                    {text.teams.manageMirrors}
                  </Status>
                ) : null}
              </Table.Td>
              <Table.Td>{team.description}</Table.Td>
              <Table.Td ta="right">{number(team.members, language)}</Table.Td>
              <Table.Td ta="right">{number(team.grants, language)}</Table.Td>
              <Table.Td ta="right">
                <Time at={team.createdAt} />
              </Table.Td>
            </>
          )}
        />
      )}
    </Stack>
  )
}
