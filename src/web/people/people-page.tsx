/** Who is in the organization, in which teams, and whom somebody has invited. */
import { Button, Tabs } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useManagesPeople, useRole } from '../api/organizations.ts'
import { Page } from '../shell/parts.tsx'
import { useSpeech } from '../text/language.tsx'
import { CreateTeamDialog } from './create-team-dialog.tsx'
import { InvitationsTab } from './invitations-tab.tsx'
import { InviteDialog } from './invite-dialog.tsx'
import { MembersTab } from './members-tab.tsx'
import { PEOPLE_TABS, type PeopleTab } from './people-search.ts'
import { TeamsTab } from './teams-tab.tsx'

export function PeoplePage() {
  const { text } = useSpeech()
  const { organization } = useParams({ from: '/within/o/$organization/people' })
  const { tab = 'members' } = useSearch({ from: '/within/o/$organization/people' })
  const navigate = useNavigate({ from: '/o/$organization/people' })
  const isOwner = useRole(organization) === 'owner'
  const managesPeople = useManagesPeople(organization)
  const [isOpen, dialog] = useDisclosure()
  const isAboutTeams = tab === 'teams'
  return (
    <Page
      title={text.people.title}
      lead={text.people.lead}
      action={
        (isAboutTeams ? isOwner : managesPeople) ? (
          <Button onClick={dialog.open}>{isAboutTeams ? text.teams.create : text.invitations.invite}</Button>
        ) : null
      }
    >
      <Tabs
        value={tab}
        onChange={(chosen) => void navigate({ search: { tab: chosen as PeopleTab } })}
        keepMounted={false}
      >
        <Tabs.List mb="md">
          {PEOPLE_TABS.map((one) => (
            <Tabs.Tab key={one} value={one}>
              {text.people.tabs[one]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="members">
          <MembersTab organization={organization} mayManage={managesPeople} />
        </Tabs.Panel>
        <Tabs.Panel value="teams">
          <TeamsTab organization={organization} isOwner={isOwner} />
        </Tabs.Panel>
        <Tabs.Panel value="invitations">
          <InvitationsTab organization={organization} mayManage={managesPeople} />
        </Tabs.Panel>
      </Tabs>
      {isOpen && isAboutTeams ? <CreateTeamDialog organization={organization} onClose={dialog.close} /> : null}
      {isOpen && !isAboutTeams ? <InviteDialog organization={organization} onClose={dialog.close} /> : null}
    </Page>
  )
}
