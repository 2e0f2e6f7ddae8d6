/** What a team allows, by the name of a repository or by a pattern. */
import { Autocomplete, Button, CloseButton, Group, Select, Table, Text } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { TeamGrant } from '../../api/teams.ts'
import { useChange } from '../api/client.ts'
import { useRepositories } from '../api/repositories.ts'
import { request } from '../api/request.ts'
import { teamPath, useTeamGrants } from '../api/teams.ts'
import { LongTable } from '../shell/long-table.tsx'
import { Failure, Rows } from '../shell/parts.tsx'
import { Section } from '../shell/section.tsx'
import { useTell } from '../shell/tell.ts'
import { useSpeech } from '../text/language.tsx'

interface OfTeam {
  readonly organization: string
  readonly team: string
}

type Permission = TeamGrant['permission']

export function TeamGrants({ organization, team, isOwner }: OfTeam & { readonly isOwner: boolean }) {
  const { text } = useSpeech()
  const grants = useTeamGrants(organization, team)
  const path = teamPath(organization, team, '/grants')
  const take = useChange((repository: string) => request('DELETE', path, { query: { repository } }))
  return (
    <Section title={text.teams.grants} lead={text.teams.grantsLead}>
      {isOwner ? <AddGrant organization={organization} team={team} /> : null}
      {take.isError ? <Failure error={take.error} /> : null}
      {grants.isError ? (
        <Failure error={grants.error} retry={() => void grants.refetch()} />
      ) : grants.data === undefined ? (
        <Rows count={2} />
      ) : grants.data.length === 0 ? (
        <Text size="sm" c="dimmed">
          {text.teams.noGrants}
        </Text>
      ) : (
        <LongTable
          items={grants.data}
          keyOf={({ repository }) => repository}
          row={(grant) => (
            <>
              <Table.Td ff="monospace">{grant.repository}</Table.Td>
              <Table.Td w={190}>
                {isOwner ? (
                  <PermissionChoice organization={organization} team={team} grant={grant} />
                ) : (
                  text.teams.permissions[grant.permission]
                )}
              </Table.Td>
              {isOwner ? (
                <Table.Td w={50} ta="right">
                  <CloseButton
                    size="sm"
                    aria-label={text.teams.removeGrant(grant.repository)}
                    onClick={() => take.mutate(grant.repository)}
                  />
                </Table.Td>
              ) : null}
            </>
          )}
        />
      )}
      <Text size="xs" c="dimmed">
        {text.teams.permissionHelp}
      </Text>
    </Section>
  )
}

function useGrant({ organization, team }: OfTeam, then?: () => void) {
  const { text } = useSpeech()
  const tell = useTell()
  return useChange(
    (body: { readonly repository: string; readonly permission: Permission }) =>
      request('PUT', teamPath(organization, team, '/grants'), { body }),
    () => {
      tell(text.teams.saved)
      then?.()
    },
  )
}

function usePermissions() {
  const { text } = useSpeech()
  return Object.entries(text.teams.permissions).map(([value, label]) => ({ value, label }))
}

function PermissionChoice({ grant, ...of }: OfTeam & { readonly grant: TeamGrant }) {
  const { text } = useSpeech()
  const change = useGrant(of)
  return (
    <>
      <Select
        size="xs"
        aria-label={text.teams.permissionOf(grant.repository)}
        data={usePermissions()}
        value={change.isPending ? change.variables.permission : grant.permission}
        onChange={(chosen) => {
          if (chosen !== null && chosen !== grant.permission) {
            change.mutate({ repository: grant.repository, permission: chosen as Permission })
          }
        }}
        allowDeselect={false}
      />
      {change.isError ? <Failure error={change.error} /> : null}
    </>
  )
}

function AddGrant(of: OfTeam) {
  const { text } = useSpeech()
  const repositories = useRepositories(of.organization)
  const [repository, setRepository] = useState('')
  const [permission, setPermission] = useState<Permission>('read')
  const add = useGrant(of, () => setRepository(''))
  const submit = (event: FormEvent) => {
    event.preventDefault()
    add.mutate({ repository: repository.trim(), permission })
  }
  return (
    <form onSubmit={submit}>
      <Group gap="xs" align="flex-end">
        <Autocomplete
          label={text.teams.repository}
          data={(repositories.data?.items ?? []).map(({ name }) => name.slice(of.organization.length + 1))}
          value={repository}
          onChange={setRepository}
          limit={50}
          required
          flex={1}
          miw={200}
        />
        <Select
          label={text.teams.permission}
          data={usePermissions()}
          value={permission}
          onChange={(chosen) => setPermission((chosen ?? 'read') as Permission)}
          allowDeselect={false}
          w={160}
        />
        <Button type="submit" variant="default" loading={add.isPending}>
          {text.teams.add}
        </Button>
      </Group>
      {add.isError ? <Failure error={add.error} /> : null}
    </form>
  )
}
