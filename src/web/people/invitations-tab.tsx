/** Whom somebody has invited, and what became of it. */
import { Button, Stack, Table, Text } from '@mantine/core'
import { CheckIcon, CircleSlashIcon, ClockIcon, MailIcon } from '@primer/octicons-react'
import type { Invitation } from '../../api/invitations.ts'
import { useChange } from '../api/client.ts'
import { organizationPath } from '../api/paths.ts'
import { useInvitations } from '../api/people.ts'
import { request } from '../api/request.ts'
import { LongTable } from '../shell/long-table.tsx'
import { MayNot } from '../shell/may-not.tsx'
import { Failure, Rows, Time } from '../shell/parts.tsx'
import { Status } from '../shell/status.tsx'
import { Teach } from '../shell/teach.tsx'
import { useTell } from '../shell/tell.ts'
import { useSpeech } from '../text/language.tsx'

const STATES = {
  open: ['working', MailIcon],
  accepted: ['good', CheckIcon],
  revoked: ['quiet', CircleSlashIcon],
  expired: ['quiet', ClockIcon],
  void: ['quiet', CircleSlashIcon],
} as const

export function InvitationsTab(o: { readonly organization: string; readonly mayManage: boolean }) {
  const { text } = useSpeech()
  return o.mayManage ? <Invitations organization={o.organization} /> : <MayNot>{text.invitations.mayNot}</MayNot>
}

function Invitations({ organization }: { readonly organization: string }) {
  const { text } = useSpeech()
  const invitations = useInvitations(organization)
  if (invitations.isError) return <Failure error={invitations.error} retry={() => void invitations.refetch()} />
  if (invitations.data === undefined) return <Rows count={3} />
  if (invitations.data.length === 0) {
    return <Teach command={`kagami invitation create ${organization} --role member`}>{text.invitations.empty}</Teach>
  }
  const { columns } = text.invitations
  return (
    <Stack>
      <Text c="dimmed" size="sm">
        {text.invitations.lead}
      </Text>
      <LongTable
        items={invitations.data}
        keyOf={({ id }) => id}
        head={
          <>
            <Table.Th>{columns.state}</Table.Th>
            <Table.Th>{columns.as}</Table.Th>
            <Table.Th>{columns.for}</Table.Th>
            <Table.Th>{columns.by}</Table.Th>
            <Table.Th ta="right">{columns.made}</Table.Th>
            <Table.Th ta="right">{columns.ends}</Table.Th>
            <Table.Th />
          </>
        }
        row={(one) => <InvitationCells organization={organization} invitation={one} />}
      />
    </Stack>
  )
}

function InvitationCells({
  organization,
  invitation,
}: {
  readonly organization: string
  readonly invitation: Invitation
}) {
  const { text } = useSpeech()
  const { id, state, role, teams, email, createdBy, createdAt, expiresAt, acceptedBy } = invitation
  const tell = useTell()
  const revoke = useChange(
    () => request('DELETE', organizationPath(organization, `/invitations/${id}`)),
    () => tell(text.invitations.revoked),
  )
  const [tone, icon] = STATES[state]
  const whom = email ?? text.invitations.anybody
  return (
    <>
      <Table.Td>
        <Status tone={tone} icon={icon}>
          {text.invitations.states[state]}
        </Status>
      </Table.Td>
      <Table.Td>{[text.people.roles[role], ...teams].join(' · ')}</Table.Td>
      <Table.Td>{acceptedBy === null ? whom : text.invitations.usedBy(acceptedBy)}</Table.Td>
      <Table.Td>{createdBy}</Table.Td>
      <Table.Td ta="right">
        <Time at={createdAt} />
      </Table.Td>
      <Table.Td ta="right">{state === 'open' ? <Time at={expiresAt} /> : null}</Table.Td>
      <Table.Td ta="right">
        {state === 'open' ? (
          <Button
            size="compact-xs"
            variant="default"
            loading={revoke.isPending}
            onClick={() => revoke.mutate(undefined)}
            aria-label={text.invitations.revokeFor(whom)}
          >
            {text.invitations.revoke}
          </Button>
        ) : null}
        {revoke.isError ? <Failure error={revoke.error} /> : null}
      </Table.Td>
    </>
  )
}
