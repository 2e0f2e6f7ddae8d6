/** One team: who is in it, what it allows, and what it is for. */
import { Anchor, Button, Group, List, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { Link, useNavigate, useParams } from '@tanstack/react-router'
import type { Team } from '../../api/teams.ts'
import { useChange } from '../api/client.ts'
import { useRole } from '../api/organizations.ts'
import { ApiError, request } from '../api/request.ts'
import { teamPath, useTeam } from '../api/teams.ts'
import { Absent } from '../shell/absent.tsx'
import { Confirm } from '../shell/dialog.tsx'
import { MayNot } from '../shell/may-not.tsx'
import { Failure, Page, Rows } from '../shell/parts.tsx'
import { useSpeech } from '../text/language.tsx'
import { TeamAbout } from './team-about.tsx'
import { TeamGrants } from './team-grants.tsx'
import { TeamMembers } from './team-members.tsx'

export function TeamPage() {
  const { text } = useSpeech()
  const { organization, team: name } = useParams({ from: '/within/o/$organization/people/teams/$team' })
  const isOwner = useRole(organization) === 'owner'
  const team = useTeam(organization, name)
  const [isOpen, dialog] = useDisclosure()
  if (team.error instanceof ApiError && [403, 404].includes(team.error.status)) {
    return (
      <Absent
        title={text.teams.absent}
        way={
          <Anchor
            renderRoot={(props) => (
              <Link {...props} to="/o/$organization/people" params={{ organization }} search={{ tab: 'teams' }} />
            )}
          >
            {text.teams.all}
          </Anchor>
        }
      >
        {text.teams.absentLead(name)}
      </Absent>
    )
  }
  if (team.isError) return <Failure error={team.error} retry={() => void team.refetch()} />
  if (team.data === undefined) return <Rows />
  return (
    <Page
      name={name}
      title={
        <Group gap={6}>
          <Anchor
            inherit
            c="dimmed"
            renderRoot={(props) => (
              <Link {...props} to="/o/$organization/people" params={{ organization }} search={{ tab: 'teams' }} />
            )}
          >
            {text.people.tabs.teams}
          </Anchor>
          <Text inherit span c="dimmed">
            /
          </Text>
          {name}
        </Group>
      }
      lead={team.data.description || text.teams.lead}
      action={
        isOwner ? (
          <Button variant="default" onClick={dialog.open}>
            {text.teams.remove}
          </Button>
        ) : null
      }
    >
      {isOwner ? null : <MayNot>{text.teams.mayNot}</MayNot>}
      <TeamMembers organization={organization} team={name} isOwner={isOwner} />
      <TeamGrants organization={organization} team={name} isOwner={isOwner} />
      <TeamAbout organization={organization} team={team.data} isOwner={isOwner} />
      {isOpen ? <RemoveTeam organization={organization} team={team.data} onClose={dialog.close} /> : null}
    </Page>
  )
}

function RemoveTeam(o: { readonly organization: string; readonly team: Team; readonly onClose: () => void }) {
  const { text } = useSpeech()
  const navigate = useNavigate()
  const { name, members, grants, manageMirrors } = o.team
  const remove = useChange(async () => {
    await request('DELETE', teamPath(o.organization, name))
    // Away first: what is gone is not to be asked for again.
    await navigate({
      to: '/o/$organization/people',
      params: { organization: o.organization },
      search: { tab: 'teams' },
    })
  })
  return (
    <Confirm
      title={text.teams.removeTitle(name)}
      action={text.teams.remove}
      name={name}
      change={remove}
      onClose={o.onClose}
    >
      <Text ta="left">{text.teams.removeLead({ members, grants })}</Text>
      {manageMirrors ? (
        <List size="sm">
          <List.Item>{text.teams.manageMirrors}</List.Item>
        </List>
      ) : null}
    </Confirm>
  )
}
