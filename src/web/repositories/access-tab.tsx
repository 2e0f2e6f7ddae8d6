/** Who may do what with a repository: by their role, by their teams, by tokens of the organization. */
import { Button, Group, Stack, Table, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import type { RepositoryAccess, RepositoryTeam } from '../../api/access.ts'
import { useChange } from '../api/client.ts'
import { organizationPath } from '../api/paths.ts'
import { useAccess } from '../api/repositories.ts'
import { request } from '../api/request.ts'
import { number } from '../format/sizes.ts'
import { Confirm } from '../shell/dialog.tsx'
import { MayNot } from '../shell/may-not.tsx'
import { Failure, Rows, Time } from '../shell/parts.tsx'
import { repositoryPlace } from '../shell/repository-link.tsx'
import { Section } from '../shell/section.tsx'
import { Status } from '../shell/status.tsx'
import { useTell } from '../shell/tell.ts'
import { useSpeech } from '../text/language.tsx'
import { GrantDialog } from './grant-dialog.tsx'
import { RightsTable } from './rights-table.tsx'

interface Props {
  readonly name: string
  readonly access: RepositoryAccess
}

export function AccessTab({ name }: { readonly name: string }) {
  const access = useAccess(name)
  if (access.isError) return <Failure error={access.error} retry={() => void access.refetch()} />
  if (access.data === undefined) return <Rows />
  return (
    <Stack>
      <Teams name={name} access={access.data} />
      <Tokens name={name} access={access.data} />
      <RightsTable access={access.data} />
    </Stack>
  )
}

function Teams({ name, access }: Props) {
  const { text, language } = useSpeech()
  const [isOpen, dialog] = useDisclosure()
  const mayGrant = access.allowed.includes('grant')
  const { teams, members } = access
  return (
    <Section
      title={text.access.teams}
      lead={members === null || members.pullAll ? text.access.membersPullAll : text.access.membersPullNone}
      action={
        mayGrant ? (
          <Button variant="default" size="xs" onClick={dialog.open}>
            {text.access.grant}
          </Button>
        ) : null
      }
    >
      {teams.length === 0 ? (
        <Text c="dimmed" size="sm">
          {access.allTeams ? text.access.noTeams : text.access.noOwnTeams}
        </Text>
      ) : (
        <Table.ScrollContainer minWidth={520}>
          <Table verticalSpacing={6} aria-label={text.access.teams}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{text.access.team}</Table.Th>
                <Table.Th>{text.access.permission}</Table.Th>
                <Table.Th>{text.access.by}</Table.Th>
                <Table.Th ta="right">{text.access.people}</Table.Th>
                {mayGrant ? <Table.Th /> : null}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {teams.map((team) => (
                <Table.Tr key={team.name}>
                  <Table.Td>{team.name}</Table.Td>
                  <Table.Td>
                    {team.permission === null ? '–' : text.access.permissions[team.permission]}
                    {team.manageMirrors ? ` · ${text.access.managesMirrors}` : ''}
                  </Table.Td>
                  <Table.Td style={{ overflowWrap: 'anywhere' }}>
                    {team.grants.map((one) => repositoryPlace(one.repository)._splat).join(', ') || '–'}
                  </Table.Td>
                  <Table.Td ta="right">{number(team.members, language)}</Table.Td>
                  {mayGrant ? (
                    <Table.Td ta="right">
                      <Revoke name={name} team={team} />
                    </Table.Td>
                  ) : null}
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
      {mayGrant ? null : <MayNot>{text.access.mayNotGrant}</MayNot>}
      {isOpen ? <GrantDialog name={name} onClose={dialog.close} /> : null}
    </Section>
  )
}

/** A grant on the name itself; what a pattern gives is taken back where the team is. */
function Revoke({ name, team }: { readonly name: string; readonly team: RepositoryTeam }) {
  const { text } = useSpeech()
  const tell = useTell()
  const [isOpen, dialog] = useDisclosure()
  const { organization } = repositoryPlace(name)
  const revoke = useChange(
    () =>
      request('DELETE', organizationPath(organization, `/teams/${encodeURIComponent(team.name)}/grants`), {
        query: { repository: name },
      }),
    () => tell(text.access.revoked),
  )
  if (!team.grants.some(({ repository }) => repository === name)) {
    return team.grants.length === 0 ? null : (
      <Text size="xs" c="dimmed">
        {text.access.byPattern}
      </Text>
    )
  }
  return (
    <>
      <Button
        size="compact-xs"
        variant="default"
        onClick={dialog.open}
        aria-label={`${text.access.revoke}: ${team.name}`}
      >
        {text.access.revoke}
      </Button>
      {isOpen ? (
        <Confirm
          title={text.access.revokeTitle(team.name, name)}
          action={text.access.revoke}
          change={revoke}
          onClose={dialog.close}
        >
          {team.grants.length > 1 ? text.access.revokeLeadPattern : text.access.revokeLead}
        </Confirm>
      ) : null}
    </>
  )
}

function Tokens({ access }: Props) {
  const { text } = useSpeech()
  const { tokens } = access
  return (
    <Section title={text.access.tokens} lead={text.access.tokensLead}>
      {tokens === null ? (
        <MayNot>{text.access.mayNotTokens}</MayNot>
      ) : tokens.length === 0 ? (
        <Text c="dimmed" size="sm">
          {text.access.noTokens}
        </Text>
      ) : (
        <Table.ScrollContainer minWidth={520}>
          <Table verticalSpacing={6} aria-label={text.access.tokens}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{text.access.token}</Table.Th>
                <Table.Th>{text.access.rights}</Table.Th>
                <Table.Th>{text.access.by}</Table.Th>
                <Table.Th ta="right">{text.access.lastUsed}</Table.Th>
                <Table.Th ta="right">{text.access.expires}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {tokens.map((token) => (
                <Table.Tr key={token.id}>
                  <Table.Td>
                    <Group gap="xs">
                      {token.label}
                      {token.active ? null : <Status tone="quiet">{text.access.inactive}</Status>}
                    </Group>
                  </Table.Td>
                  <Table.Td>{token.allow.map((right) => text.access.tokenRights[right]).join(', ')}</Table.Td>
                  <Table.Td style={{ overflowWrap: 'anywhere' }}>{token.repositories.join(', ')}</Table.Td>
                  <Table.Td ta="right">
                    {token.lastUsedAt === null ? text.common.never : <Time at={token.lastUsedAt} />}
                  </Table.Td>
                  <Table.Td ta="right">
                    {token.expiresAt === null ? text.common.never : <Time at={token.expiresAt} />}
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </Section>
  )
}
