/** Makes a link by which one person joins, and shows it this once. */
import { Button, Group, MultiSelect, Select, SimpleGrid, Stack, Text, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { InvitationCreated } from '../../api/invitations.ts'
import { useChange } from '../api/client.ts'
import { organizationPath } from '../api/paths.ts'
import { request } from '../api/request.ts'
import { useTeams } from '../api/teams.ts'
import { Dialog, DialogButtons } from '../shell/dialog.tsx'
import { Once } from '../shell/once.tsx'
import { Failure } from '../shell/parts.tsx'
import { useSpeech } from '../text/language.tsx'

export function InviteDialog({
  organization,
  onClose,
}: {
  readonly organization: string
  readonly onClose: () => void
}) {
  const { text } = useSpeech()
  const teams = useTeams(organization)
  const [role, setRole] = useState('member')
  const [chosen, setChosen] = useState<string[]>([])
  const [expires, setExpires] = useState('7d')
  const invite = useChange((body: Record<string, unknown>) =>
    request<InvitationCreated>('POST', organizationPath(organization, '/invitations'), { body }),
  )
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const email = String(new FormData(event.currentTarget).get('email') ?? '').trim()
    invite.mutate({ role, teams: chosen, email: email === '' ? null : email, expires })
  }
  return (
    <Dialog title={text.invitations.invite} size="lg" onClose={onClose}>
      {invite.data === undefined ? (
        <form onSubmit={submit}>
          <Stack>
            <Text size="sm" c="dimmed">
              {text.invitations.lead}
            </Text>
            <SimpleGrid cols={{ base: 1, xs: 2 }} verticalSpacing="md">
              <Select
                label={text.invitations.role}
                data={Object.entries(text.people.roles).map(([value, label]) => ({ value, label }))}
                value={role}
                onChange={(one) => setRole(one ?? 'member')}
                allowDeselect={false}
              />
              <Select
                label={text.invitations.expires}
                data={Object.entries(text.invitations.lengths).map(([value, label]) => ({ value, label }))}
                value={expires}
                onChange={(one) => setExpires(one ?? '7d')}
                allowDeselect={false}
              />
            </SimpleGrid>
            {(teams.data ?? []).length === 0 ? null : (
              <MultiSelect
                label={text.invitations.teams}
                data={(teams.data ?? []).map(({ name }) => name)}
                value={chosen}
                onChange={setChosen}
                searchable
              />
            )}
            <TextInput
              name="email"
              type="email"
              label={text.invitations.email}
              description={text.invitations.emailHelp}
            />
            {invite.isError ? <Failure error={invite.error} /> : null}
            <DialogButtons action={text.invitations.make} isPending={invite.isPending} onCancel={onClose} />
          </Stack>
        </form>
      ) : (
        <Stack>
          <Once title={text.invitations.link} lead={text.invitations.linkLead} secret={invite.data.url}>
            <Text size="sm">{[text.invitations.mail[invite.data.mail], invite.data.mailProblem ?? ''].join(' ')}</Text>
          </Once>
          <Group justify="flex-end">
            <Button onClick={onClose}>{text.common.close}</Button>
          </Group>
        </Stack>
      )}
    </Dialog>
  )
}
